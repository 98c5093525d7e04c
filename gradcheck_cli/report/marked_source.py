"""Lines of the user's source with the expression that is to blame marked below them."""

from __future__ import annotations

import textwrap

from gradcheck_cli.report.escaping import plain
from gradcheck_cli.report.model import Blame

MOST_LINES = 8


def marked_lines(blame: Blame) -> list[tuple[str, str]]:
    """Each line's number and text, without their common margin; below a single line, `^^^` with no number."""
    source = textwrap.dedent(plain(blame.source.expandtabs(4)))
    lines = source.split("\n")[:MOST_LINES] if source.strip() else []
    found = [(str(blame.line + at), line) for at, line in enumerate(lines)]
    if len(lines) == 1 and blame.expression in lines[0] and blame.expression != lines[0]:
        before = len(lines[0][: lines[0].index(blame.expression)])
        found.append(("", " " * before + "^" * len(blame.expression)))
    return found


def marked_text(blame: Blame) -> str:
    """The same as one text."""
    lines = marked_lines(blame)
    width = max((len(number) for number, _ in lines), default=0)
    return "\n".join(f"{number:>{width}}  {line}".rstrip() for number, line in lines)
