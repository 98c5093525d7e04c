"""Sums over the wrong axes on the way back: of a mean's path, a variance's, a normaliser's.

What a forward sums along some axes and spreads over them again, its backward sums and spreads, too: P · sum(Q · u),
where u is the gradient that arrives after the spreading, Q leads back to it and P on from the sum. Here the sum runs
over other axes. What does not vary along the right ones may stand inside the sum or outside: with other axes that is
not the same, so that Q is also taken as it is written by hand: 1, or a value of the forward.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, islice, product

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.paths import Path, Reduction, key_of, paths_of
from gradcheck_cli.diagnose.gates.replacements import Kind, Replacement
from gradcheck_cli.diagnose.gates.reverse import Array, Known, Row

MOST = 3_000
"""Wrong sums that are tried."""

MOST_NUMBERS = 2**24
"""What all of them together may have entering: 128 MiB."""

CLOSE = 1e-9
"""How far a number may vary along an axis and be one."""


@dataclass(frozen=True)
class _Wrong:
    """One path's sum over other axes: the difference that it makes, by the value at which that enters."""

    key: Hashable
    path: Path
    wrong: tuple[int, ...]
    is_mean: bool
    weight: int | None
    entering: dict[int, Array]


@dataclass(frozen=True)
class _Way:
    """Q as it may be written: `inner` inside the sum, and `ratio`, which does not vary along the axes, outside.

    Attributes:
        weight: the value of the forward that `inner` is.
        is_same: the ratio is one number, so that Q itself says the same.
    """

    key: Hashable
    ratio: Array
    inner: Array
    weight: int | None = None
    is_same: bool = False


