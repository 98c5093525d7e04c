from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck_cli.witnesses.differences.differencer import Differencer
from gradcheck_cli.witnesses.differences.evaluate import evaluator
from tests.witnesses.cases import Bound, make_case, make_upstream


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


def magnitude(x: Any) -> Any:
    return np.abs(x)


def made(forward: Any, x: Any, seed: int = 0) -> tuple[Differencer, Any]:
    def plain(x: Any) -> Any:
        return forward(x)

    case = make_case({"x": np.asarray(x, float)}, seed=seed)
    upstream = make_upstream(case, plain)
    return Differencer(evaluator(Bound(plain), case), case, upstream), upstream.flat[0]


@pytest.mark.parametrize(("forward", "left", "right"), [(relu, 0, 1), (magnitude, -1, 1)])
def test_at_a_kink_the_sides_differ_and_the_bar_includes_both(forward: Any, left: float, right: float) -> None:
    differencer, g = made(forward, [0.0, 1.0, -1.0, 2.0])
    found = differencer.elements([(0, (i,)) for i in range(4)], one_sided=True)
    kink = found[0, (0,)]
    assert kink.forward is not None and kink.backward is not None and kink.one_sided_error is not None
    assert abs(kink.forward - right * g[0]) <= kink.one_sided_error < 1e-2
    assert abs(kink.backward - left * g[0]) <= kink.one_sided_error
    for side in (left, right):
        assert abs(kink.value - side * g[0]) <= kink.error
    for index, slope in ((1, right), (2, left), (3, right)):
        smooth = found[0, (index,)]
        for value in (smooth.forward, smooth.backward, smooth.value):
            assert value is not None and abs(value - slope * g[index]) <= 1e-8
        assert smooth.error < 1e-8


def test_one_sided_values_are_absent_unless_asked_for() -> None:
    differencer, _ = made(relu, [0.0, 1.0])
    plain = differencer.elements([(0, (0,))])[0, (0,)]
    assert plain.forward is None and plain.backward is None and plain.one_sided_error is None
    assert differencer.elements([(0, (0,))], one_sided=True)[0, (0,)].forward is not None


def test_one_sided_differences_of_smooth_functions_hold_their_bars() -> None:
    outside = 0
    for seed in range(30):
        x = np.random.default_rng(seed).normal(size=5).round(2)
        differencer, g = made(lambda x: np.exp(np.sin(3 * x)), x, seed)
        right = g * np.exp(np.sin(3 * x)) * 3 * np.cos(3 * x)
        for (_, index), one in differencer.elements([(0, (i,)) for i in range(5)], one_sided=True).items():
            assert one.forward is not None and one.backward is not None and one.one_sided_error is not None
            outside += not abs(one.forward - right[index]) <= one.one_sided_error
            outside += not abs(one.backward - right[index]) <= one.one_sided_error
            assert one.one_sided_error < 1e-5
    assert outside == 0


@pytest.mark.parametrize("forward", [relu, magnitude])
def test_a_kink_near_by_never_makes_a_bar_that_is_too_small(forward: Any) -> None:
    slope = {relu: lambda x: x > 0, magnitude: np.sign}[forward]
    outside = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x = rng.choice([-1, 1], 20) * 10.0 ** rng.uniform(-9, -2, 20)
        x[:11] = rng.normal(size=11)
        differencer, g = made(forward, x, seed)
        right = g * slope(x)
        outside += sum(not abs(one.value - right[i]) <= one.error for (_, i), one in differencer.all_elements().items())
    assert outside == 0


def test_relu_of_a_matmul() -> None:
    outside = total = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        arguments = {"x": rng.normal(size=(6, 5)).round(2), "w": rng.normal(size=(5, 8)).round(2)}
        case = make_case(arguments, seed=seed)

        def forward(x: Any, w: Any) -> Any:
            return np.maximum(x @ w, 0)

        upstream = make_upstream(case, forward)
        g = upstream.flat[0] * (arguments["x"] @ arguments["w"] > 0)
        right = (g @ arguments["w"].T, arguments["x"].T @ g)
        found = Differencer(evaluator(Bound(forward), case), case, upstream).all_elements()
        outside += sum(not abs(one.value - right[leaf][i]) <= one.error + 1e-14 for (leaf, i), one in found.items())
        total += len(found)
        assert np.median([one.error for one in found.values()]) < 1e-8
    assert outside <= total / 1000


def test_a_jump_has_a_bar_that_excludes_nothing_of_use() -> None:
    differencer, g = made(lambda x: np.where(x > 0, x, x - 1), [0.0, 1.0])
    found = differencer.all_elements()
    assert found[0, (0,)].error > 10 * abs(g[0])
    assert abs(found[0, (1,)].value - g[1]) <= found[0, (1,)].error < 1e-8


def test_a_tie_of_a_maximum() -> None:
    differencer, g = made(lambda x: x.max(keepdims=True), [1.0, 1.0, 0.5])
    found = differencer.elements([(0, (i,)) for i in range(3)], one_sided=True)
    for index in (0, 1):
        one = found[0, (index,)]
        assert one.forward is not None and one.backward is not None and one.one_sided_error is not None
        assert abs(one.forward - g[0]) <= one.one_sided_error
        assert abs(one.backward) <= one.one_sided_error
    assert found[0, (2,)].value == 0


