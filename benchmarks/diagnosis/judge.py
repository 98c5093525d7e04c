"""Whether what was said of a planted bug is its cause, and in the right line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.detection.planted import Planted
from benchmarks.diagnosis.answers import Answer

NO_CAUSE = "GC201"
PATHS = ("GC209", "GC210")
"""Dropped paths, and doubled, re-signed and re-scaled ones: those that a line of the forward stands for."""


class Kind(StrEnum):
    """What a diagnosis is worth."""

    RIGHT = "right"
    """The planted cause, or none where none is planted."""
    NONE = "none"
    """No cause, where one is planted."""
    WRONG = "wrong"
    """Another cause, one where none is planted, or the cause in a wrong line."""
    UNFOUND = "unfound"
    """The backward was not called wrong: nothing to diagnose."""


@dataclass(frozen=True)
class Judged:
    """An answer beside the bug that it is about.

    Attributes:
        has_line: a line of the forward is blamed, and which one is right is known.
        line_right: it is one of the right ones.
    """

    planted: Planted
    answer: Answer
    kind: Kind
    has_line: bool = False
    line_right: bool = False

    @property
    def has_cause(self) -> bool:
        """Whether a rule describes the bug."""
        return self.planted.code != NO_CAUSE

    @property
    def is_path(self) -> bool:
        """Whether a line of the forward must be named."""
        return self.planted.code in PATHS

    @property
    def cost(self) -> float | None:
        """Seconds of diagnosis to a second of the check itself; None where nothing was diagnosed."""
        answer = self.answer
        return answer.diagnosis / (answer.seconds - answer.diagnosis) if answer.diagnosis else None


def judged(planted: Planted, answer: Answer) -> Judged:
    """Judge one answer by the labels of its bug."""
    if not answer.found:
        return Judged(planted, answer, Kind.UNFOUND)
    right = planted.forward_lines()
    has_line = bool(answer.line and right)
    line_right = has_line and not right.isdisjoint(range(answer.line, answer.end_line + 1))
    return Judged(planted, answer, _kind(planted, answer.code, has_line and not line_right), has_line, line_right)


def _kind(planted: Planted, code: str, is_elsewhere: bool) -> Kind:
    if code == NO_CAUSE and planted.code != NO_CAUSE and NO_CAUSE not in planted.also:
        return Kind.NONE
    accepted = code in (planted.code, *planted.also)
    return Kind.RIGHT if accepted and not is_elsewhere else Kind.WRONG


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    @property
    def percent(self) -> float:
        """Of none, all."""
        return 100 * self.part / self.whole if self.whole else 100.0

    def __str__(self) -> str:
        return f"{self.part:,} of {self.whole:,} ({self.percent:.1f} %)"


def causes(judgements: Sequence[Judged]) -> Share:
    """First causes that are right, of the bugs that were found and have a cause in the catalogue."""
    some = [one for one in judgements if one.has_cause and one.kind is not Kind.UNFOUND]
    return Share(sum(one.kind is Kind.RIGHT for one in some), len(some))


def lines(judgements: Sequence[Judged]) -> Share:
    """Right lines, of the dropped, doubled, re-signed and re-scaled paths that were found."""
    some = [one for one in judgements if one.is_path and one.kind is not Kind.UNFOUND]
    return Share(sum(one.line_right for one in some), len(some))


def wrong(judgements: Sequence[Judged]) -> Share:
    """Wrong diagnoses, of all bugs that were found."""
    some = [one for one in judgements if one.kind is not Kind.UNFOUND]
    return Share(sum(one.kind is Kind.WRONG for one in some), len(some))


RIGHT_CAUSES, RIGHT_LINES, WRONG = 95.0, 90.0, 2.0
"""The bars, in per cent: at least, at least, and less than."""


def is_good(judgements: Sequence[Judged]) -> bool:
    """Whether all three bars are met."""
    return (
        causes(judgements).percent >= RIGHT_CAUSES
        and lines(judgements).percent >= RIGHT_LINES
        and (wrong(judgements).percent < WRONG or wrong(judgements).part == 0)
    )
