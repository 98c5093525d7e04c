"""Slices and paddings that are read, or put back, at another place: one off, at an end, without a stride.

In a loop the slices of all turns are at another place: in reverse order, next to each other, all at the first one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.products import handed_down, operand_of
from gradcheck_cli.diagnose.gates.replacements import Kind
from gradcheck_cli.diagnose.gates.reverse import Array, Known
from gradcheck_cli.diagnose.gates.slips import Site, Slip
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


def of_slots(forward: Forward, known: Known) -> Iterator[Slip]:
    """All slices and paddings."""
    for unit, positions in forward.turns.items():
        name = forward.steps.steps[positions[0]].equation.primitive.name
        if name not in ("slice", "pad"):
            continue
        if any(
            position not in forward.alive or forward.result(position) not in known.arriving for position in positions
        ):
            continue
        windows = [_window(forward.steps.steps[position].equation, name) for position in positions]
        found = [window for window in windows if window is not None]
        if len(found) < len(windows):
            continue
        for elsewhere in _elsewhere(found):
            if name == "pad":
                yield _of_padding(unit, positions, found, elsewhere, forward)
            else:
                yield _put_back(unit, positions, found, elsewhere, forward)
                yield from _read(unit, positions, found, elsewhere, forward, known)


def _window(equation: object, name: str) -> Window | None:
    """Of a padding, the window that its input has in its result."""
    params = equation.params  # type: ignore[attr-defined]
    before, after = (
        tuple(variable.aval.shape)
        for variable in (equation.invars[0], equation.outvars[0])  # type: ignore[attr-defined]
    )
    if name == "slice":
        strides = tuple(params["strides"] or [1] * len(before))
        return Window(before, tuple(map(int, params["start_indices"])), after, tuple(map(int, strides)))
    config = [tuple(map(int, one)) for one in params["padding_config"]]
    if any(low < 0 or high < 0 or inner for low, high, inner in config):
        return None
    return Window(after, tuple(low for low, _, _ in config), before, (1,) * len(before))


def _elsewhere(windows: Sequence[Window]) -> Iterator[Elsewhere]:
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


def _kind(elsewhere: Elsewhere) -> Kind:
    return Kind.TRANSPOSED if elsewhere.is_transposed else Kind.MISPLACED


def _of_padding(
    unit: Hashable, positions: Sequence[int], windows: Sequence[Window], elsewhere: Elsewhere, forward: Forward
) -> Slip:
    sites = []
    for position, window, place in zip(positions, windows, elsewhere.places):
        value = forward.operand(position, 0)
        own = window.at(window.starts)
        assert value is not None and own is not None
        sites.append(Site(forward.result(position), value, _cut(place, own)))
    said = f"{{cuts}} the padding of {{place}} off in the wrong place: what is kept is taken {elsewhere.said}"
    return Slip((unit, elsewhere.key), _kind(elsewhere), tuple(sites), positions[0], 0, said)


def _cut(place: tuple[slice, ...], own: tuple[slice, ...]) -> Callable[[Array], Array]:
    return lambda above: np.asarray(above[place] - above[own])


def _put_back(
    unit: Hashable, positions: Sequence[int], windows: Sequence[Window], elsewhere: Elsewhere, forward: Forward
) -> Slip:
    sites = []
    for position, window, place in zip(positions, windows, elsewhere.places):
        value = forward.operand(position, 0)
        own = window.at(window.starts)
        assert value is not None and own is not None
        sites.append(Site(forward.result(position), value, _added(window.shape, place, own)))
    said = f"{{puts}} the gradient of {{place}} back in the wrong place: {elsewhere.said}"
    return Slip((unit, elsewhere.key), _kind(elsewhere), tuple(sites), positions[0], 0, said)


def _added(shape: tuple[int, ...], place: tuple[slice, ...], own: tuple[slice, ...]) -> Callable[[Array], Array]:
    def change(above: Array) -> Array:
        found = np.zeros(shape, above.dtype)
        found[place] += above
        found[own] -= above
        return found

    return change


PASSING = ("reshape", "squeeze", "transpose", "broadcast_in_dim")


def _read(
    unit: Hashable,
    positions: Sequence[int],
    windows: Sequence[Window],
    elsewhere: Elsewhere,
    forward: Forward,
    known: Known,
) -> Iterator[Slip]:
    """The window elsewhere as the other operand of a product."""
    uses = [_product_of(position, forward) for position in positions]
    if any(use is None for use in uses):
        return
    sites, ends = [], []
    for position, place, use in zip(positions, elsewhere.places, uses):
        assert use is not None
        chain, (at, k) = use
        value = forward.operand(at, 1 - k)
        if value is None or 1 - k not in forward.alive.get(at, ()) or forward.result(at) not in known.arriving:
            return
        wrong = operand_of(position, 0, forward, known)[place]
        for step in chain:
            wrong = _passed(wrong, forward.steps.steps[step].equation)
        difference = wrong - operand_of(at, k, forward, known)
        sites.append(Site(forward.result(at), value, _handed(forward, at, 1 - k, difference)))
        ends.append(at)
    if len({forward.unit[at] for at in ends}) == 1:
        said = f"{{reads}} {{other}} in the wrong place, in {{place}}: {elsewhere.said}"
        yield Slip((unit, "read", elsewhere.key), _kind(elsewhere), tuple(sites), ends[0], uses[0][1][1] ^ 1, said)  # type: ignore[index]


def _handed(forward: Forward, at: int, k: int, difference: Array) -> Callable[[Array], Array]:
    return lambda above: handed_down(forward, at, k, difference, above)


def _product_of(position: int, forward: Forward) -> tuple[list[int], tuple[int, int]] | None:
    """The one product that uses a slice, by way of steps that change its shape alone."""
    chain: list[int] = []
    value = forward.result(position)
    while True:
        uses = forward.uses.get(value, ())
        if len(uses) != 1:
            return None
        at, k = uses[0]
        name = forward.steps.steps[at].equation.primitive.name
        if name in ("dot_general", "mul"):
            return chain, (at, k)
        if name not in PASSING:
            return None
        chain.append(at)
        value = forward.result(at)


def _passed(array: Array, equation: object) -> Array:
    name, params = equation.primitive.name, equation.params  # type: ignore[attr-defined]
    shape = tuple(equation.outvars[0].aval.shape)  # type: ignore[attr-defined]
    if name == "transpose":
        return array.transpose(params["permutation"])
    if name == "broadcast_in_dim":
        spread = [1] * len(shape)
        for axis, there in enumerate(params["broadcast_dimensions"]):
            spread[there] = array.shape[axis]
        return np.broadcast_to(array.reshape(spread), shape)
    return array.reshape(shape)
