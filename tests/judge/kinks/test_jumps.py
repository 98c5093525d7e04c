"""At jumps there is no derivative: never a finding, and a pass where yours is the slope beside the jump."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.report.model import Status
from tests.judge.kinked import Checked, checking, said
from tests.thorough import seeds


@pytest.fixture(params=["traced", "untraced"])
def checked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Checked]:
    yield checking(request.param == "traced", monkeypatch)


def slope(value: float) -> Any:
    return lambda dout, cache: np.broadcast_to(value * dout, cache.shape).copy()


@pytest.mark.parametrize(
    ("forward", "right", "x"),
    [
        (lambda x: (np.floor(x) + 0.5 * x, x), 0.5, [0.3, 1.0, -2.0, 2.75]),
        (lambda x: (np.round(x), x), 0.0, [0.3, 0.5, 1.5, -0.75]),
        (lambda x: (np.sign(x) + x, x), 1.0, [0.0, 1.0, -2.0]),
        (lambda x: ((x > 0) * 2.0 - x, x), -1.0, [0.0, 1.0, -2.0]),
        (lambda x: (np.where(x >= 1, x + 1, x), x), 1.0, [0.5, 1.0, 2.0]),
    ],
    ids=["floor", "round", "sign", "step", "where"],
)
def test_the_slope_beside_the_jump_passes_and_is_named(checked: Checked, forward: Any, right: float, x: Any) -> None:
    layer = checked(forward, slope(right), x=x)
    assert layer.status is Status.PASS, said(layer)
    assert "meets a jump in" in said(layer)
    assert "is the slope beside the jump" in said(layer)


def test_off_its_jumps_a_step_has_slope_zero(checked: Checked) -> None:
    layer = checked(lambda x: (np.floor(x), x), slope(0.0), x=[0.3, 1.25, -2.5])
    assert layer.status is Status.PASS
    assert "jump" not in said(layer)
    assert checked(lambda x: (np.floor(x), x), slope(1.0), x=[0.3, 1.25, -2.5]).status is Status.FAIL


def test_another_slope_only_at_the_jump_is_inconclusive(checked: Checked) -> None:
    def backward(dout: Any, x: Any) -> Any:
        return dout * np.where(x == 1.0, 3.0, 0.5)

    layer = checked(lambda x: (np.floor(x) + 0.5 * x, x), backward, x=[0.3, 1.0, 2.75])
    assert layer.status is Status.INCONCLUSIVE, said(layer)
    assert "the forward jumps at 1 element of `dx`, first at [1] (by 1)" in said(layer)
    assert "inputs off the jump would tell" in said(layer)


def test_a_wrong_slope_everywhere_fails_by_the_elements_off_the_jump(checked: Checked) -> None:
    layer = checked(lambda x: (np.floor(x) + 0.5 * x, x), slope(0.6), x=[0.3, 1.0, 2.75])
    assert layer.status is Status.FAIL
    assert layer.findings[0].index in ((0,), (2,))


def test_a_jump_inside_a_sum_does_not_hide_other_elements(checked: Checked) -> None:
    def forward(x: Any) -> Any:
        return (x > 0).sum() + (x**2).sum(), x

    x = [0.0, 1.0, -1.0, 0.25]
    assert checked(forward, lambda g, x: g * 2 * x, x=x).status is Status.PASS
    assert checked(forward, lambda g, x: g * 2.0001 * x, x=x).status is Status.FAIL


def test_a_steep_start_is_no_jump(checked: Checked) -> None:
    def forward(x: Any) -> Any:
        return np.sign(x) * np.sqrt(np.abs(x)), x

    layer = checked(forward, lambda g, x: g / (2 * np.sqrt(np.maximum(np.abs(x), 1e-300))), x=[0.0, 1.0, -4.0])
    assert "jump" not in said(layer)


@pytest.mark.parametrize("seed", seeds(4))
def test_what_oscillates_within_a_step_has_no_jump(checked: Checked, seed: int) -> None:
    x = np.random.default_rng(seed).uniform(2e4, 6e4, (3, 5))
    layer = checked(lambda x: (np.cos(x), x), lambda dout, x: -dout * np.sin(x), x=x)
    assert "jumps at" not in said(layer), said(layer)
