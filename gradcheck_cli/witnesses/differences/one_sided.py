"""One-sided differences, for kinks and jumps: the slopes to the right and to the left of a point, output by output.

A layer has many outputs, and each has its own kink: where the upstream gradient weights them with different signs, the
slopes of the weighted sum do not bound what the outputs' own slopes, each chosen on its own, may add up to. So both
are given: the sum's slopes, and the interval of the outputs' choices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.witnesses.differences.step import Floats, Model

STEPS = (1.0, 2.0**4, 2.0**-4, 2.0**8)
"""Tried times the usual step; the one with the smallest bar wins."""

ENOUGH = 1e-9
"""No other step is tried once the error bar is below this, relative to the terms that the slope sums up."""

PARTS = np.array([1.0, 0.5, 0.25])
"""A side is sampled at h, h/2 and h/4: enough for two extrapolations, whose difference is the truncation estimate."""

TRUNCATION_SAFETY = 2.5
"""A kink at a small distance d from the point moves the extrapolated slope by 7 d/h of its size, and the two
extrapolations apart by 3 d/h."""

ONE_SIDED_NOISE_SAFETY = 50.0
"""The second extrapolation has 16 standard deviations of noise over h; three of those happen."""

CLEAR = 3.0
"""An output has a kink where its slopes on the two sides are this many error bars apart,"""

BEND = 1e-3
"""and apart by more than this share of the larger one."""

AT_ZERO = np.array([1 / 3, -2.0, 8 / 3])
"""Weights that extrapolate values at h, h/2 and h/4 to 0."""

CLOSER = (2.0**-6, 2.0**-12)
"""A jump is what stays where the step is this much smaller: a root's steep start shrinks to an eighth. Where the
function oscillates within a step, chance may look like a jump at two steps, hardly at three."""

STAYS = 0.3
"""It may change by this share of itself."""

PROMINENT = 0.5
"""And it is at least this share of how far the output moves at the smallest offset."""

JUMP_NOISE = 100.0
"""And this many standard deviations of the output's noise: the extrapolation has four."""

Values = Callable[[float], tuple[NDArray[np.float64], float]]
"""`offset -> (outputs, the offset as it is after rounding)`; the offset is signed and absolute."""


@dataclass(frozen=True)
class Sides:
    """The slopes of Σ weights·outputs on both sides of a point.

    Attributes:
        forward, backward: of the weighted sum; NaN where the function is not defined on that side.
        error: the larger error bar of the two; infinite where one is not known.
        lower, upper: the sum with each output's slope chosen between its own two.
        jump: how far the output that jumps most does so, 0 where none does. The slopes are then those beside the jump.
        kinked: positions of the outputs that have a kink or a jump here.
    """

    forward: float
    backward: float
    error: float
    lower: float
    upper: float
    jump: float
    kinked: tuple[int, ...]


@dataclass(frozen=True)
class _Side:
    """One side, output by output, and the error bar of the weighted sum."""

    slopes: Floats
    errors: Floats
    jumps: Floats
    error: float


def sides(values: Values, scale: float, model: Model) -> Sides:
    """Both sides of the point along a line; `scale` is what relative steps are relative to."""
    right, left = (_one_side(values, scale, model, side) for side in (+1, -1))
    weights = model.weights
    forward, backward = float(right.slopes @ weights), float(left.slopes @ weights)
    error = max(right.error, left.error)
    if not np.isfinite(error):
        return Sides(forward, backward, float("inf"), float("nan"), float("nan"), 0.0, ())
    apart = np.abs(right.slopes - left.slopes)
    largest = np.maximum(np.abs(right.slopes), np.abs(left.slopes))
    bends = apart > np.maximum(CLEAR * (right.errors + left.errors), BEND * largest)
    ends = np.stack([right.slopes, left.slopes]) * weights
    shared = float(np.sum(np.where(bends, 0.0, ends.mean(axis=0))))
    lower = shared + float(np.sum(ends.min(axis=0), where=bends))
    upper = shared + float(np.sum(ends.max(axis=0), where=bends))
    jumps = np.maximum(np.abs(right.jumps), np.abs(left.jumps)) * (weights != 0)
    return Sides(
        forward,
        backward,
        error,
        min(lower, forward, backward),
        max(upper, forward, backward),
        float(jumps.max(initial=0.0)),
        tuple(np.flatnonzero((bends & (weights != 0)) | (jumps > 0)).tolist()),
    )


