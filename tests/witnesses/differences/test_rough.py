"""Functions that oscillate within a step, stand still for one, or have no digits: the error bar says so."""

from __future__ import annotations

import numpy as np
import pytest

from tests.witnesses.differences.test_kinks import made


@pytest.mark.parametrize("size", [1e2, 1e4, 1e6, 1e8])
def test_an_oscillation_within_a_step_is_resolved(size: float) -> None:
    x = size * np.random.default_rng(0).uniform(0.5, 1.5, 20)
    differencer, g = made(np.sin, x)
    found = differencer.all_elements()
    errors = np.array([abs(found[0, (i,)].value - g[i] * np.cos(x[i])) for i in range(20)])
    bars = np.array([found[0, (i,)].error for i in range(20)])
    assert (errors <= bars).all()
    assert np.median(bars) < 1e-3


def test_a_sum_of_a_trend_and_an_oscillation_is_resolved() -> None:
    x = 1e5 * np.random.default_rng(0).uniform(0.5, 1.5, 20)
    differencer, g = made(lambda x: x + np.sin(x), x)
    found = differencer.all_elements()
    for i in range(20):
        assert abs(found[0, (i,)].value - g[i] * (1 + np.cos(x[i]))) <= found[0, (i,)].error


def test_what_has_no_digits_has_no_bar() -> None:
    x = np.random.default_rng(0).uniform(1, 2, 10)
    differencer, _ = made(lambda x: np.sin(1e14 * np.sin(x)), x)
    assert all(not np.isfinite(one.error) for one in differencer.all_elements().values())


def test_float32_inside_beside_a_float64_path_is_no_oscillation() -> None:
    x = np.random.default_rng(0).uniform(1, 2, 10)
    differencer, g = made(lambda x: x + np.sin(x.astype(np.float32)), x)
    found = differencer.all_elements()
    for i in range(10):
        assert abs(found[0, (i,)].value - g[i] * (1 + np.cos(x[i]))) <= found[0, (i,)].error < 1e-2


def test_a_staircase_is_looked_at_from_farther_away_where_asked() -> None:
    x = 1e-6 * np.random.default_rng(0).uniform(1, 2, 10)
    differencer, g = made(lambda x: np.log(1 + x**2), x)
    places = [(0, (i,)) for i in range(10)]
    found = differencer.elements(places, one_sided=True)
    for i in range(10):
        right = g[i] * 2 * x[i] / (1 + x[i] ** 2)
        assert abs(found[0, (i,)].value - right) <= max(found[0, (i,)].error, 0.02 * abs(right))


def test_what_does_not_depend_stands_still_from_anywhere() -> None:
    differencer, _ = made(lambda x: np.maximum(x, 0), [-1.0, -2.0])
    found = differencer.elements([(0, (0,)), (0, (1,))], one_sided=True)
    assert [one.value for one in found.values()] == [0, 0]
