"""Sentences of a report, parted into plain words and what stands between backticks: a name, a line to write."""

from __future__ import annotations

from dataclasses import dataclass

from gradcheck_cli.report.escaping import plain


@dataclass(frozen=True)
class Span:
    """A piece of a sentence; `is_code` where it is to be read letter by letter."""

    text: str
    is_code: bool = False


def spans(sentence: str) -> list[Span]:
    """The pieces of a sentence, made harmless; all of it one piece where the backticks do not pair up."""
    parts = plain(sentence).split("`")
    if len(parts) % 2 == 0 or any(not part.strip() or "\n" in part for part in parts[1::2]):
        return [Span(plain(sentence))]
    return [Span(part, is_code=position % 2 == 1) for position, part in enumerate(parts) if part]
