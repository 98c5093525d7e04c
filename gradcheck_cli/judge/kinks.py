"""Kinks: where the function's slope to the left and to the right differ, any value between them is a gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gradcheck_cli.witnesses.gradients import Difference

CLEAR = 3.0
"""The two slopes count as different when they are this many error bars apart."""

JUMP = 1e-3
"""And when they differ by more than this share of the larger one: less is curvature that the error bars missed."""

REACH = 4.0
"""A kink makes a central difference's error bar reach half its jump; a gradient this many bars away is at no kink."""

FEW = 8
"""How many elements of a leaf are asked for their slopes before one of them has shown a kink."""


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

    def nearest(self, gradient: float) -> float:
        """The value between the slopes that is nearest to the gradient; the middle where that is no number."""
        return min(max(gradient, self.lower), self.upper) if gradient == gradient else (self.lower + self.upper) / 2


def kink(difference: Difference, tolerance: float) -> Kink | None:
    """The kink that the one-sided differences show, None where they agree, were not asked for, or cannot tell."""
    forward, backward, error = difference.forward, difference.backward, difference.one_sided_error
    if forward is None or backward is None or error is None:
        return None
    if isinstance(forward, complex) or isinstance(backward, complex):
        return None
    lower, upper = min(forward, backward), max(forward, backward)
    if not upper - lower > max(CLEAR * error + tolerance, JUMP * max(abs(lower), abs(upper))):
        return None
    return Kink(lower, upper, error)


def may_be_kink(gradient: float | complex, difference: Difference, tolerance: float) -> bool:
    """Whether one-sided differences are worth taking: their slopes could lie on both sides of the gradient."""
    distance = abs(gradient - difference.value)
    return bool(distance <= REACH * difference.error + tolerance)


def to_ask(candidates: Sequence[int], known: Mapping[int, Difference], kink_seen: bool) -> list[int]:
    """Which of the candidates to take one-sided differences at: all once a kink was seen, a few until then."""
    missing = [at for at in candidates if known[at].forward is None]
    return missing if kink_seen else missing[: max(0, FEW - (len(candidates) - len(missing)))]
