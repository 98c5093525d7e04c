"""Elementwise functions, their derivatives and their slips, without a layer."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.diagnose.gates.functions import FUNCTIONS, Function, recognised

X = np.array([0.3, 0.71, 1.13, 1.9, 2.4])
STEP = 1e-6


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: str(function.derivative))
def test_a_derivative_is_the_slope(function: Function) -> None:
    slope = (function.value(X + STEP) - function.value(X - STEP)) / (2 * STEP)
    assert function.derivative.of(X, function.value(X)) == pytest.approx(slope, rel=1e-7)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: str(function.derivative))
def test_a_slip_is_no_multiple_of_the_derivative(function: Function) -> None:
    y = function.value(X)
    right = function.derivative.of(X, y)
    for slip in function.slips:
        ratio = slip.of(X, y) / right
        assert np.ptp(ratio) > 1e-3 * np.abs(ratio).max(), str(slip)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: str(function.derivative))
def test_a_function_is_recognised_by_its_values(function: Function) -> None:
    with np.errstate(all="ignore"):
        x = np.concatenate([-X, X]) if np.isfinite(function.value(-X)).all() else X
    assert recognised([x], [function.value(x)]) is function


def test_a_function_that_is_none_of_them_is_not_recognised() -> None:
    assert recognised([X], [np.tanh(X) + 1e-6]) is None
    assert recognised([np.ones(4)], [np.ones(4)]) is None
