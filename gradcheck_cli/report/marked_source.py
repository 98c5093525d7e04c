"""The forward's source with the expression that is to blame marked, and what enters the gradient how many times."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from gradcheck_cli.report.escaping import plain
from gradcheck_cli.report.model import Blame

MOST_BLAMED = 8
"""Lines of a long statement that are shown."""

AROUND = 6
"""Lines of the forward before the statement and after it that are shown, beside the first."""

GAP = "…"


@dataclass(frozen=True)
class Line:
    """One line to show.

    Attributes:
        number: of a line of the source; "" for what is written below one.
        is_blamed: part of the statement that is to blame, or the mark below it.
    """

    number: str
    text: str
    is_blamed: bool


def marked_lines(blame: Blame) -> list[Line]:
    """The forward's lines without their common margin; below the statement `^^^` and the factor."""
    numbered = blame.forward or tuple(enumerate(blame.source.split("\n") if blame.source.strip() else [], blame.line))
    texts = textwrap.dedent("\n".join(plain(text.expandtabs(4)) for _, text in numbered)).split("\n")
    found: list[Line] = []
    before = -1
    for at, ((number, _), text) in enumerate(zip(numbered, texts)):
        is_blamed = blame.line <= number <= blame.end_line
        near = blame.line - AROUND <= number <= blame.end_line + AROUND
        if not (near or at == 0) or (is_blamed and number >= blame.line + MOST_BLAMED):
            continue
        if before >= 0 and any(text.strip() for text in texts[before + 1 : at]):
            found.append(Line("", _indent(text) + GAP, False))
        found.append(Line(str(number), text, is_blamed))
        before = at
        if number == min(blame.end_line, blame.line + MOST_BLAMED - 1):
            found.append(Line("", mark_below(text, blame), True))
    if before + 1 < len(texts) and any(text.strip() for text in texts[before + 1 :]):
        found.append(Line("", _indent(texts[before]) + GAP, False))
    return found


def marked_text(blame: Blame) -> str:
    """The same as one text."""
    lines = marked_lines(blame)
    width = max((len(line.number) for line in lines), default=0)
    return "\n".join(f"{line.number:>{width}}  {line.text}".rstrip() for line in lines)


def mark_below(text: str, blame: Blame) -> str:
    """What stands below the last line of the statement: `^^^` and the factor."""
    is_one_line = blame.line == blame.end_line and blame.expression in text
    start = text.index(blame.expression) if is_one_line else len(_indent(text))
    arrows = "^" * (len(blame.expression) if is_one_line else len(text) - start)
    return f"{' ' * start}{arrows} {_factor(blame)}".rstrip()


def _factor(blame: Blame) -> str:
    if blame.factor is None:
        return "goes another way in your backward"
    return f"× {1 + blame.factor:.4g} in your backward"


def _indent(text: str) -> str:
    return text[: len(text) - len(text.lstrip())]
