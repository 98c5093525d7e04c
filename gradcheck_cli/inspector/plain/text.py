"""Words, numbers and places as they are read out: no drawing, no sign that a screen reader skips."""

from __future__ import annotations

import textwrap
from pathlib import Path

from gradcheck_cli.report.escaping import one_line, plain
from gradcheck_cli.report.places import relative_path

WIDTH = 88
"""Columns of a paragraph; source is never folded."""


def paragraph(text: str, indent: int = 0) -> str:
    """A sentence or a few, folded between words."""
    margin = " " * indent
    return textwrap.fill(
        spoken(plain(text)),
        WIDTH,
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )


def spoken(text: str) -> str:
    """The same with words for the signs that stand between numbers."""
    for sign, words in ((" ± ", ", plus or minus "), ("– ", ""), ("–", "none"), ("×", "times"), ("−", "-")):
        text = text.replace(sign, words)
    return text


def place(path: str, line: int | None, folder: str) -> str:
    """`mylayer.py, line 47`, seen from the run's folder."""
    shown = one_line(relative_path(path, Path(folder)) if folder else path)
    return shown if line is None else f"{shown}, line {line}"
