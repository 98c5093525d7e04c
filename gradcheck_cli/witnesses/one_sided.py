"""One-sided differences, for kinks: the slopes to the right and to the left of a point, each with an error bar."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.witnesses.step import LARGEST_STEP, Floats, Model

STEPS = (1.0, 2.0**4, 2.0**-4, 2.0**8)
"""Tried times the usual step; the one with the smallest bar wins."""

PARTS = (1.0, 0.5, 0.25)
"""A side is sampled at h, h/2 and h/4: enough for two extrapolations, whose difference is the truncation estimate."""

ONE_SIDED_NOISE_SAFETY = 50.0
"""The second extrapolation has 16 standard deviations of noise over h; three of those happen."""

Values = Callable[[float], tuple[NDArray[np.float64], float]]
"""`offset -> (outputs, the offset as it is after rounding)`; the offset is signed and absolute."""


def one_sided(values: Values, scale: float, model: Model, side: int) -> tuple[float, float]:
    """The slope on one side (`side` +1 or −1) of the weighted sum of the outputs, and its error bar."""
    best, best_error = float("nan"), float("inf")
    for factor in STEPS:
        step = min(model.relative_step * factor, LARGEST_STEP) * scale
        slopes, changed = [], np.zeros(len(model.base), bool)
        for part in PARTS:
            outputs, offset = values(side * step * part)
            difference = outputs - model.base
            changed |= difference != 0
            slopes.append(float(difference @ model.weights) / offset if offset else float("nan"))
        value, error = _extrapolated(slopes, step, model, changed)
        if error < best_error or not np.isfinite(best):
            best, best_error = value, error
    return best, best_error


def _extrapolated(slopes: list[float], step: float, model: Model, changed: NDArray[np.bool_]) -> tuple[float, float]:
    first, second = 2 * slopes[1] - slopes[0], 2 * slopes[2] - slopes[1]
    value = (4 * second - first) / 3
    noise: Floats = np.where(changed, model.noise, np.spacing(np.abs(model.base)) / 2) * model.weights
    roundoff = ONE_SIDED_NOISE_SAFETY * model.correlation * float(np.sqrt(np.sum(noise**2))) / step
    error = abs(second - first) + roundoff
    return (value, error) if np.isfinite(value) and np.isfinite(error) else (float("nan"), float("inf"))
