"""What blame says: a sentence in the words of the person who wrote the layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gradcheck_cli.judge.words import listing, number
from gradcheck_cli.report.model import Blame, Finding

CODES = {True: "GC209", False: "GC210"}
"""By whether the path is missing altogether."""


def blamed(finding: Finding, blame: Blame, gradients: Sequence[str]) -> Finding:
    """The finding with its cause.

    Args:
        finding: GC201, of the first gradient that is wrong.
        gradients: all that are wrong by this, as the user calls them.
    """
    is_dropped = blame.factor == -1
    through = f"`{blame.expression}` (line {blame.line})"
    if blame.operand and blame.operand != blame.expression:
        through = f"`{blame.operand}` in {through}"
    mine = listing(gradients)
    message = f"your {mine} {_said(blame.factor, len(gradients))} {through}: {_mend(blame.factor)}"
    return replace(finding, code=CODES[is_dropped], message=f"{message}; {finding.message}", mend=None, blame=blame)


def _said(factor: float, count: int) -> str:
    has, counts = ("has", "counts") if count == 1 else ("have", "count")
    if factor == -1:
        return f"{has} no contribution through"
    if factor == -2:
        return f"{has} the wrong sign on the path through"
    if factor == 1:
        return f"{counts} twice the path through"
    if factor == -0.5:
        return f"{has} only half of the path through"
    takes = "takes" if count == 1 else "take"
    return f"{takes} {number(1 + factor, 4)} times the path through"


def _mend(factor: float) -> str:
    if factor == -1:
        return "that path must be added"
    if factor == -2:
        return "that path must be added, not subtracted"
    return "that path must enter once"
