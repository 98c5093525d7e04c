"""Gradients around a point: Clarke's generalized gradient is the hull of the limits of gradients at points nearby.

F. H. Clarke, "Generalized gradients and applications" (1975). For one element, and for each output: the range of its
partial derivative at points a little off in random directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.witnesses.differences.points import Floats, Points

NEARBY_POINTS = 16

EACH_NEARBY = 6
"""Evaluations that each of them takes."""

AWAY = 2.0**-14
"""How far off the points are, relative to each element."""

STEP = 2.0**-10
"""Of the distance: the step of the difference there, small enough to stay on one side of most kinks."""

SAME = 1e-3
"""Slopes this close together, as a share of the largest, are one."""


@dataclass(frozen=True)
class Around:
    """The range of a weighted sum of the outputs' slopes around a point; `several`: one has more than two of them."""

    lower: float
    upper: float
    several: bool


def nearby_slopes(points: Points, leaf: int, at: int, directions: Sequence[Sequence[Floats]]) -> Floats:
    """(directions, outputs): the partial derivatives on the ray along each direction, extrapolated to the point."""
    scale = float(points.scales(leaf, np.array([at]))[0])
    found = np.empty((len(directions), points.outputs))
    for row, direction in zip(found, directions):
        far, near = (_partial(points, leaf, at, direction, distance, scale) for distance in (AWAY, AWAY / 2))
        row[:] = 2 * near - far
    points.back()
    return found


def around(slopes: Floats, weights: Floats, error: float) -> Around:
    """What the slopes say, output by output; points where the function is not defined are left out."""
    rows = slopes[np.isfinite(slopes).all(axis=1)]
    if not len(rows):
        return Around(np.inf, -np.inf, False)
    size = np.abs(rows).max(axis=0)
    spread = np.ptp(rows, axis=0) > SAME * size
    weighted = rows * weights
    shared = float(np.sum(np.where(spread, 0.0, weighted.mean(axis=0))))
    lower = shared + float(np.sum(weighted.min(axis=0), where=spread))
    upper = shared + float(np.sum(weighted.max(axis=0), where=spread))
    ends = np.minimum(rows - rows.min(axis=0), rows.max(axis=0) - rows)
    between = (ends > SAME * size + error) & spread & (weights != 0)
    return Around(lower, upper, bool(between.any()))


def _partial(points: Points, leaf: int, at: int, direction: Sequence[Floats], distance: float, scale: float) -> Floats:
    step = distance * STEP * scale
    rows = np.empty((3, points.outputs))
    for moved, origin, part in zip(points.moved, points.origins, direction):
        np.multiply(part, distance, out=moved)
        moved += origin
    middle = float(points.moved[leaf][at])
    for row, sign in zip(rows, (1, 0, -1)):
        points.moved[leaf][at] = middle + sign * step
        points.here(row)
    right, left = (rows[0] - rows[1]) / step, (rows[1] - rows[2]) / step
    size = np.abs(right) + np.abs(left)
    # A kink in between: this point is none where the function is smooth.
    crossed = np.abs(right - left) > SAME * float(size.max(initial=0.0))
    slopes: Floats = np.where(crossed.any(), np.nan, (right + left) / 2)
    return slopes
