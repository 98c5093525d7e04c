"""A curve on log axes, drawn in braille: the error of a central difference against its step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from gradcheck_cli.inspector.session import Curve

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BRAILLE = 0x2800
_MARGIN = 7
_FOOT = 2


class Ink(Enum):
    """What a run of characters is, for its colour."""

    AXIS = "axis"
    CURVE = "curve"
    PLATEAU = "plateau"
    CHOSEN = "chosen"
    BAR = "bar"


Line = list[tuple[str, Ink]]


@dataclass(frozen=True)
class _Axes:
    """Powers of ten at the edges, and the dots between them."""

    left: float
    right: float
    bottom: float
    top: float
    columns: int
    rows: int
    has_none: bool = False
    """Whether the lowest row is that of no error at all."""

    def x(self, power: float) -> int:
        """The dot of a step, two a column."""
        return round((power - self.left) / (self.right - self.left) * (2 * self.columns - 1))

    def y(self, power: float) -> int:
        """The dot of an error from the top, four a row."""
        return round((self.top - power) / (self.top - self.bottom) * (4 * self.rows - 1))


def curve_plot(curve: Curve, width: int, height: int) -> list[Line]:
    """|difference − reference| against the step, in `height` lines of `width` columns.

    Steps that agree are drawn on a ground of their own, and ━ is below them; the chosen one has a line down; ┄ is the
    error bar. An error of nothing lies at the bottom.

    Returns:
        No lines where there is nothing to draw, or no room.
    """
    columns, rows = width - _MARGIN, height - _FOOT
    points = _points(curve)
    if len(points) < 2 or columns < 10 or rows < 3:
        return []
    axes = _axes(points, columns, rows)
    dots = _drawn(points, axes)
    plateau = _span(curve, curve.plateau, axes)
    chosen = _span(curve, None if curve.chosen is None else (curve.chosen, curve.chosen), axes)
    bar = None
    if curve.bar is not None and curve.bar > 0 and math.isfinite(curve.bar):
        bar = axes.y(min(max(math.log10(curve.bar), axes.bottom), axes.top)) // 4
    lines = []
    for row in range(rows):
        line: Line = [(_row_label(row, axes), Ink.AXIS)]
        for column in range(columns):
            inside = plateau is not None and plateau[0] <= column <= plateau[1]
            on = chosen is not None and chosen[0] == column
            bits = dots.get((row, column), 0)
            if bits:
                ink = Ink.CHOSEN if on else Ink.PLATEAU if inside else Ink.CURVE
                _add(line, chr(_BRAILLE + bits), ink)
            elif on:
                _add(line, "│", Ink.CHOSEN)
            elif row == bar:
                _add(line, "┄", Ink.PLATEAU if inside else Ink.BAR)
            else:
                _add(line, " ", Ink.PLATEAU if inside else Ink.AXIS)
        lines.append(line)
    return [*lines, *_foot(axes, plateau)]


def _points(curve: Curve) -> list[tuple[float, float]]:
    """Powers of ten of step and error; −inf for no error at all."""
    found = []
    for step, value in zip(curve.steps.tolist(), curve.values.tolist()):
        error = abs(value - curve.reference)
        if step > 0 and math.isfinite(step) and math.isfinite(error):
            found.append((math.log10(step), math.log10(error) if error else -math.inf))
    return found


def _axes(points: Sequence[tuple[float, float]], columns: int, rows: int) -> _Axes:
    steps = [step for step, _ in points]
    errors = [error for _, error in points if error > -math.inf] or [0.0]
    bottom, top = math.floor(min(errors)), math.ceil(max(errors))
    if top - bottom < 1:
        top = bottom + 1
    has_none = any(error == -math.inf for _, error in points)
    if has_none:
        bottom -= 1
    return _Axes(min(steps), max(max(steps), min(steps) + 1e-9), bottom, top, columns, rows, has_none)


def _drawn(points: Sequence[tuple[float, float]], axes: _Axes) -> dict[tuple[int, int], int]:
    """The braille bits of each cell; neighbouring points are joined."""
    dots: dict[tuple[int, int], int] = {}
    placed = [(axes.x(step), axes.y(max(error, axes.bottom))) for step, error in sorted(points)]
    for (x, y), (further, other) in pairwise(placed):
        count = max(abs(further - x), abs(other - y), 1)
        for part in range(count + 1):
            across, down = x + round((further - x) * part / count), y + round((other - y) * part / count)
            cell = down // 4, across // 2
            dots[cell] = dots.get(cell, 0) | _DOTS[down % 4][across % 2]
    return dots


def _span(curve: Curve, positions: tuple[int, int] | None, axes: _Axes) -> tuple[int, int] | None:
    """The columns between two steps."""
    if positions is None or not all(0 <= at < len(curve.steps) and curve.steps[at] > 0 for at in positions):
        return None
    ends = sorted(axes.x(math.log10(float(curve.steps[at]))) // 2 for at in positions)
    return ends[0], ends[1]


def _row_label(row: int, axes: _Axes) -> str:
    """The power of ten whose line is in this row, where it is one that is labelled."""
    if axes.has_none and row == axes.rows - 1:
        return f"{'0':>{_MARGIN - 2}} ┤"
    every = max(1, math.ceil((axes.top - axes.bottom) / max(1, (axes.rows + 1) // 2)))
    for power in range(int(axes.top), int(axes.bottom) - 1, -every):
        if axes.y(power) // 4 == row:
            return f"{f'1e{power:+d}':>{_MARGIN - 2}} ┤"
    return f"{'':>{_MARGIN - 2}} │"


def _foot(axes: _Axes, plateau: tuple[int, int] | None) -> list[Line]:
    """The axis of steps, and its labels."""
    inside = range(plateau[0], plateau[1] + 1) if plateau is not None else range(0)
    ticks = ["━" if column in inside else "─" for column in range(axes.columns)]
    labels = [" "] * (axes.columns + _MARGIN)
    every = max(1, math.ceil((axes.right - axes.left) / max(1, axes.columns // 8)))
    for power in range(math.ceil(axes.left), math.floor(axes.right) + 1, every):
        column = axes.x(power) // 2
        text = f"1e{power:+d}"
        start = min(max(0, _MARGIN + column - len(text) // 2), len(labels) - len(text))
        if all(letter == " " for letter in labels[max(0, start - 1) : start + len(text) + 1]):
            ticks[column] = "┯" if column in inside else "┬"
            labels[start : start + len(text)] = text
    corner = " " * (_MARGIN - 1) + "└"
    return [[(corner + "".join(ticks), Ink.AXIS)], [("".join(labels), Ink.AXIS)]]


def _add(line: Line, text: str, ink: Ink) -> None:
    """Join what has the same ink."""
    if line and line[-1][1] is ink and len(line) > 1:
        line[-1] = (line[-1][0] + text, ink)
    else:
        line.append((text, ink))
