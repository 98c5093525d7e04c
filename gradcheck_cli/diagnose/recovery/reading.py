"""What the numbers are that a backward used: one, a mask, another value of the forward, a power of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[Any]

CLOSE = 1e-6
"""How near numbers must be to what they are taken for, relative to the largest."""

CLEAR = 1e-3
"""The same, relative to how far the numbers are from the right ones."""

FEW = 8
"""Numbers that are looked at first: most values are seen to be others by them."""

FEWEST = 3
"""So many different numbers must agree with another value: fewer agree by chance."""


class Kind(IntEnum):
    """What is known of the numbers, the simplest first."""

    ZERO = 0
    """Zero in place of each."""
    ONE = 1
    """One in place of each."""
    PART = 2
    """The right ones at some places along an axis that is summed over, and zero at the others."""
    MASK = 3
    """The right ones or zero, or those of a mask in other places."""
    SCALED = 4
    """The right ones times one number."""
    MULTIPLIED = 5
    """The right ones times a power of a value of the forward, or of a function of it."""
    REPLACED = 6
    """A power of a value of the forward, or a function of it, in place of the right ones."""
    TRANSPOSED = 7
    """The right ones with their axes exchanged."""
    FLIPPED = 8
    """The right ones in the opposite order, or rolled, along an axis."""
    NUMBER = 9
    """One other number in place of each."""
    ALONE = 10
    """Numbers of each element alone, where a gradient comes from several."""
    UNKNOWN = 11


@dataclass(frozen=True)
class Read:
    """What the numbers are.

    Attributes:
        key: the same in another case.
        value: the value of the forward that they are made of, None where there is none.
        how: what is made of it, with {} in its place: `1 / {}`.
        number: the number that they are, or that the right ones are multiplied by.
        position: of the step up to which they are the local derivative, where it is not the site's own.
    """

    kind: Kind
    key: Hashable
    value: int | None = None
    how: str = ""
    number: float | None = None
    position: int | None = None


def _power(exponent: float, how: str) -> tuple[str, Callable[[Array], Array]]:
    return how, lambda w: np.asarray(w**exponent)


FUNCTIONS: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    _power(1, "{}"),
    _power(-1, "1 / {}"),
    _power(2, "{}**2"),
    _power(-2, "1 / {}**2"),
    _power(0.5, "sqrt({})"),
    _power(-0.5, "1 / sqrt({})"),
    ("1 - {}", lambda w: np.asarray(1 - w)),
    ("exp({})", lambda w: np.asarray(np.exp(w))),
    ("exp(-{})", lambda w: np.asarray(np.exp(-w))),
    ("log({})", lambda w: np.asarray(np.log(w))),
    ("cos({})", lambda w: np.asarray(np.cos(w))),
    ("sin({})", lambda w: np.asarray(np.sin(w))),
    ("tanh({})", lambda w: np.asarray(np.tanh(w))),
    ("1 - {}**2", lambda w: np.asarray(1 - w**2)),
    ("{} * (1 - {})", lambda w: np.asarray(w * (1 - w))),
    ("1 - tanh({})**2", lambda w: np.asarray(1 - np.tanh(w) ** 2)),
    ("sigmoid({})", lambda w: np.asarray(special.expit(w))),
    ("sigmoid({}) * (1 - sigmoid({}))", lambda w: np.asarray(special.expit(w) * special.expit(-w))),
    ("({} > 0)", lambda w: np.asarray(np.where(w > 0, 1.0, 0.0))),
    ("sign({})", lambda w: np.asarray(np.sign(w))),
)
"""What is made of a value, the commonest first."""


def read(
    used: Array, right: Array, known: NDArray[np.bool_], values: Mapping[int, Array], summed: Array | None
) -> Iterator[Read]:
    """What the numbers may be, the simplest first; the last is UNKNOWN.

    Args:
        used, right: what the backward used and what belongs there, flattened.
        known: which of the used ones are known; the others made no difference.
        values: what may have been used, by value, flattened in the same places.
        summed: of each place, its index along the axes that are summed over; None without one.
    """
    mine, due = used[known], right[known]
    size = max(float(np.abs(due).max(initial=0.0)), float(np.abs(mine).max(initial=0.0)))
    room = min(CLOSE * size, CLEAR * float(np.abs(mine - due).max(initial=0.0)))
    is_number = float(np.ptp(mine)) <= room
    varies = float(np.ptp(due)) > room
    levels = _levels(due)
    if (np.abs(mine) <= room).all():
        yield Read(Kind.ZERO, "nothing", number=0.0)
    if is_number and varies and abs(mine[0] - 1) <= room:
        yield Read(Kind.ONE, "one")
    is_kept, is_zero = np.abs(mine - due) <= room, np.abs(mine) <= room
    if (is_kept | is_zero).all() and is_zero.any() and is_kept.any():
        if summed is not None and _is_of(summed[known], ~is_kept & (np.abs(due) > room), np.abs(due) > room):
            yield Read(Kind.PART, "part")
        yield Read(Kind.MASK, "zero")
    if len(levels) == 2:
        nearest = np.min([np.abs(mine - level) for level in (*levels, 0.0, levels.mean())], axis=0)
        if (nearest <= room).all():
            yield Read(Kind.MASK, "levels")
    if (due != 0).any():
        ratio = float(np.vdot(due, mine) / np.vdot(due, due))
        if varies and (np.abs(mine - ratio * due) <= room).all():
            yield Read(Kind.SCALED, "scaled", number=ratio)
    yield from _made_of(mine, due, known, values, room / size)
    if is_number:
        yield Read(Kind.NUMBER, "number", number=float(mine[0]))
    yield Read(Kind.UNKNOWN, "unknown")


def _levels(due: Array) -> Array:
    """The different numbers but for rounding; at a tie a mask may have the mean of its two, which is none."""
    ordered = np.sort(due)
    levels = ordered[np.append(True, np.diff(ordered) > CLOSE * np.abs(ordered).max())]
    is_tie = len(levels) == 3 and abs(levels[1] - (levels[0] + levels[2]) / 2) <= CLOSE * np.abs(levels).max()
    return np.asarray(levels[[0, 2]] if is_tie else levels)


def _is_of(index: Array, lost: NDArray[np.bool_], counts: NDArray[np.bool_]) -> bool:
    """Whether what is lost is lost at some indices wholly, and at others not at all."""
    gone = {int(one) for one in index[lost]}
    return not any(int(one) in gone for one in index[counts & ~lost])


def _made_of(
    mine: Array, due: Array, known: NDArray[np.bool_], values: Mapping[int, Array], close: float
) -> Iterator[Read]:
    with np.errstate(all="ignore"):
        is_ratio = bool((np.abs(mine[due == 0]) <= CLOSE).all()) and bool((due != 0).any())
        wanted = [] if (due == 1).all() else [_Wanted(Kind.REPLACED, mine, np.full(len(mine), True), close)]
        if is_ratio:
            ratio = np.divide(mine, due, out=np.zeros(len(mine)), where=due != 0)
            wanted.append(_Wanted(Kind.MULTIPLIED, ratio, due != 0, close))
        few = np.array([array[known][:FEW] for array in values.values()])
        for how, function in FUNCTIONS if wanted and values else ():
            made = function(few)
            may_be = np.any([one.may_be(sign * made) for one in wanted for sign in (1, -1)], axis=0)
            for value in np.array(list(values))[may_be].tolist():
                yield from _made_by(how, value, function(values[value][known]), wanted)


@dataclass(frozen=True)
class _Wanted:
    """Numbers that may be made of a value, at the places where they are any."""

    kind: Kind
    numbers: Array
    where: NDArray[np.bool_]
    close: float

    def may_be(self, few: Array) -> NDArray[np.bool_]:
        """By row, whether the first of them are these; a number that is none may be any."""
        first = slice(0, few.shape[1])
        room = self.close * float(np.abs(self.numbers[self.where]).max(initial=0.0))
        return np.asarray(~((np.abs(few - self.numbers[first]) > room) & self.where[first]).any(axis=1))


def _made_by(how: str, value: int, made: Array, wanted: Sequence[_Wanted]) -> Iterator[Read]:
    """What a function of one value is taken for, or what that may be times -1."""
    if not np.isfinite(made).all() or len(np.unique(made[:64])) < FEWEST:
        return
    for sign, said in ((1, how), (-1, f"-{how}")):
        for one in wanted:
            if _is_near(sign * made[one.where], one.numbers[one.where], one.close):
                yield Read(one.kind, (one.kind, said), value, said)
                break


def _is_near(made: Array, wanted: Array, close: float = CLOSE) -> bool:
    return bool((np.abs(made - wanted) <= close * float(np.abs(wanted).max(initial=0.0))).all())


def read_terms(used: Array, right: Array, known: NDArray[np.bool_]) -> Iterator[Read]:
    """Whether an operand is the right one in some terms of a sum, and zero in the others: those are lost."""
    mine, due = used[known], right[known]
    room = CLOSE * float(np.abs(due).max(initial=0.0))
    is_kept, is_lost = np.abs(mine - due) <= room, np.abs(mine) <= room
    if (is_kept | is_lost).all() and (is_kept & ~is_lost).any() and (is_lost & ~is_kept).any():
        yield Read(Kind.PART, "terms")


def read_operand(
    used: Array, right: Array, known: NDArray[np.bool_], shape: tuple[int, ...], values: Mapping[int, Array]
) -> Iterator[Read]:
    """What another operand may be that a product was taken with.

    Args:
        shape: of the operand.
        values: of this shape, by value.
    """
    mine, due = used.reshape(shape), right.reshape(shape)
    where = known.reshape(shape)

    def is_it(other: Array) -> bool:
        return other.shape == shape and _is_near(other[where], mine[where]) and not np.array_equal(other, due)

    if len(np.unique(due)) < FEWEST:
        yield Read(Kind.UNKNOWN, "unknown")
        return
    yield from read_terms(used, right, known)

    for order in permutations(range(len(shape))):
        if list(order) != sorted(order) and is_it(due.transpose(order)):
            yield Read(Kind.TRANSPOSED, ("transposed", order))
    for axis, size in enumerate(shape):
        if size > 1 and is_it(np.flip(due, axis)):
            yield Read(Kind.FLIPPED, ("flipped", axis))
        for by in {1, -1} if size > 2 else ():
            if is_it(np.roll(due, by, axis)):
                yield Read(Kind.FLIPPED, ("rolled", by, axis))
    flat = {value: array.reshape(-1) for value, array in values.items()}
    yield from read(used, right, known, flat, None)
