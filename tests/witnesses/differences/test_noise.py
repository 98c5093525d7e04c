from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck_cli.witnesses.differences.noise import (
    COARSE_STEP,
    FINE_STEP,
    correlation_of,
    noise_of,
    offsets,
    stands_still,
)


def line(forward: Any, x: Any, distance: float = FINE_STEP, count: int = 11) -> Any:
    direction = x * np.random.default_rng(1).uniform(0.5, 1.5, x.shape)
    return np.stack([forward(x + offset * distance * direction) for offset in offsets(count)])


@pytest.mark.parametrize("level", [1e-12, 1e-8, 1e-4])
@pytest.mark.parametrize("count", [6, 11])
def test_known_noise_is_found(level: float, count: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=2000)
    found = noise_of(line(lambda x: 1 + np.sin(x) / 4 + level * rng.standard_normal(x.shape), x, count=count))
    assert 0.5 * level < np.median(found) < 2.5 * level
    assert np.mean(found < 0.1 * level) < 1e-3


def test_a_smooth_function_has_only_its_rounding() -> None:
    x = np.random.default_rng(0).normal(size=500)
    assert (noise_of(line(np.exp, x)) < 2e-15 * np.exp(x)).all()


def test_rounding_is_seen_wherever_it_falls() -> None:
    """The argument's rounding, |50 x cos(50 x)| epsilon, in all but one output of a thousand to a twentieth."""
    x = np.random.default_rng(0).normal(size=20_000).round(2)
    x = x[(x != 0) & (np.abs(np.cos(50 * x)) > 0.3)]
    right = np.abs(50 * x * np.cos(50 * x)) * 1.1e-16
    assert np.mean(noise_of(line(lambda x: np.sin(50 * x), x)) < 0.05 * right) < 1e-3


def test_never_below_half_a_last_place() -> None:
    x = np.array([1.0, 3.0, 1e10])
    found = noise_of(np.stack([x] * 11))
    assert (found >= 0.5 * np.finfo(float).eps * x).all() and (found <= np.finfo(float).eps * x).all()


def test_values_that_are_not_finite_do_not_spread() -> None:
    rows = line(np.sin, np.array([1.0, 2.0, 3.0]))
    rows[3, 0] = np.nan
    rows[:, 1] = np.inf
    assert np.isfinite(noise_of(rows)).all()


def test_shared_noise_is_correlated() -> None:
    rng = np.random.default_rng(0)
    own = 1 + 1e-10 * rng.standard_normal((11, 400))
    shared = np.repeat(1 + 1e-10 * rng.standard_normal((11, 1)), 400, axis=1)
    weights = np.ones(400)
    assert correlation_of(own, weights, noise_of(own)) < 4
    assert correlation_of(shared, weights, noise_of(shared)) > 10


def test_a_staircase_is_told_from_a_smooth_function_and_from_a_constant() -> None:
    x = np.random.default_rng(0).normal(size=50)

    def low(x: Any) -> Any:
        return x.astype(np.float16).astype(float)

    assert stands_still(line(low, x), line(low, x, COARSE_STEP))
    assert not stands_still(line(np.sin, x), line(np.sin, x, COARSE_STEP))
    assert not stands_still(line(np.ones_like, x), line(np.ones_like, x, COARSE_STEP))
