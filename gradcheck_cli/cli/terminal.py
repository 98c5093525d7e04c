"""Consoles: one whose text is written to standard output in one go, one on standard error."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Mapping

from rich.console import Console, ConsoleDimensions

_WIDTH_OF_A_PIPE = 100
_WIDTH_OF_A_LOG = 1000


_JOBS = ("CI", "PRE_COMMIT")
"""Variables that a CI service and pre-commit set; both may have a terminal at which nobody sits."""


def is_attended(environment: Mapping[str, str]) -> bool:
    """Whether somebody can type at the terminal that there is."""
    return not any(environment.get(name) for name in _JOBS)


class Page(io.StringIO):
    """Text that is on its way to a stream of another encoding."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream it will be written to."""
        return self._encoding


def page_console(encoding: str, *, is_terminal: bool, is_file: bool = False) -> Console:
    """A console whose output is collected: `console.file.getvalue()`.

    Colours where a person reads it and `NO_COLOR` is not set; a width that does not depend on the terminal elsewhere.
    For a file that is kept there is neither colour nor any other width, whatever the environment says.
    """
    if is_file:
        return Console(file=Page(encoding), force_terminal=False, color_system=None, width=_WIDTH_OF_A_PIPE)
    width = None if is_terminal or "COLUMNS" in os.environ else _WIDTH_OF_A_PIPE
    return Console(file=Page(encoding), force_terminal=True if is_terminal else None, width=width)


_ECHOED = len("^C")


class _WithRoom(Console):
    """Leaves room at the end of a line for what the terminal echoes: a line that breaks there cannot be taken back."""

    @property  # type: ignore[misc]
    def size(self) -> ConsoleDimensions:
        """Columns and lines."""
        width, height = super().size
        return ConsoleDimensions(max(1, width - _ECHOED), height)


def error_console(*, has_room: bool = False) -> Console:
    """A console on standard error; in a log nothing is folded, so that a message stays one line.

    Args:
        has_room: for a line that is taken back: Ctrl-C must not break it in two.
    """
    width = None if sys.stderr is not None and sys.stderr.isatty() else _WIDTH_OF_A_LOG
    kind = _WithRoom if has_room else Console
    return kind(stderr=True, highlight=False, markup=False, emoji=False, width=width)


def page_text(console: Console) -> str:
    """What was printed on a `page_console`."""
    assert isinstance(console.file, Page)
    return re.sub(r"[ ]+$", "", console.file.getvalue(), flags=re.MULTILINE)
