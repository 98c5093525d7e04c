"""The Jacobians on a terminal: each as a heat map or a table of numbers, and what is to be said of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.jacobian.heat_map import MOST_ROWS, fold_for, heat_map, key, minus, shade, zero_mark
from gradcheck_cli.report.jacobian.model import Jacobian, Jacobians, Side
from gradcheck_cli.report.marks import CODE, HEADING, QUIET
from gradcheck_cli.report.screen import Screen, bulleted, labelled, screen_for

if TYPE_CHECKING:
    from gradcheck_cli.report.jacobian.model import Matrix

_MOST_NUMBERS = 24
"""Rows up to which a matrix is shown as numbers, where its columns fit."""
_CELL = 7
_INDENT = 3


def print_jacobians(jacobians: Jacobians, console: Console, folder: Path | None = None) -> None:
    """Print them, one after the other."""
    screen = screen_for(console, folder=folder)
    for part in jacobians_page(jacobians, screen):
        console.print(part, highlight=False, markup=False, emoji=False, width=screen.width)


def jacobians_page(jacobians: Jacobians, screen: Screen) -> list[RenderableType]:
    """All parts, top to bottom."""
    parts: list[RenderableType] = [Text(), _title(jacobians, screen)]
    for jacobian in jacobians.jacobians:
        parts += [Text(), *_section(jacobian, screen)]
    if jacobians.notes:
        parts += [Text(), *(bulleted(note, screen, 1) for note in jacobians.notes)]
    return parts


def _title(jacobians: Jacobians, screen: Screen) -> Text:
    """`affine · layers.py:12 · N=3, D=5, M=4 · seed 0`."""
    line = Text(" ")
    line.append_text(screen.text(one_line(jacobians.name), HEADING))
    facts = [screen.place(jacobians.path, jacobians.line)]
    if jacobians.sizes:
        facts.append(", ".join(f"{one_line(name)}={size}" for name, size in jacobians.sizes))
    facts.append(f"seed {jacobians.seed}")
    line.append_text(screen.text(screen.marks.dot + screen.marks.dot.join(facts), QUIET))
    return line


def _section(jacobian: Jacobian, screen: Screen) -> list[RenderableType]:
    rows, columns = jacobian.matrix.shape
    title = Text(" ")
    title.append_text(screen.text(one_line(jacobian.title), HEADING))
    title.append_text(screen.text(f"   {rows} × {columns}   ", QUIET))
    title.append_text(screen.text(one_line(jacobian.structure.name), "bold"))
    notation = screen.text(f"   {one_line(jacobian.structure.notation)}".rstrip(), CODE)
    facts = _facts(jacobian, screen)
    if title.cell_len + notation.cell_len <= screen.width:
        title.append_text(notation)
    else:
        facts.insert(0, ("made of", screen.text(one_line(jacobian.structure.notation), CODE)))
    parts: list[RenderableType] = [
        title,
        *_picture(jacobian, screen),
        Text(),
        labelled(facts, _INDENT),
    ]
    return parts


def _facts(jacobian: Jacobian, screen: Screen) -> list[tuple[str, Text]]:
    structure = jacobian.structure
    facts = [("structure", screen.text(one_line(structure.sentence)))]
    if jacobian.formula:
        facts.append(("an element", screen.text(one_line(jacobian.formula), CODE)))
    facts += _lines("for example", jacobian.examples, screen)
    facts += _lines("shapes", jacobian.shapes, screen)
    facts += _lines("without it", jacobian.without, screen, CODE)
    return facts


def _lines(label: str, lines: Sequence[str], screen: Screen, style: str = "") -> list[tuple[str, Text]]:
    return [(label if position == 0 else "", screen.text(one_line(line), style)) for position, line in enumerate(lines)]


def _picture(jacobian: Jacobian, screen: Screen) -> list[RenderableType]:
    rows, columns = names(jacobian.output), names(jacobian.argument)
    if _fits(jacobian.matrix, rows, screen):
        return [_numbers(jacobian.matrix, rows, columns, screen)]
    margin = max(map(len, rows)) if len(rows) <= MOST_ROWS else 0
    parts: list[RenderableType] = list(_mapped(jacobian, rows, columns, margin, screen))
    block = jacobian.block
    if block is not None and _fits(block.matrix, block.rows, screen) and block.matrix.size > 1:
        parts += [Text(), screen.text(" " * _INDENT + one_line(block.title), QUIET)]
        parts.append(_numbers(block.matrix, block.rows, block.columns, screen))
    return parts


def _mapped(
    jacobian: Jacobian, rows: Sequence[str], columns: Sequence[str], margin: int, screen: Screen
) -> list[RenderableType]:
    """The heat map, with the rows' names beside it where each row has its own line."""
    indent = _INDENT + (margin + 1 if margin else 0)
    map_ = fold_for(jacobian.matrix, screen.width - indent)
    lines = heat_map(map_, (columns[0], columns[-1] if len(columns) > 1 else ""), screen, indent)
    if margin and map_.height == 1:
        for position, name in enumerate(rows):
            label = Text(" " * _INDENT + name.rjust(margin) + " ", QUIET)
            lines[position + 1] = label.append_text(lines[position + 1][indent:])
    return [*lines, *key(map_, screen, _INDENT)]


def _fits(matrix: Matrix, rows: Sequence[str], screen: Screen) -> bool:
    width = _INDENT + max(map(len, rows), default=0) + 1 + (_CELL + 1) * matrix.shape[1]
    return len(matrix) <= _MOST_NUMBERS and width <= screen.width


def _numbers(matrix: Matrix, rows: Sequence[str], columns: Sequence[str], screen: Screen) -> RenderableType:
    """Numbers, each on its colour."""
    table = Table(box=None, show_header=True, header_style=QUIET, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("", style=QUIET, no_wrap=True)
    for name in columns:
        table.add_column(screen.text(name), justify="right", no_wrap=True, min_width=_CELL)
    scale = float(np.nanmax(np.abs(matrix), initial=0.0))
    for name, values in zip(rows, matrix):
        table.add_row(screen.text(" " * _INDENT + name), *(_number(float(value), scale, screen) for value in values))
    return table


def _number(value: float, scale: float, screen: Screen) -> Text:
    if value == 0:
        return Text(zero_mark(screen), QUIET)
    text = figure(value).replace("-", minus(screen), 1) if value < 0 else figure(value)
    return Text(text.rjust(_CELL), shade(value, scale) if math.isfinite(value) else "bold magenta")


def figure(value: float) -> str:
    """Three digits or so, in seven columns: `0.370`, `2`, `1e-05`."""
    if not math.isfinite(value):
        return str(value)
    if 1e-3 <= abs(value) < 1000:
        return str(round(value)) if value == round(value) else f"{value:.3f}"
    return f"{value:.0e}" if abs(value) < 1 else f"{value:.3g}"


def names(side: Side) -> list[str]:
    """Of each element: `x[0,2]`; of the elements of a large one, the first and the last."""
    name = one_line(side.name)
    if not side.shape:
        return [name]
    if side.size > 5_000:
        ends = [(0,) * len(side.shape), tuple(length - 1 for length in side.shape)]
    else:
        ends = list(np.ndindex(*side.shape))
    return [f"{name}[{','.join(map(str, index))}]" for index in ends]
