"""Heat maps of one gradient: where elements are wrong, and how wrong the worst of them are.

A mark's area says what its colour says, so that both can be read without seeing colours; the caption and the label say
it in words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.html.text import shown
from gradcheck_cli.report.model import ArgumentReport, Element
from gradcheck_cli.report.numbers import brief, counted
from gradcheck_cli.report.where_map import WhereMap, where_map

_COLUMNS, _ROWS = 32, 24
_UNIT = 10
"""Of the drawing, for one cell."""
_SIZES = ((8, 26), (16, 18), (_COLUMNS, 10))
"""Up to so many columns a cell is so many pixels wide: the widest map just fits a phone."""
_SMALLEST = 0.55
"""The side of the smallest mark, in cells: it must be seen, however little it stands for."""
_DECADES = 6.0
"""Errors of so many powers of ten below the largest have the smallest mark."""
_NARROW = 0.01
"""Errors that differ by less than this factor are drawn in proportion: on a scale of powers of ten all look alike."""

Marks = Mapping[tuple[int, int], tuple[float, str]]
"""For a cell, by row and column: how much of it to fill, 0 to 1, and what it stands for, in words."""


def heat_maps(argument: ArgumentReport) -> str:
    """Both maps as figures; "" where there is nothing that a sentence would not say as well."""
    wrong = argument.wrong_map
    if wrong is None or wrong.size < 2 or not wrong.any():
        return ""
    map_ = where_map(wrong, columns=_COLUMNS, rows=_ROWS)
    if map_ is None:
        return ""
    figures = [] if wrong.all() else [_where(argument, map_)]
    figures += _worst(argument, map_)
    every = "<p>Every element is wrong.</p>" if wrong.all() else ""
    return every + (f'<div class="maps">{"".join(figures)}</div>' if figures else "")


def _where(argument: ArgumentReport, map_: WhereMap) -> str:
    marks = {
        (int(row), int(column)): (float(map_.share[row, column]), f"{map_.share[row, column]:.0%} wrong")
        for row, column in np.argwhere(map_.share > 0)
    }
    title = f"Where it is wrong: {argument.wrong:,} of {counted(argument.total, 'element')}"
    partly = any(share < 1 for share, _ in marks.values())
    key = " A mark's size is the share of its elements that are wrong." if partly else ""
    return _figure(argument, map_, marks, title, key)


def _worst(argument: ArgumentReport, map_: WhereMap) -> list[str]:
    """The largest error among the worst elements in each cell, on a scale of powers of ten."""
    errors: dict[tuple[int, int], float] = {}
    for element in argument.worst:
        error = _error(element)
        cell = _cell(element, map_)
        if error is not None and cell is not None:
            errors[cell] = max(errors.get(cell, 0.0), error)
    if len(errors) < 2:
        return []
    finite = [error for error in errors.values() if math.isfinite(error) and error > 0]
    least, largest = min(finite, default=1.0), max(finite, default=1.0)
    by_powers = least < _NARROW * largest
    marks = {
        cell: (_strength(error, largest, by_powers), f"off by {brief(error)}" if math.isfinite(error) else "not finite")
        for cell, error in errors.items()
    }
    title = f"How wrong: the worst {len(argument.worst):,}"
    key = _key(least, largest, by_powers) if finite else " None of them is finite."
    return [_figure(argument, map_, marks, title, key)]


def _key(least: float, largest: float, by_powers: bool) -> str:
    if least == largest:
        return f" Each is off by {brief(largest)}."
    scale = ", by powers of ten" if by_powers else ""
    return f" A mark's size is the error, from {brief(least)} to {brief(largest)}{scale}."


def _error(element: Element) -> float | None:
    reference = element.autodiff if element.autodiff is not None else element.finite_difference
    if reference is None:
        return None
    error = abs(element.yours - reference)
    return math.inf if math.isnan(error) else float(error)


def _cell(element: Element, map_: WhereMap) -> tuple[int, int] | None:
    axes = (map_.row_axis, map_.column_axis)
    if any(axis is not None and axis >= len(element.index) for axis in axes):
        return None
    row = 0 if map_.row_axis is None else element.index[map_.row_axis] // map_.row_block
    column = 0 if map_.column_axis is None else element.index[map_.column_axis] // map_.column_block
    rows, columns = map_.share.shape
    return (row, column) if row < rows and column < columns else None


def _strength(error: float, largest: float, by_powers: bool) -> float:
    if not math.isfinite(error):
        return 1.0
    if error <= 0:
        return 0.0
    return max(0.0, 1.0 + math.log10(error / largest) / _DECADES) if by_powers else error / largest


def _figure(argument: ArgumentReport, map_: WhereMap, marks: Marks, title: str, key: str) -> str:
    axes = _axes(argument, map_)
    label = f"{title}. {axes} {_in_words(map_, marks)}"
    return (
        f"<figure>{_drawing(map_, marks, label)}"
        f"<figcaption><strong>{shown(title)}.</strong> {shown(axes)}{shown(key)}</figcaption></figure>"
    )


def _drawing(map_: WhereMap, marks: Marks, label: str) -> str:
    rows, columns = map_.share.shape
    width, height = columns * _UNIT, rows * _UNIT
    pixels = columns * next(size for most, size in _SIZES if columns <= most)
    lines = "".join(f"M0 {row * _UNIT}H{width}" for row in range(1, rows))
    lines += "".join(f"M{column * _UNIT} 0V{height}" for column in range(1, columns))
    cells = "".join(_mark(cell, strength, words, map_) for cell, (strength, words) in sorted(marks.items()))
    return (
        f'<svg role="img" aria-label="{shown(label)}" viewBox="0 0 {width} {height}" width="{pixels}" '
        f'height="{pixels * rows // columns}"><rect class="cell" width="{width}" height="{height}"/>'
        f'<path class="grid" d="{lines}"/>{cells}</svg>'
    )


def _mark(cell: tuple[int, int], strength: float, words: str, map_: WhereMap) -> str:
    """A square whose area grows with its strength, faint where that is little."""
    side = _UNIT * (_SMALLEST + (1 - _SMALLEST) * math.sqrt(strength)) - 1
    row, column = cell
    x, y = column * _UNIT + (_UNIT - side) / 2, row * _UNIT + (_UNIT - side) / 2
    place = _range(column, map_.column_block)
    if map_.row_axis is not None:
        place = f"{_range(row, map_.row_block)}, {place}"
    return (
        f'<rect class="heat" x="{x:.2f}" y="{y:.2f}" width="{side:.2f}" height="{side:.2f}" '
        f'fill-opacity="{0.75 + 0.25 * strength:.2f}"><title>[{place}]: {shown(words)}</title></rect>'
    )


def _range(position: int, block: int) -> str:
    return str(position) if block == 1 else f"{position * block}–{(position + 1) * block - 1}"


def _axes(argument: ArgumentReport, map_: WhereMap) -> str:
    """`D goes down, M to the right; folded over N; a cell is up to 2 × 22 elements.`"""
    right = f"{_axis(argument, map_.column_axis)} goes to the right"
    parts = [right if map_.row_axis is None else f"{_axis(argument, map_.row_axis)} goes down, {right}"]
    if map_.folded:
        parts.append("folded over " + ", ".join(_axis(argument, axis) for axis in map_.folded))
    if map_.row_block > 1 or map_.column_block > 1:
        size = f"{map_.row_block} × {map_.column_block}" if map_.row_axis is not None else str(map_.column_block)
        parts.append(f"a cell is up to {size} elements")
    return "; ".join(parts) + "."


def _axis(argument: ArgumentReport, axis: int | None) -> str:
    if axis is None:
        return "the gradient"
    name = one_line(argument.dimensions[axis]) if axis < len(argument.dimensions) else ""
    size = argument.wrong_map.shape[axis] if argument.wrong_map is not None else 0
    return f"{name or f'axis {axis}'} (0 to {size - 1})"


def _in_words(map_: WhereMap, marks: Marks) -> str:
    """Which rows and columns have marks, for who cannot see them."""
    rows, columns = map_.share.shape
    hit_rows, hit_columns = {row for row, _ in marks}, {column for _, column in marks}
    told = [f"marks in {_listed('column', hit_columns, columns)}"]
    if map_.row_axis is not None:
        told.insert(0, f"marks in {_listed('row', hit_rows, rows)}")
    return " and ".join(told).capitalize() + "."


def _listed(noun: str, hit: Iterable[int], all_: int) -> str:
    known = sorted(hit)
    if len(known) == all_:
        return f"every {noun}"
    runs: list[list[int]] = []
    for position in known:
        if runs and position == runs[-1][-1] + 1:
            runs[-1].append(position)
        else:
            runs.append([position])
    words = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs[:8]]
    more = f" and {len(runs) - 8} more" if len(runs) > 8 else ""
    return f"{noun} {', '.join(words)}{more} of {all_}"