def of_reductions(forward: Forward, known: Known) -> Iterator[Replacement]:
    """All sums of the forward taken over other axes on the way back: one of them, then two in the same way."""
    singles = _singles(forward, known)
    pairs = (
        (one, other)
        for ways in _together(singles).values()
        for (_, ones), (_, others) in combinations(ways.items(), 2)
        for one, other in product(ones, others)
    )
    size = max((math.prod(one.path.shape) for one in singles), default=1)
    most = min(MOST, MOST_NUMBERS // max(size, 1))
    for several in islice(chain(((one,) for one in singles), pairs), most):
        yield _replacement(several)


def _replacement(several: Sequence[_Wrong]) -> Replacement:
    entering: dict[int, Array] = {}
    for one in several:
        for target, change in one.entering.items():
            entering[target] = entering.get(target, 0.0) + change
    first = several[0]
    path = first.path
    positions = tuple(one.path.position for one in several)
    reduction = Reduction(positions, path.shape, path.axes, first.wrong, first.is_mean, first.weight)
    return Replacement(
        tuple(one.key for one in several),
        Kind.REDUCTION,
        Row(entering=entering),
        path.position,
        0,
        path.target,
        steps=len(several),
        reduction=reduction,
    )


def _singles(forward: Forward, known: Known) -> list[_Wrong]:
    """In a loop, all turns of a sum together."""
    found: dict[Hashable, _Wrong] = {}
    for path in paths_of(forward, known):
        if len(found) * math.prod(path.shape) > MOST_NUMBERS:
            break
        right = path.outer * _summed(path.inner * known.arriving[path.source], path.axes)
        for key, way, wrong, is_mean, sums in _sums(path, forward, known):
            if (path.key, key) not in found:
                weight = way.weight if wrong == path.axes else None
                found[path.key, key] = _Wrong((path.key, key), path, wrong, is_mean, weight, {})
            entering = found[path.key, key].entering
            entering[path.target] = entering.get(path.target, 0.0) + path.outer * way.ratio * sums - right
    return [one for one in found.values() if all(np.isfinite(change).all() for change in one.entering.values())]


def _sums(path: Path, forward: Forward, known: Known) -> Iterator[tuple[Hashable, _Way, tuple[int, ...], bool, Array]]:
    """What stands in place of the right sum: its key, how it is written, over which axes, whether as a mean."""
    above, size = known.arriving[path.source], _size(path.shape, path.axes)
    for way in _ways(path, forward, known):
        if way.weight is not None:
            yield (way.key, "plain"), way, path.axes, True, _summed(above, path.axes) / size
        if way.is_same:
            continue
        sums = {wrong: _summed(way.inner * above, wrong) for wrong in _others(path)}
        turned = _without_keepdims(_summed(way.inner * above, path.axes), path)
        if turned is not None:
            sums[()] = turned
        for wrong, one in sums.items():
            yield (way.key, wrong, True), way, wrong, True, one * size / _size(path.shape, wrong or path.axes)
            yield (way.key, wrong, False), way, wrong, False, one


def _together(singles: Sequence[_Wrong]) -> dict[Hashable, dict[int, list[_Wrong]]]:
    """By what must be the same for two sums: where they begin and end, and the axes; then by sum."""
    found: dict[Hashable, dict[int, list[_Wrong]]] = defaultdict(lambda: defaultdict(list))
    for one in singles:
        path = one.path
        found[path.source, path.target, path.axes, one.wrong, one.is_mean][path.position].append(one)
    return found


def _ways(path: Path, forward: Forward, known: Known) -> Iterator[_Way]:
    """As it is, without weights, and with each value of the forward that it can be written with."""
    yield _Way("inner", np.ones(()), path.inner)
    ones = np.ones(path.shape)
    ratio = _steady(path.inner, ones, path.axes)
    if ratio is not None:
        yield _Way("ones", ratio, ones, is_same=_is_number(ratio))
        return
    seen: list[Array] = []
    for number, value in known.values.items():
        if value.shape != path.shape or value.dtype.kind != "f" or not np.isfinite(value).all():
            continue
        ratio = _steady(path.inner, value, path.axes)
        if ratio is not None and not any(np.array_equal(value, other) for other in seen):
            seen.append(value)
            yield _Way(key_of(number, forward), ratio, value, number, is_same=_is_number(ratio))


def _steady(one: Array, other: Array, axes: tuple[int, ...]) -> Array | None:
    """The one over the other, where that does not vary along the axes; None where it does."""
    size = (other * other).sum(axis=axes, keepdims=True)
    if not size.all():
        return None
    ratio = np.asarray((one * other).sum(axis=axes, keepdims=True) / size)
    is_same = np.abs(one - ratio * other) <= CLOSE * np.abs(one).max()
    return ratio if is_same.all() else None


def _is_number(ratio: Array) -> bool:
    return bool(np.ptp(ratio) <= CLOSE * np.abs(ratio).max())


def _others(path: Path) -> list[tuple[int, ...]]:
    """Each other axis, all, one less than the right ones, one more."""
    every, right = range(len(path.shape)), frozenset(path.axes)
    found = [frozenset(every), *(frozenset([axis]) for axis in every)]
    found += [*(right - {axis} for axis in right), *(right | {axis} for axis in every)]
    return sorted({tuple(sorted(axes)) for axes in found if axes and axes != right}, key=lambda axes: (len(axes), axes))


def _without_keepdims(summed: Array, path: Path) -> Array | None:
    """The right sum, spread along other axes, where that goes unnoticed; None where it does not."""
    rest = [size for axis, size in enumerate(path.shape) if axis not in path.axes]
    left = (*[1] * len(path.axes), *rest)
    if left == summed.shape or any(size not in (1, full) for size, full in zip(left, path.shape)):
        return None
    return summed.reshape(left)


def _summed(array: Array, axes: tuple[int, ...]) -> Array:
    return np.asarray(array.sum(axis=axes, keepdims=True))


def _size(shape: Sequence[int], axes: Sequence[int]) -> float:
    return float(np.prod([shape[axis] for axis in axes]))
