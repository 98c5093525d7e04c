"""Loss curves on a terminal: braille dots, or letters where the page knows ASCII alone.

Each curve is named where it ends, so that they are told apart without colours, too.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from gradcheck_cli.report.marks import ASCII, QUIET
from gradcheck_cli.report.numbers import brief
from gradcheck_cli.report.screen import Screen
from gradcheck_cli.report.training.scale import Scale, scale_of, spans

HEIGHT = 10
"""Rows."""

YOURS, AUTODIFF, BOTH = "bold red", "cyan", "green"

_AXIS = 10
_LABEL = 11
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Of a braille cell, by row and column."""

Grid = list[list[int]]
"""By row and column of the page, the dots of a cell."""


def curves(yours: Sequence[float], autodiff: Sequence[float], parts: int | None, screen: Screen) -> list[Text]:
    """Lines: the curves, the axis of steps, and a mark where the runs part."""
    scale = scale_of([yours, autodiff])
    if scale is None:
        return []
    width = max(20, min(screen.width - _AXIS - _LABEL - 2, 80))
    steps = max(len(yours), len(autodiff)) - 1
    fine = screen.marks is not ASCII
    mine, its = (
        _drawn(curve, scale, max(2, round(width * (len(curve) - 1) / steps)) if steps else width, width, fine=fine)
        for curve in (yours, autodiff)
    )
    names = _names(mine, its)
    lines = []
    for row in range(HEIGHT):
        line = screen.text(_mark(scale, row).rjust(_AXIS) + (" ┤" if fine else " |"), QUIET)
        for column in range(width):
            line.append_text(_cell(mine[row][column], its[row][column], fine=fine))
        if row in names:
            line.append_text(names[row])
        line.rstrip()
        lines.append(line)
    return [*lines, _axis(steps, width, fine=fine), *_parting(parts, steps, width, fine=fine)]


def _drawn(curve: Sequence[float], scale: Scale, columns: int, width: int, *, fine: bool) -> Grid:
    across, down = (2, 4) if fine else (1, 1)
    grid = [[0] * width for _ in range(HEIGHT)]
    before: int | None = None
    for x, span in enumerate(spans(curve, min(columns, width) * across)):
        if span is None:
            before = None
            continue
        low, high = (round((1 - scale.at(value)) * (HEIGHT * down - 1)) for value in (span[1], span[0]))
        if before is not None and fine:
            # no gap between one column and the next
            low, high = min(low, before + 1) if before < low else low, max(high, before - 1) if before > high else high
        for y in range(low, high + 1):
            grid[y // down][x // across] |= _DOTS[y % 4][x % 2] if fine else 1
        before = round((1 - scale.at(span[0])) * (HEIGHT * down - 1))
    return grid


def _cell(mine: int, its: int, *, fine: bool) -> Text:
    if not mine and not its:
        return Text(" ")
    style = BOTH if mine and its else YOURS if mine else AUTODIFF
    if fine:
        return Text(chr(0x2800 + (mine | its)), style)
    return Text("*" if mine and its else "o" if mine else "+", style)


def _names(mine: Grid, its: Grid) -> dict[int, Text]:
    """Where each curve ends, its name."""
    first, second = _end(mine), _end(its)
    if first == second or first is None or second is None:
        row = second if first is None else first
        known = "both" if first == second else "autodiff" if first is None else "yours"
        return {} if row is None else {row: Text(f" {known}", BOTH if known == "both" else YOURS)}
    return {first: Text(" yours", YOURS), second: Text(" autodiff", AUTODIFF)}


def _end(grid: Grid) -> int | None:
    """The row of the last column that has dots: the lowest."""
    for column in reversed(range(len(grid[0]))):
        rows = [row for row in range(len(grid)) if grid[row][column]]
        if rows:
            return rows[-1]
    return None


def _mark(scale: Scale, row: int) -> str:
    if row not in (0, HEIGHT // 2, HEIGHT - 1) or (scale.high == scale.low and row != HEIGHT // 2):
        return ""
    return brief(scale.value(1 - row / (HEIGHT - 1)), 3)


def _axis(steps: int, width: int, *, fine: bool) -> Text:
    corner, rule = ("└", "─") if fine else ("+", "-")
    line = Text(" " * (_AXIS + 1) + corner + rule * width + "\n", QUIET)
    end = f"step {steps:,}"
    line.append(" " * (_AXIS + 2) + "0" + end.rjust(width - 1), QUIET)
    return line


def _parting(parts: int | None, steps: int, width: int, *, fine: bool) -> list[Text]:
    if parts is None or not steps:
        return []
    column = min(width - 1, round(parts / steps * (width - 1)))
    arrow, words = "↑" if fine else "^", f"they part after step {parts:,}"
    line = " " * (_AXIS + 2 + column) + f"{arrow} {words}"
    if column + len(words) + 2 > width + _LABEL:
        line = " " * (_AXIS + 2 + column - len(words) - 1) + f"{words} {arrow}"
    return [Text(line, YOURS)]
