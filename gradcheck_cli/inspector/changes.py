"""What a layer that was checked again came to, beside what it was before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.report.model import ArgumentReport, LayerReport, Status
from gradcheck_cli.report.numbers import counted
from gradcheck_cli.saved.model import WRONG, KeptLayer


@dataclass(frozen=True)
class LeafChange:
    """One gradient before and after.

    Attributes:
        mended, broken: elements that were wrong and are not, and the other way; None where the inputs were others.
    """

    name: str
    wrong_before: int
    wrong_after: int
    total: int
    mended: int | None = None
    broken: int | None = None


def changes(
    before: LayerReport, after: LayerReport, one: KeptLayer | None, other: KeptLayer | None
) -> tuple[LeafChange, ...]:
    """Of each gradient that both have.

    Raises:
        UserError: where an array lies in a damaged file.
    """
    had = {argument.name: argument for argument in before.arguments}
    return tuple(_change(had[each.name], each, one, other) for each in after.arguments if each.name in had)


def change_words(before: LayerReport, after: LayerReport, found: Sequence[LeafChange]) -> str:
    """In one line: `layernorm passes now · dx 12 wrong before, none now: 12 mended`."""
    if after.status is before.status:
        head = {Status.PASS: "still passes", Status.FAIL: "still fails"}.get(
            after.status, f"still {after.status.value}"
        )
    else:
        head = {Status.PASS: "passes now", Status.FAIL: "fails now"}.get(after.status, f"is {after.status.value} now")
    parts = [f"{after.name} {head}", *(_words(change) for change in found if _counts(change))]
    if len(parts) == 1 and any(change.wrong_after for change in found):
        parts.append("as many elements wrong as before")
    return " · ".join(parts)


_MOST_NEWS = 3


def joined_news(news: Sequence[str]) -> str:
    """What happened to several layers, in one line."""
    told = [*news[:_MOST_NEWS], *([f"{len(news) - _MOST_NEWS:,} more changed"] if len(news) > _MOST_NEWS else [])]
    return "; ".join(told)


def earlier_marks(name: str, now: KeptLayer, before: KeptLayer | None) -> NDArray[np.uint8] | None:
    """The marks that a gradient had for the same inputs.

    Raises:
        UserError: where they lie in a damaged file.
    """
    if before is None:
        return None
    at = next((at for at, leaf in enumerate(before.leaves) if leaf.name == name), None)
    draw = next((draw for draw in before.draws if draw.digest == now.draw.digest), None)
    stored = draw.marks[at] if at is not None and draw is not None else None
    return None if stored is None else stored.read()


def _change(
    before: ArgumentReport, after: ArgumentReport, one: KeptLayer | None, other: KeptLayer | None
) -> LeafChange:
    mended = broken = None
    if one is not None and other is not None:
        was = earlier_marks(after.name, other, one)
        now = earlier_marks(after.name, other, other)
        if was is not None and now is not None and was.shape == now.shape:
            mended = int(np.count_nonzero((was == WRONG) & (now != WRONG)))
            broken = int(np.count_nonzero((was != WRONG) & (now == WRONG)))
    return LeafChange(after.gradient_name, before.wrong, after.wrong, after.total, mended, broken)


def _counts(change: LeafChange) -> bool:
    return bool(change.wrong_before != change.wrong_after or change.mended or change.broken)


def _words(change: LeafChange) -> str:
    if change.mended is not None and change.broken is not None:
        parts = [f"{change.mended:,} mended"] * bool(change.mended) + [f"{change.broken:,} broken"] * bool(
            change.broken
        )
        left = f"{change.wrong_after:,} wrong" if change.wrong_after else "none wrong"
        return f"{change.name} {', '.join([*parts, left])}"
    before, after = (f"{count:,}" if count else "none" for count in (change.wrong_before, change.wrong_after))
    return f"{change.name} {before} wrong before, {after} of {counted(change.total, 'element')} now"
