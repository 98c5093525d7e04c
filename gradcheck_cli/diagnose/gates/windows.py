"""Windows that slices and paddings have in an array, and other places that they may be taken to have."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from gradcheck_cli.diagnose.gates.ways import along

Starts = tuple[int, ...]
"""Of a window, by axis."""


@dataclass(frozen=True)
class Window:
    """What a slice takes out of an array of `shape`."""

    shape: tuple[int, ...]
    starts: Starts
    sizes: tuple[int, ...]
    strides: tuple[int, ...]

    def at(self, starts: Starts, strides: tuple[int, ...] | None = None) -> tuple[slice, ...] | None:
        """The window elsewhere; None where it does not fit."""
        strides = strides or self.strides
        ends = [start + stride * (size - 1) for start, size, stride in zip(starts, self.sizes, strides)]
        if any(start < 0 or end >= size for start, end, size in zip(starts, ends, self.shape)):
            return None
        return tuple(slice(start, end + 1, stride) for start, end, stride in zip(starts, ends, strides))


@dataclass(frozen=True)
class Elsewhere:
    """Other places of the windows of all turns."""

    key: Hashable
    said: str
    places: tuple[tuple[slice, ...], ...]
    is_transposed: bool = False


def window_of(equation: Any) -> Window | None:
    """Of a slice, or that a padding's input has in its result; None where rows are left out or set apart."""
    params = equation.params
    before, after = (tuple(variable.aval.shape) for variable in (equation.invars[0], equation.outvars[0]))
    if equation.primitive.name == "slice":
        strides = tuple(params["strides"] or [1] * len(before))
        return Window(before, tuple(map(int, params["start_indices"])), after, tuple(map(int, strides)))
    config = [tuple(map(int, one)) for one in params["padding_config"]]
    if any(low < 0 or high < 0 or inner for low, high, inner in config):
        return None
    return Window(after, tuple(low for low, _, _ in config), before, (1,) * len(before))


def elsewhere_of(windows: Sequence[Window]) -> Iterator[Elsewhere]:
    """Places that a window may be taken to have, in all turns alike."""
    first = windows[0]
    if any(len(window.shape) != len(first.shape) for window in windows):
        return
    axes = [axis for axis, size in enumerate(first.shape) if any(w.sizes[axis] < w.shape[axis] for w in windows)]
    rows = [window.starts for window in windows]
    seen = {tuple(rows)}
    for key, said, moved in _starts(rows, windows, axes):
        places = [window.at(starts) for window, starts in zip(windows, moved)]
        fitting = [place for place in places if place is not None]
        if len(fitting) == len(places) and tuple(moved) not in seen:
            seen.add(tuple(moved))
            yield Elsewhere(key, said, tuple(fitting), is_transposed=key[0] == "exchanged")
    if any(stride > 1 for stride in first.strides):
        places = [window.at(window.starts, (1,) * len(window.shape)) for window in windows]
        fitting = [place for place in places if place is not None]
        if len(fitting) == len(places):
            yield Elsewhere(("stride",), "without its stride", tuple(fitting))


def _starts(
    rows: Sequence[Starts], windows: Sequence[Window], axes: Sequence[int]
) -> Iterator[tuple[tuple[object, ...], str, list[Starts]]]:
    chosen = [*((axis,) for axis in axes), *([tuple(axes)] if len(axes) > 1 else [])]
    for some in chosen:
        where = along(some)
        for by in (1, -1):
            yield ("moved", some, by), f"{by:+d} further along {where}", [_moved(row, some, by) for row in rows]
        yield ("begin", some), f"at the beginning of {where}", [_put(row, some, [0] * len(row)) for row in rows]
        ends = [[s - n for s, n in zip(window.shape, window.sizes)] for window in windows]
        yield ("end", some), f"at the end of {where}", [_put(row, some, end) for row, end in zip(rows, ends)]
        if len(rows) > 1:
            yield (
                ("first", some),
                f"where the first turn has it along {where}",
                [_put(row, some, rows[0]) for row in rows],
            )
            sums = [min(column) + max(column) for column in zip(*rows)]
            turned = [_put(row, some, [total - start for total, start in zip(sums, row)]) for row in rows]
            yield ("reversed", some), f"in reverse order along {where}", turned
            steps = [
                int(np.gcd.reduce([start - rows[0][axis] for start in column]))
                for axis, column in enumerate(zip(*rows))
            ]
            close = [[f + (s - f) // max(step, 1) for s, f, step in zip(row, rows[0], steps)] for row in rows]
            yield (
                ("stride", some),
                f"without its step along {where}",
                [_put(row, some, c) for row, c in zip(rows, close)],
            )
    for i, j in combinations(axes, 2) if len(rows) > 1 else ():
        exchanged = []
        for row in rows:
            other = list(row)
            other[i], other[j] = row[j], row[i]
            exchanged.append(tuple(other))
        yield ("exchanged", (i, j)), f"with {along((i, j))} exchanged", exchanged


def _moved(row: Starts, axes: Sequence[int], by: int) -> Starts:
    return tuple(start + by if axis in axes else start for axis, start in enumerate(row))


def _put(row: Starts, axes: Sequence[int], places: Sequence[int]) -> Starts:
    return tuple(places[axis] if axis in axes else start for axis, start in enumerate(row))
