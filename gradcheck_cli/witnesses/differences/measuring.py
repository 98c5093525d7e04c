"""How noisy a forward is around its point, and how long one evaluation takes: measured before any difference."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np

from gradcheck_cli.witnesses.differences.directions import Direction
from gradcheck_cli.witnesses.differences.noise import (
    COARSE_STEP,
    FINE_STEP,
    correlation_of,
    noise_of,
    offsets,
    stands_still,
)
from gradcheck_cli.witnesses.differences.points import Floats, Points
from gradcheck_cli.witnesses.differences.step import LARGEST_STEP, Model

NOISE_POINTS = 11
NOISE_POINTS_MANY = 6
MANY_OUTPUTS = 1000
"""With so many outputs, fewer points tell the noise: what is typical of all outputs rests on all of them."""

LOUD = 2.0**-36
"""Noise above this, relative to the output, is looked into: narrow dtypes have it, and so has a kink at the point."""

STRADDLED = 32.0
"""It is a kink or a jump where it is this many times what it is on either side of the point."""

CLOSER_STEPS = (2.0**-28, 2.0**-36)
"""Distances at which an oscillation is told from noise: it is smooth there, and still moves."""

ROUGH = 2.0**-20
"""Noise above this share of the outputs is more than a float32 inside makes: it is looked at more closely."""

CHAOTIC = 2.0**-12
"""Noise above this share, that is no rounding to few bits, may be anything: differences say nothing."""

BENDS = 2.0**-3
"""Of the distance at which a function was still rough: the longest step in which it may be taken for smooth."""


@dataclass(frozen=True)
class Measured:
    """The model of a forward's values, and the seconds of its quickest evaluation."""

    model: Model
    seconds_each: float


def measured(points: Points, direction: Direction, narrowest: np.dtype[np.floating] | None) -> Measured:
    """The noise of each output, from values at points on a line through the case's own.

    Args:
        direction: along which, see `random_direction`.
        narrowest: the narrowest floating dtype inside the forward where that is known; saves looking for its noise.
    """
    line = _Line(points, direction)
    count = NOISE_POINTS if points.outputs < MANY_OUTPUTS else NOISE_POINTS_MANY
    rows, distance = line.values(FINE_STEP, count), FINE_STEP
    if narrowest is None or narrowest.itemsize <= 2:
        coarse = line.values(COARSE_STEP, NOISE_POINTS)
        if narrowest is not None or stands_still(rows, coarse):
            rows, distance = coarse, COARSE_STEP
    noise = noise_of(rows)
    if np.any(noise > LOUD * np.abs(points.base)):
        # A kink or a jump at the point itself looks like noise; on either side of it there is none of that.
        beside = [line.values(distance, len(rows), shift) for shift in (len(rows), -len(rows))]
        quiet = np.maximum(*(noise_of(row) for row in beside))
        if np.any(noise > STRADDLED * quiet):
            rows, noise = beside[0], quiet
    longest = LARGEST_STEP
    size = np.fmax(np.abs(points.base), np.nanmax(np.abs(rows), axis=0))
    if _is_above(ROUGH, noise, size, points.weights):
        for closer in CLOSER_STEPS:
            near = line.values(closer, NOISE_POINTS)
            if stands_still(near, rows):
                break  # a staircase
            quiet = noise_of(near)
            if not _is_above(STRADDLED, noise, quiet, points.weights):
                if _is_above(CHAOTIC, noise, size, points.weights):
                    noise = np.full(points.outputs, np.inf)
                break
            # Most of what looked like noise is none nearby: the function oscillates within the longer distance.
            rows, noise, longest, distance = near, quiet, BENDS * distance, closer
    correlation = correlation_of(rows, points.weights, noise) if np.isfinite(noise).all() else 1.0
    return Measured(Model(points.base, points.weights, noise, correlation, longest), line.seconds_each)


def _is_above(share: float, one: Floats, other: Floats, weights: Floats) -> bool:
    """Whether one is more than `share` of the other, over all outputs as they are weighted."""
    return bool(np.linalg.norm(one * weights) > share * np.linalg.norm(other * weights))


@dataclass
class _Line:
    points: Points
    direction: Direction
    seconds_each: float = np.inf  # of the quickest evaluation: the first ones also compile, load and warm up

    def values(self, distance: float, count: int, shift: int = 0) -> Floats:
        """Values at `count` points along the first direction, the point itself in their middle, or all beside it."""
        points, direction = self.points, self.direction
        rows = np.empty((count, points.outputs))
        for offset, row in zip((offset + shift for offset in offsets(count)), rows):
            if offset:
                started = perf_counter()
                points.along(direction, offset * distance, row)
                self.seconds_each = min(self.seconds_each, perf_counter() - started)
            else:
                row[:] = points.base
        points.back()
        return rows
