"""Ways to put the numbers of an array in other places: axes permuted, flipped, rolled, shifted, split otherwise.

They hold for a gradient itself (`dw.T` for `dw`) and for the upstream gradient that a backward starts from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

import numpy as np

from gradcheck_cli.diagnose.hypotheses.failing import Array

MOST_AXES = 5

FURTHEST = 3
"""How many places something is rolled or shifted along an axis."""

TRANSPOSED, MISPLACED = "GC204", "GC213"


@dataclass(frozen=True)
class Rearrangement:
    """One way.

    Attributes:
        key: the same for the same way with an array of other sizes.
        how: `transposed`, `flipped along N`: what follows the name of what is rearranged.
        apply: to the array; NaN where it says nothing of an element.
        mend: what takes it back, where `{}` is the array.
    """

    key: tuple[Any, ...]
    code: str
    rank: int
    how: str
    apply: Callable[[Array], Array]
    mend: str | None = None


def axis_text(axes: Sequence[str], axis: int) -> str:
    """`N`, or `axis 1` where it has no name of its own."""
    name = axes[axis]
    return name if name and list(axes).count(name) == 1 else f"axis {axis}"


def along(axes: Sequence[str], chosen: Sequence[int]) -> str:
    """`N`, `H and W`."""
    names = [axis_text(axes, axis) for axis in chosen]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def rearrangements(shape: Sequence[int], axes: Sequence[str]) -> Iterator[Rearrangement]:
    """All ways that leave the shape as it is, but for those that some array would not show."""
    yield from transposed(shape, axes)
    yield from flipped(shape, axes)
    yield from moved(shape, axes)
    yield from reordered(shape, axes)


def simple(shape: Sequence[int], axes: Sequence[str]) -> Iterator[Rearrangement]:
    """Those that are looked at where each costs a reverse pass: nothing that is moved far or read in parts."""
    yield from transposed(shape, axes)
    for way in flipped(shape, axes):
        if way.key[0] != "flipped" or len(way.key[1]) <= 2:
            yield way
    for way in moved(shape, axes):
        if way.key[0] in ("rolled", "shifted") and abs(way.key[2]) == 1:
            yield way


def transposed(shape: Sequence[int], axes: Sequence[str]) -> Iterator[Rearrangement]:
    """The axes in another order."""
    identity = tuple(range(len(shape)))
    for order in permutations(identity) if len(shape) <= MOST_AXES else ():
        if order != identity and tuple(shape[axis] for axis in order) == tuple(shape):
            moved_axes = [axis for axis in identity if order[axis] != axis]
            if any(shape[axis] == 1 for axis in moved_axes):
                continue
            how = "transposed" if len(shape) == 2 else f"with {along(axes, moved_axes)} in another order"
            if len(moved_axes) == 2 and len(shape) > 2:
                how = f"with {along(axes, moved_axes)} swapped"
            back = tuple(int(axis) for axis in np.argsort(order))
            mend = "`{}.T`" if len(shape) == 2 else f"`{{}}.transpose{back}`"
            yield Rearrangement(
                ("transposed", order), TRANSPOSED, len(moved_axes), how, _transposing(order), f"return {mend}"
            )


def reordered(shape: Sequence[int], axes: Sequence[str]) -> Iterator[Rearrangement]:
    """Reshaped where the axes had to be permuted, and axes whose parts are read in the other order."""
    identity = tuple(range(len(shape)))
    long = [axis for axis in identity if shape[axis] > 1]
    for order in permutations(identity) if len(long) >= 2 and len(shape) <= MOST_AXES else ():
        if order == identity or [axis for axis in order if axis in long] == long:
            continue
        there = tuple(shape[axis] for axis in order)
        moved_axes = [axis for axis in identity if order[axis] != axis]
        how = f"with its numbers read in the order of {along(axes, order)}"
        if there != tuple(shape):
            yield Rearrangement(("reshaped", order), TRANSPOSED, 2 + len(moved_axes), how, _reshaped_from(order, shape))
            how = f"with its numbers written in the order of {along(axes, order)}"
            yield Rearrangement(
                ("reshaped to", order), TRANSPOSED, 2 + len(moved_axes), how, _reshaped_to(order, shape)
            )
    for one, other in combinations(long, 2):
        for size in range(2, min(shape[one], shape[other]) // 2 + 1):
            if shape[one] % size == 0 == shape[other] % size:
                how = f"with the windows of {size}×{size} along {along(axes, (one, other))} transposed"
                yield Rearrangement(("windows", one, other, size), TRANSPOSED, 5, how, _windows(one, other, size))
    for axis in identity:
        yield from _parts_of_an_axis(axis, shape[axis], axis_text(axes, axis))


def _parts_of_an_axis(axis: int, size: int, name: str) -> Iterator[Rearrangement]:
    """`(heads, width)` written as `(width, heads)`, in each part of the axis or in all of it."""
    for each in range(2, size // 2 + 1):
        for parts in range(2, size // each + 1):
            if size % (each * parts) == 0:
                how = f"with {name} read as {each}×{parts} instead of {parts}×{each}"
                if parts == each:
                    how = f"with the {parts}×{each} parts of {name} in the other order"
                apply = _split(axis, parts, each)
                if size > each * parts:
                    yield Rearrangement(("split", axis, parts, each), TRANSPOSED, 5, how, apply)
                    continue
                # the other one is the rest, which may have another size in another case
                yield Rearrangement(("split", axis, "parts", parts), TRANSPOSED, 4, how, apply)
                yield Rearrangement(("split", axis, "each", each), TRANSPOSED, 4, how, apply)


def flipped(shape: Sequence[int], axes: Sequence[str]) -> Iterator[Rearrangement]:
    """Back to front along one or more axes, and in other halves."""
    long = [axis for axis in range(len(shape)) if shape[axis] > 1]
    for count in range(1, len(long) + 1):
        for chosen in combinations(long, count):
            how = f"flipped along {along(axes, chosen)}"
            mend = f"flip it back: `np.flip({{}}, axis={chosen[0] if count == 1 else chosen})`"
            yield Rearrangement(("flipped", chosen), MISPLACED, 1 + count, how, _flipping(chosen), mend)
    for axis in long:
        size, name = shape[axis], axis_text(axes, axis)
        if size % 2 == 0 and size > 2:
            yield Rearrangement(
                ("halves", axis), MISPLACED, 2, f"with the two halves along {name} swapped", _rolling(axis, size // 2)
            )
            yield Rearrangement(
                ("pairs", axis), MISPLACED, 3, f"with each pair of neighbours along {name} swapped", _pairs(axis)
            )


def moved(shape: Sequence[int], axes: Sequence[str]) -> Iterator[Rearrangement]:
    """Rolled around, or shifted with zeros or anything else in the places that become free."""
    long = [axis for axis in range(len(shape)) if shape[axis] > 2]
    for axis in long:
        name = axis_text(axes, axis)
        for by in _distances(shape[axis]):
            way = _way(by)
            yield Rearrangement(
                ("rolled", axis, by),
                MISPLACED,
                2 + abs(by),
                f"rolled by {way} along {name}",
                _rolling(axis, by),
                f"roll it back: `np.roll({{}}, {-by}, axis={axis})`",
            )
            yield Rearrangement(
                ("shifted", axis, by),
                MISPLACED,
                2 + abs(by),
                f"shifted by {way} along {name}, with zeros at the end that becomes free",
                _shifting((axis,), (by,), 0.0),
            )
    for count in (1, 2):
        for chosen in combinations(long, count):
            for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)) if count == 2 else ((1,), (-1,)):
                for distance in range(1, FURTHEST + 1):
                    by_each = tuple(sign * distance for sign in signs)
                    if all(distance < shape[axis] for axis in chosen):
                        way = " and ".join(_way(by) for by in by_each)
                        how = f"shifted by {way} along {along(axes, chosen)}"
                        yield Rearrangement(
                            ("moved", chosen, by_each), MISPLACED, 4 + distance, how, _shifting(chosen, by_each, np.nan)
                        )


def _distances(size: int) -> Iterator[int]:
    for distance in range(1, min(FURTHEST, size - 1) + 1):
        yield distance
        if 2 * distance != size:
            yield -distance


def _way(by: int) -> str:
    return f"{by:+d}"


def _transposing(order: tuple[int, ...]) -> Callable[[Array], Array]:
    return lambda array: array.transpose(order)


def _reshaped_from(order: tuple[int, ...], shape: Sequence[int]) -> Callable[[Array], Array]:
    return lambda array: array.transpose(order).reshape(shape)


def _reshaped_to(order: tuple[int, ...], shape: Sequence[int]) -> Callable[[Array], Array]:
    there, back = [shape[axis] for axis in order], np.argsort(order)
    return lambda array: array.reshape(there).transpose(back)


def _split(axis: int, parts: int, each: int) -> Callable[[Array], Array]:
    def split(array: Array) -> Array:
        shape = array.shape
        apart = array.reshape(*shape[:axis], -1, parts, each, *shape[axis + 1 :])
        return np.swapaxes(apart, axis + 1, axis + 2).reshape(shape)

    return split


def _windows(one: int, other: int, size: int) -> Callable[[Array], Array]:
    def windows(array: Array) -> Array:
        shape = array.shape
        there = (*shape[:one], -1, size, *shape[one + 1 : other], shape[other] // size, size, *shape[other + 1 :])
        return np.swapaxes(array.reshape(there), one + 1, other + 2).reshape(shape)

    return windows


def _flipping(chosen: tuple[int, ...]) -> Callable[[Array], Array]:
    return lambda array: np.flip(array, chosen)


def _rolling(axis: int, by: int) -> Callable[[Array], Array]:
    return lambda array: np.roll(array, by, axis)


def _pairs(axis: int) -> Callable[[Array], Array]:
    def pairs(array: Array) -> Array:
        places = np.arange(array.shape[axis]) ^ 1
        return np.take(array, places, axis)

    return pairs


def _shifting(chosen: tuple[int, ...], by_each: tuple[int, ...], fill: float) -> Callable[[Array], Array]:
    def shifted(array: Array) -> Array:
        to, source = [slice(None)] * array.ndim, [slice(None)] * array.ndim
        for axis, by in zip(chosen, by_each):
            to[axis] = slice(by, None) if by > 0 else slice(None, by)
            source[axis] = slice(None, -by) if by > 0 else slice(-by, None)
        result = np.full_like(array, fill)
        result[tuple(to)] = array[tuple(source)]
        return result

    return shifted
