"""What blame says: a sentence in the words of the person who wrote the layer."""

from __future__ import annotations

from collections.abc import Sequence

from gradcheck_cli.judge.words import listing, number
from gradcheck_cli.report.model import Blame

CODES = {True: "GC209", False: "GC210"}
"""By whether the path is missing altogether."""


def code(blame: Blame) -> str:
    """The rule: a path that is missing, or has another factor."""
    return CODES[blame.factor == -1]


def claim(blame: Blame, gradients: Sequence[str]) -> str:
    """What is wrong with the path.

    Args:
        gradients: all that are wrong by this, as the user calls them.
    """
    through = f"`{blame.expression}` (line {blame.line})"
    if blame.operand and blame.operand != blame.expression:
        through = f"`{blame.operand}` in {through}"
    return f"your {listing(gradients)} {_said(blame, len(gradients))} {through}: {_mend(_factor(blame))}"


def _said(blame: Blame, count: int) -> str:
    has, counts, takes = ("has", "counts", "takes") if count == 1 else ("have", "count", "take")
    path = "one of the paths through" if blame.is_part else "the path through"
    if blame.factor == -1:
        return f"{has} no contribution from {path}" if blame.is_part else f"{has} no contribution through"
    if blame.factor == -2:
        return f"{has} the wrong sign on {path}"
    if blame.factor == 1:
        return f"{counts} twice {path}"
    if blame.factor == -0.5:
        return f"{has} only half of {path}"
    return f"{takes} {number(1 + _factor(blame), 4)} times {path}"


def _factor(blame: Blame) -> float:
    assert blame.factor is not None, "a path has a factor"
    return blame.factor


def _mend(factor: float) -> str:
    if factor == -1:
        return "that path must be added"
    if factor == -2:
        return "the sign of its term must be turned"
    return "that path must enter once"
