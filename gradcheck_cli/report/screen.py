"""How wide the page is, how much is asked for, and how a place in the user's source reads on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gradcheck_cli.report.escaping import one_line, plain
from gradcheck_cli.report.marks import UNICODE, Marks, marks_for

_WIDEST = 120
"""Longer lines are hard to read, however wide the terminal is."""


@dataclass(frozen=True)
class Screen:
    """What every part of the report needs to know of the page it is on.

    Attributes:
        width: in columns.
        verbose: show passing arguments, draws, shapes and their sources, equations, timings too.
        quiet: show only what is wrong, and the last line.
        folder: places inside it are shown relative to it.
        is_attended: whoever reads it can type a command.
    """

    width: int
    marks: Marks = UNICODE
    verbose: bool = False
    quiet: bool = False
    folder: Path | None = None
    is_attended: bool = False

    def place(self, path: str, line: int | None) -> str:
        """`mylayer.py:21`."""
        shown = path
        if self.folder is not None and Path(path).is_relative_to(self.folder):
            shown = str(Path(path).relative_to(self.folder))
        return one_line(shown) + (f":{line}" if line is not None else "")

    def text(self, content: str, style: str = "") -> Text:
        """Text from the user's side of the fence, made harmless, in signs that this page can carry."""
        safe = plain(content)
        if self.marks is not UNICODE:
            safe = safe.encode("ascii", "backslashreplace").decode("ascii")
        return Text(safe, style=style, overflow="fold")

    def verbatim(self, content: str, style: str = "") -> Verbatim:
        """The same, to be copied as it stands."""
        return Verbatim(self.text(content, style))


@dataclass(frozen=True)
class Verbatim:
    """Text to be copied: printed from the first column, never folded, however narrow the page is."""

    text: Text


Part = RenderableType | Verbatim
"""What a page is made of."""


def screen_for(console: Console, *, verbose: bool = False, quiet: bool = False, folder: Path | None = None) -> Screen:
    """The page that `console` writes on."""
    return Screen(
        width=min(console.width, _WIDEST),
        marks=marks_for(console.encoding),
        verbose=verbose,
        quiet=quiet,
        folder=folder,
    )


def natural_width(rows: Sequence[Sequence[Text]], gap: int) -> int:
    """The columns that a grid of these rows takes if nothing in it is folded."""
    if not rows:
        return 0
    widths = [max(cell_len(line) for cell in column for line in cell.plain.split("\n")) for column in zip(*rows)]
    return sum(widths) + gap * (len(widths) - 1)


def grid(rows: Sequence[Sequence[Text]], *, right: Sequence[int] = (), gap: int = 2) -> Table:
    """A table without a frame; cells fold, none is cut off. `right` names the columns flush right."""
    table = Table.grid(padding=(0, gap, 0, 0))
    for position in range(len(rows[0]) if rows else 0):
        table.add_column(justify="right" if position in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def labelled(rows: Sequence[tuple[str, Text]], indent: int = 2) -> Padding:
    """A label in quiet letters before each text; a long text folds beside its label, not under it."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, content in rows:
        table.add_row(label, content)
    return indented(table, indent)


def indented(content: RenderableType, columns: int) -> Padding:
    """`content`, so many columns from the left."""
    return Padding(content, (0, 0, 0, columns), expand=False)


def bulleted(sentence: str, screen: Screen, indent: int, style: str = "dim") -> RenderableType:
    """One sentence after a bullet, in quiet letters; folded lines stand under its first word."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(style=style, no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(screen.marks.bullet, screen.text(sentence, style))
    return indented(table, indent)


def joined(parts: Sequence[Text], screen: Screen, indent: int, further: int | None = None) -> Text:
    """The parts with dots between them, in as many lines as the page needs, broken only between parts."""
    line = Text(" " * indent)
    column = indent
    for position, part in enumerate(parts):
        separator = screen.marks.dot if position else ""
        if position and column + len(separator) + part.cell_len > screen.width:
            column = indent if further is None else further
            line.append("\n" + " " * column)
            separator = ""
        line.append(separator, style="dim")
        line.append_text(part)
        column += len(separator) + part.cell_len
    return line