def test_outputs_choose_their_sides_each_for_itself() -> None:
    differencer, g = made(lambda x: np.stack([np.maximum(x, 0), np.maximum(-x, 0)]), [0.0, 1.0])
    one = differencer.elements([(0, (0,))], one_sided=True)[0, (0,)]
    slopes = np.array([[g[0, 0], 0.0], [0.0, -g[1, 0]]])  # each output's own, right and left
    assert one.forward is not None and one.lower is not None and one.upper is not None
    assert abs(one.forward - slopes[:, 0].sum()) < 1e-6
    assert abs(one.lower - slopes.min(axis=1).sum()) < 1e-6
    assert abs(one.upper - slopes.max(axis=1).sum()) < 1e-6
    assert one.kinked == (0, 2)


def test_a_kink_at_the_point_is_not_taken_for_noise() -> None:
    differencer, g = made(lambda x: np.abs(x).sum(), [0.0, 1.0, -1.0, 0.0])
    found = differencer.elements([(0, (i,)) for i in range(4)], one_sided=True)
    assert found[0, (0,)].one_sided_error is not None and found[0, (0,)].one_sided_error < 1e-7
    for index, slope in ((1, 1), (2, -1)):
        assert abs(found[0, (index,)].value - slope * g) <= found[0, (index,)].error < 1e-8


@pytest.mark.parametrize(
    ("forward", "x", "size", "left", "right"),
    [
        (lambda x: np.floor(x) + 0.5 * x, 2.0, 1.0, 0.5, 0.5),
        (np.round, 0.5, 1.0, 0.0, 0.0),
        (lambda x: np.where(x > 0, x**2 + 3 * x + 2, -x), 0.0, 2.0, -1.0, 3.0),
        (lambda x: 1e-3 * (x >= 1) + np.sin(x), 1.0, 1e-3, np.cos(1.0), np.cos(1.0)),
    ],
    ids=["floor", "round", "where", "small"],
)
def test_a_jump_has_a_size_and_slopes_beside_it(forward: Any, x: float, size: float, left: float, right: float) -> None:
    differencer, g = made(forward, [x, 0.25])
    one, other = differencer.elements([(0, (0,)), (0, (1,))], one_sided=True).values()
    assert abs(one.jump - size) < 1e-4 * size
    assert one.forward is not None and one.backward is not None and one.one_sided_error is not None
    assert abs(one.forward - right * g[0]) <= one.one_sided_error < 1e-3
    assert abs(one.backward - left * g[0]) <= one.one_sided_error
    assert other.jump == 0


@pytest.mark.parametrize("forward", [lambda x: np.sign(x) * np.abs(x) ** 0.5, np.cbrt, np.abs, lambda x: x**2])
def test_what_is_steep_or_bent_does_not_jump(forward: Any) -> None:
    differencer, _ = made(forward, [0.0, 1.0])
    assert differencer.elements([(0, (0,))], one_sided=True)[0, (0,)].jump == 0


def test_jumps_are_not_seen_where_there_are_none() -> None:
    for seed in range(20):
        x = np.random.default_rng(seed).normal(size=6).round(2)
        differencer, _ = made(lambda x: np.tanh(x) * np.exp(np.sin(5 * x)).sum(), x, seed)
        found = differencer.elements([(0, (i,)) for i in range(6)], one_sided=True)
        assert all(one.jump == 0 and one.kinked == () for one in found.values())


def test_tied_entries_together_move_their_maximum_smoothly() -> None:
    differencer, g = made(lambda x: x.max(axis=1), [[1.0, 1.0, 0.5], [2.0, 3.0, 3.0]])
    for row, columns in ((0, (0, 1)), (1, (1, 2))):
        one = differencer.together([(0, (row, column)) for column in columns])
        assert one is not None and one.one_sided_error is not None
        assert one.kinked == ()
        assert abs(float(one.value.real) - g[row]) <= one.one_sided_error < 1e-6


def test_together_leaves_the_point_where_it_was() -> None:
    differencer, _ = made(lambda x: x.max(axis=1), [[1.0, 1.0, 0.5]])
    before = differencer.elements([(0, (0, 0))], one_sided=True)
    differencer.together([(0, (0, 0)), (0, (0, 1))])
    differencer.nearby((0, (0, 0)))
    after = differencer.elements([(0, (0, 0))], one_sided=True)
    assert before[0, (0, 0)].forward == after[0, (0, 0)].forward


def test_gradients_nearby_know_what_one_sided_slopes_do_not() -> None:
    """The middle one of three equal entries of a sorted array moves to neither side."""
    differencer, g = made(np.sort, [2.0, 2.0, 2.0, 5.0])
    one = differencer.elements([(0, (0,))], one_sided=True)[0, (0,)]
    assert one.lower is not None and one.upper is not None
    middle = float(np.sort(g[:3])[1])
    near = differencer.nearby((0, (0,)))
    assert near is not None and near.lower is not None and near.upper is not None
    assert near.lower <= min(one.lower, middle) + 1e-6 and max(one.upper, middle) - 1e-6 <= near.upper
    assert not near.several


def test_several_kinks_in_one_output_are_seen_nearby() -> None:
    rng = np.random.default_rng(0)
    w, v = rng.normal(size=(3, 6)), rng.normal(size=(6, 2))
    differencer, _ = made(lambda x: np.maximum(x @ w, 0) @ v, [[0.0, 0.0, 0.0]])
    differencer.elements([(0, (0, 0))], one_sided=True)
    near = differencer.nearby((0, (0, 0)))
    assert near is not None and near.several


def test_limits_are_kept() -> None:
    case = make_case({"x": np.array([1.0, 1.0])})
    upstream = make_upstream(case, lambda x: x.max())
    differencer = Differencer(evaluator(Bound(lambda x: x.max()), case), case, upstream, max_evals=60)
    assert differencer.together([(0, (0,)), (0, (1,))]) is None or differencer.evaluations <= 110
    assert differencer.nearby((0, (0,))) is None
