"""The axis of losses: linear, or by powers of ten where they fall or grow a long way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDE = 30.0
"""From this ratio of the largest to the smallest loss on, the axis is in powers of ten."""


@dataclass(frozen=True)
class Scale:
    """From a loss to a height between 0 and 1."""

    low: float
    high: float
    is_logarithmic: bool

    def at(self, value: float) -> float:
        """The height of a finite loss."""
        low, high = self._of(self.low), self._of(self.high)
        return (self._of(value) - low) / (high - low) if high > low else 0.5

    def value(self, height: float) -> float:
        """The loss at a height."""
        low, high = self._of(self.low), self._of(self.high)
        inside = low + height * (high - low)
        return math.exp(inside) if self.is_logarithmic else inside

    def _of(self, value: float) -> float:
        return math.log(value) if self.is_logarithmic else value


def scale_of(curves: Sequence[Sequence[float]]) -> Scale | None:
    """The axis for these curves; None where no loss is finite."""
    known = [value for curve in curves for value in curve if math.isfinite(value)]
    if not known:
        return None
    low, high = min(known), max(known)
    return Scale(low, high, is_logarithmic=low > 0 and high / low >= WIDE)


def spans(curve: Sequence[float], columns: int) -> list[tuple[float, float] | None]:
    """For each of so many columns the smallest and the largest loss in it; None where none is finite.

    Where there are more columns than losses, what lies between two of them is on the straight line.
    """
    last = len(curve) - 1
    found: list[tuple[float, float] | None] = []
    for column in range(columns):
        first, end = column * last / max(columns - 1, 1), (column + 1) * last / max(columns - 1, 1)
        inside = [_between(curve, first), *curve[math.ceil(first) : math.ceil(end)]]
        known = [value for value in inside if math.isfinite(value)]
        found.append((min(known), max(known)) if known else None)
    return found


def _between(curve: Sequence[float], place: float) -> float:
    left = min(int(place), len(curve) - 1)
    right = min(left + 1, len(curve) - 1)
    share = place - left
    return curve[left] if share == 0 else curve[left] * (1 - share) + curve[right] * share
