"""Kinks: where the function's slope to the left and to the right differ, any value between them is a gradient."""

from __future__ import annotations

from dataclasses import dataclass

from gradcheck_cli.witnesses.gradients import Difference

CLEAR = 3.0
"""The two slopes count as different when they are this many error bars apart."""


@dataclass(frozen=True)
class Kink:
    """A kink at one element: the slopes on its two sides."""

    lower: float
    upper: float
    error: float

    def allows(self, gradient: float | complex, tolerance: float) -> bool:
        """Whether the gradient lies between the slopes, error bars included."""
        slack = tolerance + self.error
        return not isinstance(gradient, complex) and self.lower - slack <= gradient <= self.upper + slack


def kink(difference: Difference, tolerance: float) -> Kink | None:
    """The kink that the one-sided differences show, None where they agree, were not asked for, or cannot tell."""
    forward, backward, error = difference.forward, difference.backward, difference.one_sided_error
    if forward is None or backward is None or error is None:
        return None
    if isinstance(forward, complex) or isinstance(backward, complex):
        return None
    lower, upper = min(forward, backward), max(forward, backward)
    if not upper - lower > CLEAR * error + tolerance:
        return None
    return Kink(lower, upper, error)
