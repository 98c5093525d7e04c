from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.report.model import Status
from gradcheck_cli.tracing.trace import Untraceable
from tests.judge import affine
from tests.judge.hand_made import Slopes, a_case, a_layer, codes, judge, messages

UNTRACEABLE = Untraceable("`np.interp` has no JAX equal", Path("layers.py"), 3)
CASE = affine.case()
DOUT = affine.upstream(CASE)
RIGHT = affine.gradients(CASE, DOUT)


def verdict_with(settings: Settings | None = None, **changed: Any) -> Any:
    return judge(CASE, {**RIGHT, **changed}, affine.forward, DOUT, autodiff=UNTRACEABLE, settings=settings)


def one_leaf(x: np.ndarray, function: Any, gradient: Any, **more: Any) -> Any:
    case = a_case({"x": x})
    return judge(case, {"x": np.asarray(gradient)}, function, np.ones(x.shape), autodiff=UNTRACEABLE, **more)


def test_right_gradients_pass_by_finite_differences_on_all_elements() -> None:
    verdict = verdict_with()
    assert verdict.status is Status.PASS
    assert verdict.differences.complete
    assert verdict.witnesses == ("yours", "finite differences")
    assert all(leaf.decided_by == "finite differences" for leaf in verdict.leaves)
    assert verdict.notes == (
        "Autodiff is unavailable (line 3): `np.interp` has no JAX equal. Finite differences decide.",
    )


@pytest.mark.parametrize("error", [1.0, 1e-3, 1e-6])
def test_one_wrong_element(error: float) -> None:
    gradient = RIGHT["w"].copy()
    gradient[2, 3] *= 1 + error
    verdict = verdict_with(w=gradient)
    assert codes(verdict) == ["GC201"]
    assert verdict.all_findings[0].index == (2, 3)
    assert verdict.all_findings[0].autodiff is None
    assert "finite differences" in messages(verdict)[0]


def test_dimensions_are_judged_too() -> None:
    verdict = verdict_with(w=RIGHT["w"].T, b=None)
    assert codes(verdict) == ["GC101", "GC103"]
    assert messages(verdict)[0].endswith("transpose it (`.T`); its values are then right")


def test_none_where_the_gradient_is_zero() -> None:
    case = a_case({"x": np.ones(3), "unused": np.ones(2)})
    dout = np.array([1.0, 2.0, 3.0])
    verdict = judge(case, {"x": 2 * dout}, lambda x, unused: x**2 + 0 * unused.sum(), dout, autodiff=UNTRACEABLE)
    assert verdict.status is Status.PASS


def test_a_gradient_that_is_zero_everywhere() -> None:
    x = np.array([1.0, 2.0])
    assert one_leaf(x, lambda x: 0 * x + 1.0, [0.0, 0.0]).status is Status.PASS
    assert codes(one_leaf(x, lambda x: 0 * x + 1.0, [0.0, 0.1])) == ["GC201"]


def test_yours_is_not_finite() -> None:
    gradient = RIGHT["w"].copy()
    gradient[0, 0] = np.nan
    assert codes(verdict_with(w=gradient)) == ["GC401"]


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_a_kink(slope: float) -> None:
    x = np.array([0.0, 1.0, -1.0])
    assert one_leaf(x, lambda x: np.maximum(x, 0), [slope, 1.0, 0.0]).status is Status.PASS


@pytest.mark.parametrize("slope", [2.0, 1.05, -0.05])
def test_beyond_the_slopes_of_a_kink(slope: float) -> None:
    x = np.array([0.0, 1.0, -1.0])
    assert codes(one_leaf(x, lambda x: np.maximum(x, 0), [slope, 1.0, 0.0])) == ["GC201"]


class TestTooManyElements:
    few = Settings(max_evals=150)

    def test_right(self) -> None:
        verdict = verdict_with(self.few)
        assert verdict.status is Status.PASS
        assert len(verdict.differences.directional) == 4
        assert any("elements of `dw` were not checked one by one" in note for note in verdict.notes)

    def test_wrong_everywhere(self) -> None:
        verdict = verdict_with(self.few, w=RIGHT["w"] * 1.01)
        assert codes(verdict) == ["GC201"]
        assert "looked at" in messages(verdict)[0]

    def test_wrong_in_one_element_that_was_not_looked_at(self) -> None:
        seen = {place for place in verdict_with(self.few).differences.elements if place[0] == 1}
        index = next(index for index in np.ndindex(RIGHT["w"].shape) if (1, index) not in seen)
        gradient = RIGHT["w"].copy()
        gradient[index] += 0.5
        verdict = verdict_with(self.few, w=gradient)
        assert verdict.status is Status.FAIL
        assert messages(verdict)[0].startswith("some gradient is wrong: along a random direction of all inputs")
        assert verdict.all_findings[0].argument is None


class TestNoise:
    def noisy(self, noise: float, gradient_factor: float = 1.0) -> Any:
        x = np.linspace(1.0, 2.0, 9)
        slopes = Slopes(lambda x: x**2, (x,), np.ones(9), noise=noise)
        return one_leaf(x, lambda x: x**2, 2 * x * gradient_factor, slopes=slopes)

    def test_that_swamps_the_signal_is_inconclusive(self) -> None:
        verdict = self.noisy(1e-4)
        assert verdict.status is Status.INCONCLUSIVE
        assert "the forward is too noisy for finite differences" in verdict.leaves[0].why

    def test_that_does_not(self) -> None:
        assert self.noisy(1e-12).status is Status.PASS
        assert self.noisy(1e-12, 1.01).status is Status.FAIL

    def test_and_a_gross_error(self) -> None:
        assert self.noisy(1e-6, 3.0).status is Status.FAIL


def test_a_broken_forward() -> None:
    with np.errstate(invalid="ignore"):
        verdict = one_leaf(np.array([-1.0, 4.0]), np.sqrt, [np.nan, 0.25])
    assert verdict.status is Status.INCONCLUSIVE
    assert verdict.leaves[0].why.startswith("the forward gives NaN at [0]")


def test_no_differencer_at_all_is_inconclusive() -> None:
    verdict = verdict_with(Settings(max_evals=0))
    assert verdict.status is Status.INCONCLUSIVE


def test_a_straight_through_gradient_cannot_be_judged_without_autodiff() -> None:
    x = np.linspace(1.1, 1.4, 5)
    for expect, status in (("straight-through", Status.INCONCLUSIVE), ("", Status.FAIL)):
        case = a_case({"x": x}, layer=a_layer(("x",), expect=expect))
        verdict = judge(case, {"x": np.ones(5)}, np.round, np.ones(5), autodiff=UNTRACEABLE)
        assert verdict.status is status
