"""Gradients that are no derivative on purpose: what is expected is checked for what it should be."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradcheck_cli.report.model import Status
from tests.judge.kinked import Checked, checking, said
from tests.thorough import each

X = np.array([[0.3, -0.62, 1.4], [-1.31, 0.08, 0.55]])
EXPECTED = "straight-through"


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Checked:
    return checking(True, monkeypatch)


def factor(size: float) -> Any:
    return lambda dout, cache: size * dout


def masked(mask: Any) -> Any:
    return lambda dout, x: dout * mask(x)


STEPS = {
    "round": lambda x: np.round(4 * x) / 4,
    "floor": lambda x: np.floor(4 * x) / 4,
    "ceil": lambda x: np.ceil(4 * x) / 4,
    "sign": np.sign,
    "comparison": lambda x: (x > 0).astype(float),
    "choice": lambda x: np.where(x > 0, 1.0, -1.0),
    "integer cast": lambda x: (8 * x).astype(int) / 8,
    "jax round": lambda x: jnp.round(4 * x) / 4,
    "jax sign": jnp.sign,
    "jax choice": lambda x: jnp.where(x > 0, 1.0, -1.0),
    "jax comparison": lambda x: (x > 0).astype(x.dtype),
    "jax integer cast": lambda x: (8 * x).astype(jnp.int32).astype(x.dtype) / 8,
    "jax stop_gradient": lambda x: x + jax.lax.stop_gradient(jnp.round(4 * x) / 4 - x),
}
SOME = each(2, list(STEPS))


@pytest.mark.parametrize("step", [STEPS[name] for name in SOME], ids=SOME)
class TestExpected:
    def test_the_upstream_gradient_itself_passes(self, step: Any, checked: Checked) -> None:
        layer = checked(lambda x: (step(x), x), factor(1.0), x=X, expect=EXPECTED)
        assert layer.status is Status.PASS, said(layer)
        assert "is straight-through, as expected" in said(layer)

    @pytest.mark.parametrize("size", [2.0, -1.0, 0.99])
    def test_a_multiple_of_it_fails(self, step: Any, checked: Checked, size: float) -> None:
        layer = checked(lambda x: (step(x), x), factor(size), x=X, expect=EXPECTED)
        assert layer.status is Status.FAIL, said(layer)
        assert "straight-through, with the forward's steps as the identity, is" in said(layer)

    def test_zero_fails_though_it_is_the_derivative(self, step: Any, checked: Checked) -> None:
        layer = checked(lambda x: (step(x), x), factor(0.0), x=X, expect=EXPECTED)
        assert layer.status is Status.FAIL, said(layer)

    def test_one_wrong_element_fails(self, step: Any, checked: Checked) -> None:
        backward = masked(lambda x: 1 + 0.01 * (x == 0.08))
        layer = checked(lambda x: (step(x), x), backward, x=X, expect=EXPECTED)
        assert layer.status is Status.FAIL
        assert layer.findings[0].index == (1, 1)


class TestSaturation:
    def test_a_step_may_saturate_at_a_size(self, checked: Checked) -> None:
        layer = checked(lambda x: (np.sign(x), x), masked(lambda x: np.abs(x) <= 1), x=X, expect=EXPECTED)
        assert layer.status is Status.PASS, said(layer)
        assert "zero in 2 elements beyond those it lets through" in said(layer)

    def test_or_on_both_sides_of_an_interval(self, checked: Checked) -> None:
        layer = checked(lambda x: (np.sign(x), x), masked(lambda x: (x > 0) & (x < 1)), x=X, expect=EXPECTED)
        assert layer.status is Status.PASS, said(layer)

    @pytest.mark.parametrize("mask", [lambda x: x > 0, lambda x: np.abs(x) > 0.3], ids=["one side", "inside"])
    def test_but_not_elsewhere(self, checked: Checked, mask: Any) -> None:
        x = np.abs(X) * [[1, -1, 1], [-1, 1, 1]] - 0.2
        assert checked(lambda x: (np.sign(x), x), masked(mask), x=x, expect=EXPECTED).status is Status.FAIL

    @pytest.mark.parametrize("mask", [lambda x: np.abs(x) < 0.5, np.ones_like], ids=["stopped", "through"])
    def test_a_clip_may_stop_it_or_not(self, checked: Checked, mask: Any) -> None:
        layer = checked(lambda x: (np.round(4 * np.clip(x, -0.5, 0.5)) / 4, x), masked(mask), x=X, expect=EXPECTED)
        assert layer.status is Status.PASS, said(layer)

    @pytest.mark.parametrize("mask", [lambda x: x > 0, lambda x: np.abs(x) < 0.6, lambda x: np.abs(x) > 0.5])
    def test_but_not_another_clip(self, checked: Checked, mask: Any) -> None:
        layer = checked(lambda x: (np.round(4 * np.clip(x, -0.5, 0.5)) / 4, x), masked(mask), x=X, expect=EXPECTED)
        assert layer.status is Status.FAIL, said(layer)

    @pytest.mark.parametrize("inclusive", [True, False])
    def test_at_a_bound_itself_either(self, checked: Checked, inclusive: bool) -> None:
        mask = (lambda x: np.abs(x) <= 0.55) if inclusive else (lambda x: np.abs(x) < 0.55)
        layer = checked(lambda x: (np.sign(np.clip(x, -0.55, 0.55)), x), masked(mask), x=X, expect=EXPECTED)
        assert layer.status is Status.PASS, said(layer)


def quantized_product(x: Any, w: Any) -> Any:
    rounded = np.round(4 * w) / 4
    return x @ rounded, (x, rounded)


def through_product(dout: Any, cache: Any) -> Any:
    x, rounded = cache
    return dout @ rounded.T, x.T @ dout


W = np.array([[0.3, -0.7], [1.1, 0.45], [-0.2, 0.9]])


def test_a_step_inside_a_layer(checked: Checked) -> None:
    layer = checked(quantized_product, through_product, x=X, w=W, expect=EXPECTED)
    assert layer.status is Status.PASS, said(layer)
    doubled = checked(quantized_product, lambda g, c: (g @ c[1].T, 2 * c[0].T @ g), x=X, w=W, expect=EXPECTED)
    assert [finding.argument for finding in doubled.findings] == ["w"]
    exact = checked(quantized_product, lambda g, c: (2 * g @ c[1].T, c[0].T @ g), x=X, w=W, expect=EXPECTED)
    assert [finding.argument for finding in exact.findings] == ["x"]


def test_a_learnt_scale(checked: Checked) -> None:
    def forward(x: Any, scale: Any) -> Any:
        steps = np.round(x / scale)
        return steps * scale, (x, scale, steps)

    def backward(dout: Any, cache: Any) -> Any:
        x, scale, steps = cache
        return dout, np.sum(dout * (steps - x / scale), axis=0)

    scale = np.array([0.21, 0.34, 0.27])
    assert checked(forward, backward, x=X, scale=scale, expect=EXPECTED).status is Status.PASS

    def wrong(dout: Any, cache: Any) -> Any:
        x, scale, steps = cache
        return dout, np.sum(dout * (steps + x / scale), axis=0)

    assert checked(forward, wrong, x=X, scale=scale, expect=EXPECTED).status is Status.FAIL


@pytest.mark.parametrize(("size", "ratios"), [(1.0, set()), (2.0, {2.0})])
def test_of_several_estimators_the_nearest_is_told(checked: Checked, size: float, ratios: set[float]) -> None:
    """One lets a gradient through the scale, the other stops it there."""

    def forward(x: Any) -> Any:
        scale = jax.lax.stop_gradient(jnp.max(jnp.abs(x)) / 7)
        return jnp.round(x / scale) * scale, None

    layer = checked(forward, factor(size), x=X, expect=EXPECTED)
    assert {worst.ratio for worst in layer.arguments[0].worst} == ratios


class TestNotExpected:
    @pytest.mark.parametrize("step", ["round", "comparison", "jax sign"])
    def test_it_fails_and_says_how_to_expect_it(self, checked: Checked, step: str) -> None:
        layer = checked(lambda x: (STEPS[step](x), x), factor(1.0), x=X)
        assert layer.status is Status.FAIL
        assert "looks like a straight-through estimator" in layer.findings[0].message
        assert "# gradcheck: expect[straight-through]" in layer.findings[0].message

    def test_inside_a_layer(self, checked: Checked) -> None:
        layer = checked(quantized_product, through_product, x=X, w=W)
        assert [finding.argument for finding in layer.findings] == ["w"]
        assert "straight-through estimator" in layer.findings[0].message

    def test_no_hint_for_twice_as_much(self, checked: Checked) -> None:
        layer = checked(lambda x: (np.round(x), x), factor(2.0), x=X)
        assert layer.status is Status.FAIL
        assert "straight-through" not in said(layer)

    def test_no_hint_where_the_forward_has_a_slope(self, checked: Checked) -> None:
        layer = checked(lambda x: (x**2, x), factor(1.0), x=X)
        assert layer.status is Status.FAIL
        assert "straight-through" not in said(layer)

    def test_stop_gradient_is_inconclusive_and_says_so(self, checked: Checked) -> None:
        layer = checked(lambda x: (STEPS["jax stop_gradient"](x), x), factor(1.0), x=X)
        assert layer.status is Status.INCONCLUSIVE
        assert "stop_gradient" in said(layer)


class TestAnotherGradientOnPurpose:
    def test_a_reversal_fails_and_says_how_to_expect_it(self, checked: Checked) -> None:
        layer = checked(lambda x: (x, None), factor(-0.3), x=X)
        assert layer.status is Status.FAIL
        assert "the forward is the identity in `x`" in layer.findings[0].message
        assert "scaled by -0.3 on purpose" in layer.findings[0].message
        assert "# gradcheck: expect[custom]" in layer.findings[0].message

    @pytest.mark.parametrize("traced", [True, False])
    def test_where_it_is_expected_its_values_are_not_checked(self, monkeypatch: Any, traced: bool) -> None:
        layer = checking(traced, monkeypatch)(lambda x: (x, None), factor(-0.3), x=X, expect="custom")
        assert layer.status is Status.PASS
        assert "The values of `dx` are not checked" in said(layer)
        assert layer.sensitivity is None

    def test_its_shape_and_its_being_finite_are(self, checked: Checked) -> None:
        shapes = checked(lambda x: (x, None), lambda dout, _: -dout.T, x=X, expect="custom")
        assert [finding.code for finding in shapes.findings] == ["GC101"]
        infinite = checked(lambda x: (x, x), lambda dout, x: dout / (x != 0.3), x=X, expect="custom")
        assert [finding.code for finding in infinite.findings] == ["GC401"]

    @pytest.mark.parametrize(("expect", "codes"), [("custom", []), ("", ["GC304"])])
    def test_it_may_be_clipped(self, checked: Checked, expect: str, codes: list[str]) -> None:
        layer = checked(lambda x: (x, None), lambda dout, _: np.clip(dout, -0.5, 0.5), x=X, expect=expect)
        assert [finding.code for finding in layer.findings] == codes

    @pytest.mark.parametrize("slope", [lambda x: 1 / (1 + 10 * np.abs(x)), lambda _: 2.0])
    def test_a_surrogate_fails_and_says_how_to_expect_it(self, checked: Checked, slope: Any) -> None:
        layer = checked(lambda x: (1.0 * (x > 0), x), lambda dout, x: dout * slope(x), x=X)
        assert "where a surrogate is meant" in layer.findings[0].message
        assert "# gradcheck: expect[custom]" in layer.findings[0].message

    def test_no_surrogate_is_meant_where_the_forward_has_a_slope(self, checked: Checked) -> None:
        layer = checked(lambda x: (x**2, x), lambda dout, x: dout / (1 + 10 * np.abs(x)), x=X)
        assert "surrogate" not in said(layer)


def test_without_autodiff_a_straight_through_gradient_is_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = checking(False, monkeypatch)(lambda x: (np.round(x), x), factor(1.0), x=X, expect=EXPECTED)
    assert layer.status is Status.INCONCLUSIVE
    assert "autodiff is missing" in said(layer)


CODES = jnp.array([[0.25, -0.5, 1.0], [-1.0, 0.0, 0.5], [2.0, 2.0, 2.0]])


def nearest(x: Any, codes: Any) -> Any:
    return codes[jnp.argmin(jnp.sum((x[:, None] - codes[None]) ** 2, axis=2), axis=1)]


def stopped(x: Any) -> Any:
    return jax.lax.stop_gradient(x)


ESTIMATORS = {
    "the usual one": lambda x, code: x + stopped(code - x),
    "the other way round": lambda x, code: stopped(code - x) + x,
    "subtracted": lambda x, code: x - stopped(x - code),
    "stopped apart": lambda x, code: (x - stopped(x)) + stopped(code),
    "jitted": jax.jit(lambda x, code: x + stopped(code - x)),
}


@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS.keys())
class TestAStopThatSpellsTheEstimator:
    """It is honoured: taken for the identity it would let a gradient pass that was lost on the way."""

    def test_the_gradient_that_goes_through_passes(self, estimator: Any, checked: Checked) -> None:
        layer = checked(lambda x: (estimator(x, nearest(x, CODES)), None), factor(1.0), x=X, expect=EXPECTED)
        assert layer.status is Status.PASS, said(layer)

    @pytest.mark.parametrize("size", [0.0, 0.25, 2.0])
    def test_no_other_does(self, estimator: Any, checked: Checked, size: float) -> None:
        layer = checked(lambda x: (estimator(x, nearest(x, CODES)), None), factor(size), x=X, expect=EXPECTED)
        assert layer.status is Status.FAIL, said(layer)

    def test_the_slope_of_what_is_stopped_does_not(self, estimator: Any, checked: Checked) -> None:
        def forward(x: Any) -> Any:
            return estimator(x, jnp.tanh(x)), x

        slope = checked(forward, lambda dout, x: dout * (1 - np.tanh(x) ** 2), x=X, expect=EXPECTED)
        through = checked(forward, factor(1.0), x=X, expect=EXPECTED)
        assert (through.status, slope.status) == (Status.PASS, Status.FAIL), said(slope)


def test_a_stop_that_stands_for_a_step_may_be_passed(checked: Checked) -> None:
    layer = checked(lambda x: (stopped(jnp.tanh(x)), x), lambda g, x: g * (1 - np.tanh(x) ** 2), x=X, expect=EXPECTED)
    assert layer.status is Status.PASS, said(layer)


@pytest.mark.parametrize(("size", "status"), [(1.0, Status.FAIL), (100.0, Status.INCONCLUSIVE)])
def test_zero_everywhere_may_be_saturation_where_every_value_is_large(
    checked: Checked, size: float, status: Status
) -> None:
    layer = checked(lambda x: (np.sign(x), x), masked(lambda x: 0 * x), x=size * X, expect=EXPECTED)
    assert layer.status is status, said(layer)
    assert status is Status.FAIL or "saturates" in said(layer)