def _one_side(values: Values, scale: float, model: Model, side: int) -> _Side:
    nothing = np.full(len(model.base), np.nan)
    best = _Side(nothing, nothing, np.zeros(len(model.base)), float("inf"))
    for factor in STEPS:
        step = min(model.relative_step * factor, model.longest) * scale
        moved, offsets = _sampled(values, side * step, model)
        jumps = _jumps(moved, lambda closer, step=step: _sampled(values, side * step * closer, model)[0], model)  # type: ignore[misc]
        found = _extrapolated(moved, offsets, jumps, step, model)
        if found.error < best.error or not np.isfinite(best.error):
            best = found
        if best.error <= ENOUGH * float(np.sqrt(np.sum((best.slopes * model.weights) ** 2))):
            break
    return best


def _sampled(values: Values, step: float, model: Model) -> tuple[Floats, Floats]:
    """(parts, outputs): how far the outputs are from the point's own; and (parts,) the offsets."""
    moved, offsets = np.empty((len(PARTS), len(model.base))), np.empty(len(PARTS))
    for row, part in enumerate(PARTS):
        outputs, offsets[row] = values(step * part)
        moved[row] = outputs - model.base
    return moved, offsets


def _jumps(moved: Floats, at: Callable[[float], Floats], model: Model) -> Floats:
    """How far each output is from its own limit on this side; 0 where it is continuous.

    Args:
        moved: at the step.
        at: the same at a share of the step.
    """
    limits: Floats = AT_ZERO @ moved
    noise = JUMP_NOISE * np.maximum(model.noise, np.spacing(np.abs(model.base)))
    jumping = (np.abs(limits) > noise) & (np.abs(limits) >= PROMINENT * np.abs(moved[-1]))
    again = limits
    for closer in CLOSER:
        if not jumping.any():
            break
        near = at(closer)
        again = AT_ZERO @ near
        jumping &= (np.abs(again - limits) <= STAYS * np.abs(limits)) & (np.abs(again) >= PROMINENT * np.abs(near[-1]))
    return np.where(jumping, again, 0.0)


def _extrapolated(moved: Floats, offsets: Floats, jumps: Floats, step: float, model: Model) -> _Side:
    slopes = moved / offsets[:, None]
    first, second = 2 * slopes[1] - slopes[0], 2 * slopes[2] - slopes[1]
    value, apart = (4 * second - first) / 3, second - first
    jumping = jumps != 0
    if jumping.any():
        # Beside a jump the point's own value says nothing: slopes between the samples.
        between = np.diff(moved, axis=0) / np.diff(offsets)[:, None]
        value = np.where(jumping, 2 * between[1] - between[0], value)
        apart = np.where(jumping, between[1] - between[0], apart)
    changed = (moved != 0).any(axis=0)
    noise = np.where(changed, model.noise, np.spacing(np.abs(model.base)) / 2)
    roundoff = ONE_SIDED_NOISE_SAFETY * noise / step
    errors = TRUNCATION_SAFETY * np.abs(apart) + roundoff
    total = TRUNCATION_SAFETY * abs(float(apart @ model.weights))
    total += model.correlation * float(np.sqrt(np.sum((roundoff * model.weights) ** 2)))
    if not (np.isfinite(value @ model.weights) and np.isfinite(total)):
        total = float("inf")
    return _Side(value, errors, jumps, total)
