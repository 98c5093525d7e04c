from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradcheck_cli.witnesses.reference import compiling
from gradcheck_cli.witnesses.reference.autodiff import EXACT_OUTPUTS, autodiff, gradient_program, perturbed
from tests.witnesses.cases import make_case, make_upstream
from tests.witnesses.traces import make_trace


def affine(x: Any, w: Any, b: Any) -> Any:
    return x @ w + b


def affine_case(rows: int, inner: int, columns: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    shapes = {"x": (rows, inner), "w": (inner, columns), "b": (columns,)}
    return make_case({name: rng.normal(size=shape).round(2) for name, shape in shapes.items()}, seed=seed)


def test_gradients_of_an_affine_layer_are_right_to_rounding() -> None:
    case = affine_case(4, 6, 5)
    upstream = make_upstream(case, affine)
    found = autodiff(make_trace(affine, case), case, upstream)
    x, w = case.arguments["x"], case.arguments["w"]
    (g,) = upstream.flat
    for gradient, right in zip(found.gradients, (g @ w.T, x.T @ g, g.sum(0))):
        np.testing.assert_allclose(gradient, right, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("together", [2**22, 0], ids=["in one batch", "one by one"])
def test_gradients_for_several_cotangents_are_those_of_each(together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradcheck_cli.witnesses.reference.autodiff.TOGETHER", together)
    case = affine_case(4, 6, 5)
    program = gradient_program(make_trace(affine, case))
    assert program.at_once == (21 if together else 1)
    leaves = [leaf.value for leaf in case.leaves]
    several = [[cotangent] for cotangent in np.random.default_rng(1).normal(size=(23, 4, 5))]
    found = program.gradients_of_several(leaves, several)
    assert len(found) == len(several)
    for gradients, cotangents in zip(found, several):
        for gradient, right in zip(gradients, program.gradients(leaves, cotangents)):
            np.testing.assert_allclose(gradient, right, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("together", [2**22, 0], ids=["in one batch", "one by one"])
@pytest.mark.parametrize("columns", [5, 50], ids=["exact", "sampled"])
def test_scale_is_the_root_sum_of_squares_of_the_terms(
    columns: int, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradcheck_cli.witnesses.reference.autodiff.TOGETHER", together)
    case = affine_case(4, 6, columns)
    upstream = make_upstream(case, affine)
    found = autodiff(make_trace(affine, case), case, upstream)
    x, w = case.arguments["x"], case.arguments["w"]
    (g,) = upstream.flat
    exact = g.size <= EXACT_OUTPUTS
    np.testing.assert_allclose(found.gradients[1], x.T @ g, rtol=1e-14, atol=1e-14)
    for scale, right in zip(found.scale, (np.sqrt(g**2 @ (w.T) ** 2), np.sqrt((x.T) ** 2 @ g**2))):
        ratio = scale / right
        assert np.allclose(ratio, 1) if exact else (ratio.min() > 0.2 and ratio.max() < 2.5)


def test_scale_stays_where_the_terms_cancel() -> None:
    # The gradient of a sum of softmax outputs is zero; its terms are not.
    case = make_case({"x": np.array([0.3, -0.2, 0.9])}, unit_upstream=True)
    upstream = make_upstream(case, lambda x: np.exp(x) / np.exp(x).sum())
    found = autodiff(make_trace(lambda x: jnp.exp(x) / jnp.exp(x).sum(), case), case, upstream)
    assert np.abs(found.gradients[0]).max() < 1e-15
    assert found.scale[0].min() > 0.1


def test_complex_gradients_follow_jax() -> None:
    z, x = np.array([1 + 2j, -0.5 + 0.25j]), np.array([0.5, 2.0])
    case = make_case({"z": z, "x": x})
    upstream = make_upstream(case, lambda z, x: z * z * x)
    found = autodiff(make_trace(lambda z, x: z * z * x, case), case, upstream)
    (g,) = upstream.flat
    np.testing.assert_allclose(found.gradients[0], g * 2 * z * x)
    np.testing.assert_allclose(found.gradients[1], (g * z * z).real)


def test_float32_inside_and_several_outputs() -> None:
    case = make_case({"x": np.array([0.5, -1.5])})

    def forward(x: Any) -> Any:
        return jnp.tanh(x.astype(jnp.float32)), x.sum()

    upstream = make_upstream(case, lambda x: (np.tanh(x.astype(np.float32)), x.sum()))
    found = autodiff(make_trace(forward, case), case, upstream)
    x = case.arguments["x"]
    right = upstream.flat[0] * (1 - np.tanh(x) ** 2) + upstream.flat[1]
    np.testing.assert_allclose(found.gradients[0], right, rtol=1e-6)


def test_a_leaf_that_nothing_depends_on_has_zeros() -> None:
    case = make_case({"x": np.ones(2), "unused": np.ones((2, 3))})
    upstream = make_upstream(case, lambda x, unused: x * 2)
    found = autodiff(make_trace(lambda x, unused: x * 2, case), case, upstream)
    np.testing.assert_array_equal(found.gradients[1], np.zeros((2, 3)))
    np.testing.assert_array_equal(found.scale[1], np.zeros((2, 3)))


def test_no_floating_outputs_and_no_leaves() -> None:
    case = make_case({"x": np.ones(2)})
    upstream = make_upstream(case, lambda x: np.arange(2))
    found = autodiff(make_trace(lambda x: (), case), case, upstream)
    np.testing.assert_array_equal(found.gradients[0], np.zeros(2))
    nothing = make_case({"n": np.arange(2)})
    assert (
        autodiff(
            make_trace(lambda: jnp.ones(2), nothing), nothing, make_upstream(nothing, lambda n: np.ones(2))
        ).gradients
        == ()
    )


def test_draws_of_equal_shapes_share_one_program_but_not_their_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    real = compiling._compile
    monkeypatch.setattr(compiling, "_compile", lambda *given: compiled.append(given) or real(*given))
    compiling._programs.clear()
    for seed in range(3):
        case = affine_case(4, 6, 5, seed)
        constant = np.random.default_rng(seed + 10).normal(size=(6,))
        trace = make_trace(lambda x, w, b, c=constant: (x * c) @ w + b, case)
        upstream = make_upstream(case, lambda x, w, b: x @ w + b)
        found = autodiff(trace, case, upstream)
        np.testing.assert_allclose(found.gradients[1], (case.arguments["x"] * constant).T @ upstream.flat[0])
    assert len(compiled) == 1


def test_programs_that_call_back_into_python_are_not_shared() -> None:
    case = make_case({"x": np.array([1.0, 2.0])})
    upstream = make_upstream(case, lambda x: x)
    for factor in (2.0, 3.0):

        def forward(x: Any, factor: float = factor) -> Any:
            given = jax.pure_callback(lambda: np.float64(factor), jax.ShapeDtypeStruct((), np.float64))
            return x * given

        found = autodiff(make_trace(forward, case), case, upstream)
        np.testing.assert_allclose(found.gradients[0], factor * upstream.flat[0])


def test_perturbed_moves_by_the_size_that_is_asked_for() -> None:
    case = make_case({"x": np.array([0.5, -1.5, 2.0])})
    upstream = make_upstream(case, lambda x: x**3)
    at = perturbed(make_trace(lambda x: x**3, case), case, upstream)
    x = case.arguments["x"]
    right = upstream.flat[0] * 3 * x**2
    moved = at(1e-3, 0)[0] / right - 1
    np.testing.assert_allclose(np.abs(moved), 2e-3, rtol=1e-2)
    np.testing.assert_array_equal(at(1e-3, 0)[0], at(1e-3, 0)[0])


def test_the_program_of_a_trace_is_made_once() -> None:
    trace = make_trace(affine, affine_case(4, 6, 5))
    assert gradient_program(trace) is gradient_program(trace)
