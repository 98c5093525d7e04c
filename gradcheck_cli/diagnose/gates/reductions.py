"""Sums over the wrong axes on the way back: of a mean's path, a variance's, a normaliser's.

What a forward sums along some axes and spreads over them again, its backward sums and spreads, too: P · sum(Q · u),
where u is the gradient that arrives after the spreading, Q leads back to it and P on from the sum. Here the sum runs
over other axes. What does not vary along the right ones may stand inside the sum or outside: with other axes that is
not the same, so that Q is also taken as it is written by hand: 1, or a value of the forward.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, product

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.paths import Path, Reduction, key_of, paths_of
from gradcheck_cli.diagnose.gates.replacements import Kind, Replacement
from gradcheck_cli.diagnose.gates.reverse import Array, Known, Row

MOST = 3_000
"""Wrong sums that are tried."""

CLOSE = 1e-9
"""How far a number may vary along an axis and be one."""


@dataclass(frozen=True)
class _Wrong:
    """One path's sum over other axes: the difference that it makes, by the value at which that enters."""

    key: Hashable
    path: Path
    wrong: tuple[int, ...]
    is_mean: bool
    entering: dict[int, Array]


def of_reductions(forward: Forward, known: Known) -> Iterator[Replacement]:
    """All sums of the forward taken over other axes on the way back: one of them, then two in the same way."""
    singles = _singles(forward, known)
    pairs = (
        (one, other)
        for ways in _together(singles).values()
        for (_, ones), (_, others) in combinations(ways.items(), 2)
        for one, other in product(ones, others)
    )
    for several in islice((*((one,) for one in singles), *pairs), MOST):
        yield _replacement(several)


def _replacement(several: Sequence[_Wrong]) -> Replacement:
    entering: dict[int, Array] = {}
    for one in several:
        for target, change in one.entering.items():
            entering[target] = entering.get(target, 0.0) + change
    first = several[0]
    path = first.path
    positions = tuple(one.path.position for one in several)
    reduction = Reduction(positions, path.shape, path.axes, first.wrong, first.is_mean)
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
        above = known.arriving[path.source]
        right = path.outer * _summed(path.inner * above, path.axes)
        for name, ratio, inner in _inners(path, forward, known):
            ways = {wrong: _summed(inner * above, wrong) for wrong in _others(path)}
            turned = _without_keepdims(_summed(inner * above, path.axes), path)
            if turned is not None:
                ways[()] = turned
            for wrong, spread in ways.items():
                summed = path.outer * ratio * spread
                size = _size(path.shape, path.axes) / _size(path.shape, wrong or path.axes)
                for is_mean, factor in ((True, size), (False, 1.0)):
                    change = factor * summed - right
                    key = (path.key, name, wrong, is_mean)
                    if key not in found:
                        found[key] = _Wrong(key, path, wrong, is_mean, {})
                    entering = found[key].entering
                    entering[path.target] = entering.get(path.target, 0.0) + change
    return [one for one in found.values() if all(np.isfinite(change).all() for change in one.entering.values())]


def _together(singles: Sequence[_Wrong]) -> dict[Hashable, dict[int, list[_Wrong]]]:
    """By what must be the same for two sums: where they begin and end, and the axes; then by sum."""
    found: dict[Hashable, dict[int, list[_Wrong]]] = defaultdict(lambda: defaultdict(list))
    for one in singles:
        path = one.path
        found[path.source, path.target, path.axes, one.wrong, one.is_mean][path.position].append(one)
    return found


def _inners(path: Path, forward: Forward, known: Known) -> Iterator[tuple[Hashable, Array, Array]]:
    """Ways to write Q, each with what is left for P."""
    yield "inner", np.ones(()), path.inner
    ratio = _steady(path.inner, np.ones(path.shape), path.axes)
    if ratio is not None:
        yield "ones", ratio, np.ones(path.shape)
    seen: list[Array] = []
    for number, value in known.values.items():
        if value.shape != path.shape or value.dtype.kind != "f" or not np.isfinite(value).all():
            continue
        ratio = _steady(path.inner, value, path.axes)
        if ratio is not None and not any(np.array_equal(value, other) for other in seen):
            seen.append(value)
            yield key_of(number, forward), ratio, value


def _steady(one: Array, other: Array, axes: tuple[int, ...]) -> Array | None:
    """The one over the other, where that does not vary along the axes; None where it does, or is one number."""
    size = (other * other).sum(axis=axes, keepdims=True)
    if not size.all():
        return None
    ratio = np.asarray((one * other).sum(axis=axes, keepdims=True) / size)
    is_same = np.abs(one - ratio * other) <= CLOSE * np.abs(one).max()
    return ratio if is_same.all() and np.ptp(ratio) > CLOSE * np.abs(ratio).max() else None


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
