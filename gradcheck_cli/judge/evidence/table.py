"""The table of three witnesses for one element: who is right where they differ."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from gradcheck_cli.judge.kinks.slopes import kink
from gradcheck_cli.witnesses.gradients import Difference

TELLING = 1e-3
"""A finite difference decides where its error bar is below this share of the gradient's size."""

MATERIAL = 1e-5
"""Autodiff counts as disagreeing with finite differences above this share of the gradient's size, bars aside.

Yours and autodiff are computed apart; where they agree to rounding and a finite difference lies off by less than this,
it is its error bar that is wrong. A `stop_gradient` or a custom rule changes a derivative by more.
"""

EXCLUDED = 4.0
"""Where all three disagree, yours is wrong when it is this many error bars away from the finite difference."""


class Verdict(StrEnum):
    """What the witnesses say about one element."""

    RIGHT = "right"
    """Yours is right by autodiff, and finite differences do not object."""
    WRONG = "wrong"
    """Yours differs from autodiff, and finite differences do not object to autodiff."""
    RIGHT_BY_DIFFERENCES = "right by differences"
    """Autodiff is the odd one out."""
    WRONG_BY_DIFFERENCES = "wrong by differences"
    """Autodiff is wrong or missing, and the finite difference excludes yours."""
    KINK = "kink"
    """The slopes on the two sides differ, and yours is between them; or the function jumps, and yours is the slope
    beside the jump."""
    WRONG_TOGETHER = "wrong together"
    """The same by itself; but of several elements that meet at one kink, what all of them take is no gradient."""
    JUMP = "jump"
    """The function jumps here: there is no derivative, and yours is not the slope beside the jump."""
    BOTH_OFF = "both off"
    """Yours and autodiff agree, but the function has another slope there."""
    UNKNOWN = "unknown"
    """No witness can tell."""


ODD = frozenset({Verdict.RIGHT_BY_DIFFERENCES, Verdict.WRONG_BY_DIFFERENCES, Verdict.BOTH_OFF})
"""Verdicts that say that autodiff cannot be relied on around this element."""


@dataclass(frozen=True)
class Row:
    """One element as the three witnesses see it.

    Attributes:
        yours, autodiff: the two gradients; None where there is none.
        agree: yours is within the tolerance of autodiff.
        difference: by finite differences; None where it was not looked at.
        tolerance: of this element, without the error bar.
        size: how large gradients are around here: what `TELLING` and `MATERIAL` are shares of.
    """

    yours: float | complex | None
    autodiff: float | complex | None
    agree: bool
    difference: Difference | None
    tolerance: float
    size: float


def decide(row: Row) -> Verdict:
    """The verdict of the table for one element."""
    difference = row.difference
    if difference is None or not (np.isfinite(difference.value) and np.isfinite(difference.error)):
        return _without_differences(row)
    slack = row.tolerance + difference.error
    autodiff_known = row.autodiff is not None and bool(np.isfinite(row.autodiff))
    size = max(row.size, abs(difference.value))
    autodiff_holds = (
        autodiff_known
        and row.autodiff is not None
        and abs(row.autodiff - difference.value) <= slack + MATERIAL * max(size, abs(row.autodiff))
    )
    if row.yours is None:
        return Verdict.UNKNOWN
    slopes = kink(difference, row.tolerance)
    if slopes is not None and slopes.jump > 0 and np.isfinite(row.yours):
        return Verdict.KINK if slopes.allows(row.yours, row.tolerance) else Verdict.JUMP
    if row.agree and autodiff_holds:
        return Verdict.RIGHT
    if slopes is not None and np.isfinite(row.yours) and slopes.allows(row.yours, row.tolerance):
        return Verdict.KINK
    if row.agree:
        # At a kink of several (the middle one of three tied entries of a sort) autodiff's own choice is one of many.
        return Verdict.BOTH_OFF if slopes is None else Verdict.KINK
    if slopes is not None and slopes.several and np.isfinite(row.yours):
        # What the chain rule may give where several kinks meet is not told by the function's own slopes.
        return Verdict.UNKNOWN
    if slopes is not None:
        return Verdict.WRONG if autodiff_holds else Verdict.WRONG_BY_DIFFERENCES
    if autodiff_holds:
        return Verdict.WRONG
    if abs(row.yours - difference.value) <= slack:
        return Verdict.RIGHT_BY_DIFFERENCES if autodiff_known or is_telling(row, difference) else Verdict.UNKNOWN
    if abs(row.yours - difference.value) > row.tolerance + EXCLUDED * difference.error or not np.isfinite(row.yours):
        return Verdict.WRONG_BY_DIFFERENCES
    return Verdict.UNKNOWN


def is_telling(row: Row, difference: Difference) -> bool:
    """Whether the finite difference is precise enough to decide on its own."""
    size = max(
        row.size, abs(difference.value), abs(row.yours) if row.yours is not None and np.isfinite(row.yours) else 0.0
    )
    return difference.error <= TELLING * size


def _without_differences(row: Row) -> Verdict:
    if row.yours is None or row.autodiff is None or not np.isfinite(row.autodiff):
        return Verdict.UNKNOWN
    return Verdict.RIGHT if row.agree else Verdict.WRONG
