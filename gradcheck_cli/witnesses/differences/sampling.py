"""Where differences sample the function: along a direction, or by single coordinates, one by one or in batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.witnesses.differences.batched import BatchedForward
from gradcheck_cli.witnesses.differences.points import Floats, Points
from gradcheck_cli.witnesses.differences.step import Probe, Sample, Sampler


def along_direction(points: Points, direction: Sequence[Floats]) -> Sampler:
    """Samples at the point plus and minus a step times `direction`; one row."""

    def sample(_: NDArray[np.intp], steps: Floats) -> Sample:
        step = float(steps[0])
        rows = np.empty((4, points.outputs))
        for row, offset in zip(rows, (step, -step, step / 2, -step / 2)):
            points.along(direction, offset, row)
        plus, minus, plus_half, minus_half = rows[:, None]
        return Sample(plus, minus, plus_half, minus_half, np.array([2 * step]), np.array([step]))

    return sample


def by_coordinate(points: Points, leaf: int, coordinates: NDArray[np.intp]) -> Sampler:
    """Samples of the user's own forward, one coordinate moved at a time; a row for each coordinate."""
    moved = points.moved[leaf]
    scales = points.scales(leaf, coordinates)

    def sample(rows: NDArray[np.intp], steps: Floats) -> Sample:
        values = _four(points.origins[leaf][coordinates[rows]], steps * scales[rows])
        outputs = np.empty((4, len(rows), points.outputs))
        for position, coordinate in enumerate(coordinates[rows].tolist()):
            origin = moved[coordinate]
            for number in range(4):
                moved[coordinate] = values[number, position]
                points.here(outputs[number, position])
            moved[coordinate] = origin
        return _sampled(outputs, values)

    return sample


def by_coordinate_batched(points: Points, leaf: int, coordinates: NDArray[np.intp], batch: BatchedForward) -> Sampler:
    """The same of the compiled trace, many coordinates at a time."""
    scales = points.scales(leaf, coordinates)
    before = sum(len(origin) for origin in points.origins[:leaf])

    def sample(rows: NDArray[np.intp], steps: Floats) -> Sample:
        values = _four(points.origins[leaf][coordinates[rows]], steps * scales[rows])
        moved = np.tile(before + coordinates[rows], 4)
        outputs = batch.rows(points.origins, moved, values.reshape(-1)).reshape(4, len(rows), -1)
        points.evaluations += values.size
        return _sampled(outputs, values)

    return sample


def probe_dependence(points: Points, leaf: int, coordinates: NDArray[np.intp]) -> Probe:
    """Which outputs depend on a coordinate: those that a NaN there reaches, or all where the forward raises on it."""
    moved = points.moved[leaf]

    def probe(rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        outputs = np.empty((len(rows), points.outputs))
        for position, coordinate in enumerate(coordinates[rows].tolist()):
            origin = moved[coordinate]
            moved[coordinate] = np.nan
            points.here(outputs[position])
            moved[coordinate] = origin
        return np.isnan(outputs)

    return probe


def _sampled(outputs: Floats, values: Floats) -> Sample:
    plus, minus, plus_half, minus_half = outputs
    return Sample(plus, minus, plus_half, minus_half, values[0] - values[1], values[2] - values[3])


def _four(origins: Floats, steps: Floats) -> Floats:
    """(4, rows): the coordinates at +h, −h, +h/2 and −h/2."""
    return origins + np.array([1, -1, 0.5, -0.5])[:, None] * steps
