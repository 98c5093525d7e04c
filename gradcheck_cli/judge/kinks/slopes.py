"""Kinks: where the function's slope to the left and to the right differ, any value between them is a gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gradcheck_cli.judge.words import number
from gradcheck_cli.witnesses.gradients import Difference

CLEAR = 3.0
"""The two slopes count as different when they are this many error bars apart."""

JUMP = 1e-3
"""And when they differ by more than this share of the larger one: less is curvature that the error bars missed."""

REACH = 4.0
"""A kink makes a central difference's error bar reach half its jump; a gradient this many bars away is at no kink."""

MOST_AROUND = 16
"""How many elements of a leaf are looked around at most."""

FEW = 8
"""How many elements of a leaf are asked for their slopes before one of them has shown a kink."""

SAME = 1e-3
"""A value is one of the slopes, or their mean, where it is this close to it, as a share of how far they are apart."""


@dataclass(frozen=True)
class Kink:
    """A kink at one element, or along a line.

    Attributes:
        lower, upper: the smallest and the largest gradient that may be taken there. Each output's kink is one of its
            own: with an upstream gradient of both signs these lie further apart than the two slopes.
        left, right: the slopes on the two sides; beside a jump where there is one.
        error: the error bar of all of them.
        jump: how far an output jumps here, 0 where none does.
        several: several kinks meet inside one output.
    """

    lower: float
    upper: float
    error: float
    left: float
    right: float
    jump: float = 0.0
    several: bool = False

    def allows(self, gradient: float | complex, tolerance: float) -> bool:
        """Whether the gradient is one that may be taken, error bars included."""
        slack = tolerance + self.error
        return not isinstance(gradient, complex) and self.lower - slack <= gradient <= self.upper + slack

    def nearest(self, gradient: float) -> float:
        """The value between the slopes that is nearest to the gradient; the middle where that is no number."""
        return min(max(gradient, self.lower), self.upper) if gradient == gradient else (self.lower + self.upper) / 2

    def convention(self, gradient: float) -> str:
        """Which of the values between the slopes this one is, in words."""
        near = SAME * (self.upper - self.lower) + self.error
        for value, words in (
            (self.left, "the left slope"),
            (self.right, "the right slope"),
            ((self.left + self.right) / 2, "their mean"),
        ):
            if abs(gradient - value) <= near:
                return words
        if min(self.left, self.right) < gradient < max(self.left, self.right):
            return "between them"
        return "within what they add up to" if self.allows(gradient, 0.0) else "what the chain rule gives"

    def slopes_text(self) -> str:
        """`0 and 1.2`, and what the outputs' own choices may add up to where that is more."""
        low, high = sorted((self.left, self.right))
        text = f"{number(low)} and {number(high)}"
        near = SAME * (self.upper - self.lower) + self.error
        if low - self.lower > near or self.upper - high > near:
            text += f" (each output on its own side: {number(self.lower)} to {number(self.upper)})"
        return text


def kink(difference: Difference, tolerance: float) -> Kink | None:
    """The kink or jump that one-sided differences show, None where there is none, or they cannot tell."""
    forward, backward, error = difference.forward, difference.backward, difference.one_sided_error
    if forward is None or backward is None or error is None:
        return None
    if isinstance(forward, complex) or isinstance(backward, complex):
        return None
    lower = min(forward, backward) if difference.lower is None else difference.lower
    upper = max(forward, backward) if difference.upper is None else difference.upper
    found = Kink(lower, upper, error, left=backward, right=forward, jump=difference.jump, several=difference.several)
    if difference.jump > 0 and error < float("inf"):
        return found
    # A bend that an output shows by itself may be a small part of a sum over many.
    least = 0.0 if difference.kinked else JUMP * max(abs(lower), abs(upper))
    return found if upper - lower > max(CLEAR * error + tolerance, least) else None


def may_be_kink(gradient: float | complex, difference: Difference, tolerance: float) -> bool:
    """Whether one-sided differences are worth taking: their slopes could lie on both sides of the gradient."""
    distance = abs(gradient - difference.value)
    return bool(distance <= REACH * difference.error + tolerance)


def to_ask(candidates: Sequence[int], known: Mapping[int, Difference], kink_seen: bool) -> list[int]:
    """Which of the candidates to take one-sided differences at: all once a kink was seen, a few until then."""
    missing = [at for at in candidates if known[at].forward is None]
    return missing if kink_seen else missing[: max(0, FEW - (len(candidates) - len(missing)))]
