"""What a tool said of one backward."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Said(StrEnum):
    """A tool's verdict."""

    WRONG = "wrong"
    RIGHT = "right"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"
    """The tool itself could not do its work."""


@dataclass(frozen=True)
class Outcome:
    """A verdict, the wall seconds it took in a warm process, and the tool's own words (codes, or an error)."""

    said: Said
    seconds: float
    words: str = ""
