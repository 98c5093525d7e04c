from __future__ import annotations

from time import process_time
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.witnesses.differences.differencer import Differencer
from gradcheck_cli.witnesses.differences.evaluate import evaluator
from tests.witnesses.cases import Bound, make_case, make_upstream


def affine(x: Any, w: Any, b: Any) -> Any:
    return x @ w + b


def affine_case(rows: int, inner: int, columns: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    shapes = {"x": (rows, inner), "w": (inner, columns), "b": (columns,)}
    return make_case({name: rng.normal(size=shape).round(2) for name, shape in shapes.items()}, seed=seed)


def differencer_for(forward: Any, case: Any, **settings: Any) -> Differencer:
    return Differencer(evaluator(Bound(forward), case), case, make_upstream(case, forward), **settings)


def affine_gradients(case: Any) -> tuple[Any, ...]:
    g = make_upstream(case, affine).flat[0]
    return g @ case.arguments["w"].T, case.arguments["x"].T @ g, g.sum(0)


@pytest.mark.parametrize("relative", [1e-2, 1e-4, 1e-6])
def test_one_wrong_element_shows_in_every_direction(relative: float) -> None:
    case = affine_case(32, 64, 48)
    right = affine_gradients(case)
    wrong = [gradient.copy() for gradient in right]
    wrong[1][5, 7] *= 1 + relative
    for one in differencer_for(affine, case).directional(4):
        along_right, along_wrong = (
            sum(np.sum(v * g) for v, g in zip(one.direction, gradients)) for gradients in (right, wrong)
        )
        slack = 1e-12 * np.sqrt(sum(np.sum((v * g) ** 2) for v, g in zip(one.direction, right)))
        assert abs(one.difference.value - along_right) <= one.difference.error + slack
        assert abs(one.difference.value - along_wrong) > one.difference.error + slack


def test_directions_have_the_leaves_shapes_and_both_signs_and_are_the_same_again() -> None:
    case = affine_case(4, 6, 5)
    differencer = differencer_for(affine, case)
    first, second = differencer.directional(2)
    assert [part.shape for part in first.direction] == [leaf.value.shape for leaf in case.leaves]
    assert not np.array_equal(first.direction[0], second.direction[0])
    w = case.arguments["w"]
    relative = (first.direction[1] / np.where(w == 0, np.inf, w))[w != 0]
    assert (relative < 0).any() and (relative > 0).any()
    assert np.abs(relative).min() >= 0.5 and np.abs(relative).max() <= 1.5
    assert differencer.directional(1)[0] is first
    again = differencer_for(affine, case).directional(1)[0]
    np.testing.assert_array_equal(again.direction[0], first.direction[0])


def test_float32_leaves_are_differenced_in_float64() -> None:
    x = np.array([0.3, -1.2, 2.0], np.float32)
    case = make_case({"x": x})
    upstream = make_upstream(case, lambda x: np.sin(x))
    found = differencer_for(lambda x: np.sin(x), case).all_elements()
    for (_, index), one in found.items():
        right = upstream.flat[0][index] * np.cos(x.astype(float)[index])
        assert abs(one.value - right) <= one.error < 1e-8


def test_complex_leaves_follow_jax() -> None:
    z = np.array([1 + 2j, -0.5 + 0.25j])

    def forward(z: Any) -> Any:
        return np.conj(z) * np.exp(z), np.abs(z) ** 2

    case = make_case({"z": z})
    differencer = differencer_for(forward, case)
    g, h = make_upstream(case, forward).flat
    # d(conj(z) e^z) = e^z conj(dz) + conj(z) e^z dz, and Re(a conj(dz)) = Re(conj(a) dz).
    right = np.conj(g * np.exp(z)) + g * np.conj(z) * np.exp(z) + 2 * h * np.conj(z)
    for (_, index), one in differencer.all_elements().items():
        assert isinstance(one.value, complex)
        assert abs(one.value - right[index]) <= one.error < 1e-7
    along = differencer.directional(1)[0]
    assert along.direction[0].dtype == np.complex128
    assert abs(along.difference.value - np.sum(along.direction[0] * right).real) <= along.difference.error


def test_nested_scalar_and_integer_arguments() -> None:
    arguments = {"p": {"w": np.array([1.5, 2.0]), "n": np.arange(2)}, "s": 0.5, "label": np.array([1, 0]), "k": 3}

    def forward(p: Any, s: Any, label: Any, k: Any) -> Any:
        assert p["n"].dtype.kind == "i" and label.dtype.kind == "i" and type(k) is int
        return {"y": p["w"][label] * s**k}, label

    case = make_case(arguments)
    assert [leaf.name for leaf in case.leaves] == ["p['w']", "s"]
    g = make_upstream(case, forward).flat[0]
    found = differencer_for(forward, case).all_elements()
    for place, right in {(0, (0,)): g[1] * 0.125, (0, (1,)): g[0] * 0.125, (1, ()): g @ [2.0, 1.5] * 0.75}.items():
        assert abs(found[place].value - right) <= found[place].error < 1e-8


def test_constants_and_what_nothing_depends_on() -> None:
    case = make_case({"x": np.array([1.0, 2.0]), "unused": np.array([3.0])})
    differencer = differencer_for(lambda x, unused: x * 0 + 3.0, case)
    for one in differencer.all_elements().values():
        assert one.value == 0 and one.error < 1e-9
    assert differencer.directional(1)[0].difference.value == 0


def test_the_point_is_left_as_it_was() -> None:
    case = affine_case(3, 4, 5)
    before = {name: value.copy() for name, value in case.arguments.items()}
    differencer = differencer_for(affine, case)
    first = differencer.elements([(1, (2, 3))])
    differencer.directional(3)
    differencer.elements([(0, (0, 0))], one_sided=True)
    for name, value in before.items():
        np.testing.assert_array_equal(case.arguments[name], value)
    assert differencer.elements([(1, (2, 3))]) == first
    assert differencer_for(affine, case).elements([(1, (2, 3))]) == first


def test_a_limit_leaves_elements_out_and_says_so() -> None:
    case = affine_case(10, 20, 30)
    differencer = differencer_for(affine, case, max_evals=200)
    differencer.directional(1)
    found = differencer.all_elements()
    assert differencer.evaluations <= 200
    assert 0 < len(found) < differencer.size == 830
    result = differencer.result
    assert not result.complete and result.evaluations == differencer.evaluations
    assert f"{830 - len(found):,} elements left out" in result.note
    assert differencer.elements([(2, (29,))]) == {}


def test_a_complete_result_says_that_it_is() -> None:
    differencer = differencer_for(affine, affine_case(2, 3, 4))
    differencer.directional(2)
    differencer.all_elements()
    result = differencer.result
    assert result.complete and result.note == "" and len(result.directional) == 2 and len(result.elements) == 22


def test_outside_the_domain_the_step_shrinks() -> None:
    x = np.array([1e-9, 1.0, 2.0, 3.0])
    case = make_case({"x": x})

    def forward(x: Any) -> Any:
        if (x <= 0).any():
            raise ValueError("not positive")
        return np.log(x)

    g = make_upstream(case, forward).flat[0]
    found = differencer_for(forward, case).all_elements()
    for (_, index), one in found.items():
        assert abs(one.value - g[index] / x[index]) <= one.error < 1e-6 * abs(g[index] / x[index])


def test_nothing_finite_is_no_pass() -> None:
    case = make_case({"x": np.array([1.0, 2.0])})
    found = differencer_for(lambda x: np.where(x == [1.0, 2.0], x, np.nan), case).all_elements()
    assert all(one.error == np.inf for one in found.values())


def test_a_step_that_rounds_away_is_no_pass() -> None:
    case = make_case({"x": np.array([np.inf, 1.0])})
    found = differencer_for(lambda x: np.minimum(x, 5.0), case).elements([(0, (0,))])
    assert found[0, (0,)].error == np.inf


def test_other_shapes_in_float64_are_the_users_to_mend() -> None:
    case = make_case({"x": np.ones(3, np.float32)})
    with pytest.raises(UserError, match="given float64 inputs"):
        differencer_for(lambda x: np.zeros(3 if x.dtype == np.float32 else 2), case)


def test_a_forward_that_writes_into_its_inputs() -> None:
    x = np.array([0.5, 1.5])

    def forward(x: Any) -> Any:
        x *= 2
        return np.exp(x)

    case = make_case({"x": x.copy()})
    upstream = make_upstream(make_case({"x": x.copy()}), lambda x: np.exp(2 * x))
    found = Differencer(evaluator(Bound(forward), case), case, upstream).all_elements()
    for (_, index), one in found.items():
        right = upstream.flat[0][index] * 2 * np.exp(2 * x[index])
        assert abs(one.value - right) <= one.error < 1e-7
    np.testing.assert_array_equal(case.arguments["x"], x)


def test_a_forward_that_returns_its_input() -> None:
    case = make_case({"x": np.array([0.5, 1.5])})
    g = make_upstream(case, lambda x: x).flat[0]
    found = differencer_for(lambda x: x, case).all_elements()
    for (_, index), one in found.items():
        assert abs(one.value - g[index]) <= one.error < 1e-9


def test_every_element_of_a_small_layer_is_quick() -> None:
    case = affine_case(16, 64, 32)
    right = affine_gradients(case)
    seconds = []
    for _ in range(3):
        started = process_time()
        found = differencer_for(affine, case).all_elements()
        seconds.append(process_time() - started)
    assert len(found) == 3104
    assert all(abs(one.value - right[leaf][index]) <= one.error + 1e-13 for (leaf, index), one in found.items())
    # 0.11 s of the processor; the bound only catches work that grows with the size of the leaves.
    assert min(seconds) < 1.0


def test_a_direction_of_a_large_layer_takes_few_evaluations() -> None:
    case = affine_case(32, 1024, 1024)
    differencer = differencer_for(affine, case, narrowest=np.dtype(np.float64))
    (one,) = differencer.directional(1)
    along = sum(np.sum(v * g) for v, g in zip(one.direction, affine_gradients(case)))
    scale = np.sqrt(sum(np.sum((v * g) ** 2) for v, g in zip(one.direction, affine_gradients(case))))
    assert abs(one.difference.value - along) <= one.difference.error + 1e-13 * scale
    assert one.difference.error < 1e-8 * scale
    assert differencer.evaluations <= 15
