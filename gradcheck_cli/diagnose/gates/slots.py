"""Slices and paddings that are read, or put back, at another place: one off, at an end, without a stride.

In a loop the slices of all turns are at another place: in reverse order, next to each other, all at the first one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.products import handed_down
from gradcheck_cli.diagnose.gates.replacements import Kind, operand_of
from gradcheck_cli.diagnose.gates.reverse import Array, Known
from gradcheck_cli.diagnose.gates.slips import Site, Slip
from gradcheck_cli.diagnose.gates.windows import Elsewhere, Window, elsewhere_of, window_of


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
        windows = [window_of(forward.steps.steps[position].equation) for position in positions]
        found = [window for window in windows if window is not None]
        if len(found) < len(windows):
            continue
        for elsewhere in elsewhere_of(found):
            if name == "pad":
                yield _of_padding(unit, positions, found, elsewhere, forward)
            else:
                yield _put_back(unit, positions, found, elsewhere, forward)
                yield from _read(unit, positions, elsewhere, forward, known)


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
    elsewhere: Elsewhere,
    forward: Forward,
    known: Known,
) -> Iterator[Slip]:
    """The window elsewhere as the other operand of a product."""
    uses = [use for position in positions if (use := _product_of(position, forward)) is not None]
    if len(uses) < len(positions):
        return
    sites, ends = [], []
    for position, place, (chain, (at, k)) in zip(positions, elsewhere.places, uses):
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
        yield Slip((unit, "read", elsewhere.key), _kind(elsewhere), tuple(sites), ends[0], 1 - uses[0][1][1], said)


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


def _passed(array: Array, equation: Any) -> Array:
    name, params = equation.primitive.name, equation.params
    shape = tuple(equation.outvars[0].aval.shape)
    if name == "transpose":
        return array.transpose(params["permutation"])
    if name == "broadcast_in_dim":
        spread = [1] * len(shape)
        for axis, there in enumerate(params["broadcast_dimensions"]):
            spread[there] = array.shape[axis]
        return np.broadcast_to(array.reshape(spread), shape)
    return array.reshape(shape)
