"""A matrix as a heat map: signs and sizes readable without colour, folded into blocks where it is large."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.style import Style
from rich.text import Text

from gradcheck_cli.report.marks import QUIET
from gradcheck_cli.report.screen import Screen

if TYPE_CHECKING:
    from gradcheck_cli.report.jacobian.model import Matrix

MOST_ROWS, MOST_COLUMNS = 40, 80
"""Up to so many entries are shown one by one."""

_PALE, _RED, _BLUE = (122, 122, 128), (206, 34, 43), (38, 96, 214)
_LARGE = 0.5
"""Of the largest entry: from there on the sign is doubled."""


@dataclass(frozen=True)
class Folded:
    """A matrix with at most so many marks a side.

    Attributes:
        largest: of each block, the entry of largest size, with its sign.
        mixed: whether a block has entries of both signs.
        height, width: entries of the matrix that a mark stands for, down and across; the last may stand for fewer.
    """

    largest: Matrix
    mixed: np.ndarray[tuple[int, int], np.dtype[np.bool_]]
    height: int
    width: int


def folded(matrix: Matrix, rows: int, columns: int) -> Folded:
    """The matrix within so many rows and columns of marks."""
    height, width = (max(1, math.ceil(length / most)) for length, most in zip(matrix.shape, (rows, columns)))
    down, across = np.arange(0, matrix.shape[0], height), np.arange(0, matrix.shape[1], width)
    high = np.maximum.reduceat(np.maximum.reduceat(matrix, down, axis=0), across, axis=1)
    low = np.minimum.reduceat(np.minimum.reduceat(matrix, down, axis=0), across, axis=1)
    return Folded(np.where(high >= -low, high, low), (high > 0) & (low < 0), height, width)


def fold_for(matrix: Matrix, room: int) -> Folded:
    """The matrix in so many columns of a page: two for each mark, one where it then need not be folded."""
    columns = matrix.shape[1]
    return folded(matrix, MOST_ROWS, columns if columns <= min(MOST_COLUMNS, room) else min(MOST_COLUMNS, room // 2))


def heat_map(map_: Folded, labels: tuple[str, str], screen: Screen, indent: int) -> list[Text]:
    """Lines: the columns' labels (of the first and the last), then marks for each row, or block of rows."""
    cells = 2 if 2 * map_.largest.shape[1] <= screen.width - indent else 1
    scale = float(np.nanmax(np.abs(map_.largest), initial=0.0))
    lines = [_across(labels, cells * map_.largest.shape[1], indent)]
    for values, mixed in zip(map_.largest, map_.mixed):
        line = Text(" " * indent)
        for value, both in zip(values, mixed):
            line.append_text(_cell(float(value), scale, both=bool(both), cells=cells, screen=screen))
        lines.append(line)
    return lines


def _across(labels: tuple[str, str], width: int, indent: int) -> Text:
    first, last = labels
    space = width - len(first) - len(last)
    if not last or space < 1:
        return Text(" " * indent + first, QUIET)
    return Text(" " * indent + first + " " * space + last, QUIET)


def key(map_: Folded, screen: Screen, indent: int) -> list[Text]:
    """What the marks mean."""
    told = [f"+ positive   {minus(screen)} negative   {zero_mark(screen)} zero   twice: at least half of the largest"]
    if map_.height * map_.width > 1:
        both = f"{_both(screen)} both signs in it" if bool(map_.mixed.any()) else ""
        told.append(f"a mark stands for {map_.height} × {map_.width} entries: the largest of them   {both}".rstrip())
    return [screen.text(" " * indent + line, QUIET) for line in told]


def minus(screen: Screen) -> str:
    """As long as a plus, where the page can carry it."""
    return "−" if screen.marks.dash == "–" else "-"


def _both(screen: Screen) -> str:
    return screen.marks.plus_minus.replace("+/-", "#")


def zero_mark(screen: Screen) -> str:
    """The mark of nothing."""
    return screen.marks.shades[0]


def _cell(value: float, scale: float, *, both: bool, cells: int, screen: Screen) -> Text:
    if not math.isfinite(value):
        return Text("??"[:cells], "bold magenta")
    if value == 0 or scale == 0:
        return Text(zero_mark(screen).rjust(cells), QUIET)
    share = abs(value) / scale
    sign = _both(screen) if both else "+" if value > 0 else minus(screen)
    text = sign * cells if share >= _LARGE else sign.rjust(cells)
    return Text(text, shade(value, scale))


def shade(value: float, scale: float) -> Style:
    """White on grey for what is small, on red for what is large, on blue for what is large and negative."""
    share = math.sqrt(min(1.0, abs(value) / scale)) if scale else 0.0
    end = _RED if value > 0 else _BLUE
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(_PALE, end))
    return Style(color="rgb(255,255,255)", bgcolor=f"rgb({red},{green},{blue})", bold=share > _LARGE)
