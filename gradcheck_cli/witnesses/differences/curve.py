"""How the difference by one element depends on its step: truncation at one end, round-off at the other.

These are plain central differences, (f(x + h) − f(x − h)) / 2h; a witness extrapolates two of them (`step`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.layers.case import Case
from gradcheck_cli.witnesses.differences.evaluate import Evaluate
from gradcheck_cli.witnesses.differences.points import Floats, Points
from gradcheck_cli.witnesses.differences.sampling import by_coordinate
from gradcheck_cli.witnesses.gradients import Upstream

STEPS = 2.0 ** -np.arange(3.0, 41.0)
"""Relative to the element's size, as in `step`, the longest first."""

_EVALUATIONS = 2 * len(STEPS)
"""Of one element: a sample has two steps, and the values on both sides."""


@dataclass(frozen=True)
class Curve:
    """The differences by one element.

    Attributes:
        index: of the element, in its leaf.
        steps: (n,) h as it was, after rounding, the longest first.
        values: (n,) the central differences; NaN where the function is not defined a step away.
    """

    index: tuple[int, ...]
    steps: Floats
    values: Floats


def curves(
    evaluate: Evaluate, case: Case, upstream: Upstream, leaf: int, indices: Sequence[tuple[int, ...]], seconds: float
) -> tuple[Curve, ...]:
    """The curves of some elements of a real leaf, as many of them as this time allows; none of a complex one.

    Raises:
        UserError, or what the forward raises: where it does not run on the case's leaves in float64.
    """
    shape = case.leaves[leaf].value.shape
    if np.iscomplexobj(case.leaves[leaf].value) or not indices:
        return ()
    with np.errstate(all="ignore"):
        points = Points(evaluate, [each.value for each in case.leaves], upstream.flat)
        started, row = time.perf_counter(), np.empty(points.outputs)
        points.here(row)
        each = (time.perf_counter() - started) * _EVALUATIONS
        return tuple(
            _curve(points, leaf, index, shape) for index in indices[: int(min(seconds / max(each, 1e-9), len(indices)))]
        )


def _curve(points: Points, leaf: int, index: tuple[int, ...], shape: tuple[int, ...]) -> Curve:
    position = np.array([np.ravel_multi_index(index, shape) if shape else 0], np.intp)
    sampler, row = by_coordinate(points, leaf, position), np.zeros(1, np.intp)
    steps, values = [], []
    for relative in STEPS[::2]:
        sample = sampler(row, np.array([relative]))
        for plus, minus, width in (
            (sample.plus, sample.minus, sample.width),
            (sample.plus_half, sample.minus_half, sample.width_half),
        ):
            steps.append(float(width[0]) / 2)
            values.append(float((plus - minus)[0] @ points.weights / width[0]))
    return Curve(index, np.array(steps), np.array(values))
