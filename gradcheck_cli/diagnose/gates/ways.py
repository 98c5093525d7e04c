"""Ways to put the numbers of an array in other places: axes exchanged, flipped, rolled, shifted, halves swapped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from gradcheck_cli.diagnose.gates.reverse import Array


@dataclass(frozen=True)
class Way:
    """One way.

    Attributes:
        key: the same with an array of other sizes.
        axes: those that are exchanged; () of other ways.
        said: `flipped along axis 1`: what follows the name of what is rearranged.
    """

    key: tuple[object, ...]
    said: str
    apply: Callable[[Array], Array]
    axes: tuple[int, ...] = ()


def ways(shape: Sequence[int]) -> Iterator[Way]:
    """All that leave the shape as it is, the commonest first."""
    yield from exchanged(shape)
    long = [axis for axis in range(len(shape)) if shape[axis] > 1]
    several = {tuple(long[-2:]), tuple(long)} if len(long) > 1 else set()
    for axes in (*((axis,) for axis in long), *sorted(several)):
        yield Way(("flipped", axes), f"flipped along {along(axes)}", _flipping(axes))
    for axis in long:
        size = shape[axis]
        if size % 2 == 0:
            yield Way(("halves", axis), f"with its halves along axis {axis} swapped", _rolling(axis, size // 2))
        for by in (1, -1):
            yield Way(("rolled", axis, by), f"rolled by {by:+d} along axis {axis}", _rolling(axis, by))
            said = f"shifted by {by:+d} along axis {axis}, with zeros at the end that becomes free"
            yield Way(("shifted", axis, by), said, _shifting(axis, by))


def exchanged(shape: Sequence[int]) -> Iterator[Way]:
    """Two axes of one size in each other's place."""
    for pair in combinations(range(len(shape)), 2):
        if shape[pair[0]] == shape[pair[1]] > 1:
            said = "transposed" if len(shape) == 2 else f"with {along(pair)} exchanged"
            yield Way(("exchanged", pair), said, _exchanging(pair), pair)


def along(axes: Sequence[int]) -> str:
    """`axis 1`, `axes 1 and 2`."""
    if len(axes) == 1:
        return f"axis {axes[0]}"
    return f"axes {', '.join(map(str, axes[:-1]))} and {axes[-1]}"


def _exchanging(pair: tuple[int, int]) -> Callable[[Array], Array]:
    return lambda array: np.swapaxes(array, *pair)


def _flipping(axes: tuple[int, ...]) -> Callable[[Array], Array]:
    return lambda array: np.flip(array, axes)


def _rolling(axis: int, by: int) -> Callable[[Array], Array]:
    return lambda array: np.roll(array, by, axis)


def _shifting(axis: int, by: int) -> Callable[[Array], Array]:
    def shifted(array: Array) -> Array:
        moved = np.roll(array, by, axis)
        free: list[slice | int] = [slice(None)] * array.ndim
        free[axis] = 0 if by > 0 else -1
        moved[tuple(free)] = 0
        return moved

    return shifted
