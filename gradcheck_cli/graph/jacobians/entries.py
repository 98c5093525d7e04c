"""One element of a Jacobian as a product: indices that must agree, a constant, and elements of the case's arrays.

`∂z_nj/∂x_mi = I[n = m] W_ij` is found by trial: the axes along which the Jacobian is zero unless two indices agree are
taken out, and what is left is compared with every array of the case, whole or in a usual function, along every choice
of axes. What agrees everywhere, at every draw, is the formula.
"""

from __future__ import annotations

import itertools
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.graph.jacobians.functions import Factor, factors, gates
from gradcheck_cli.graph.jacobians.seen import ROUNDING, Array, Named, Seen

_LETTERS = string.ascii_letters

_MOST = 100
"""Products that agree with one draw are few."""

_IN_PRODUCTS = ("{}", "1/{}", "1/{}²", "I[{} > 0]")
"""Functions of an array that stand beside another one."""

_MOST_FOR_PRODUCTS = 200_000
"""Entries up to which products of two arrays are tried."""


@dataclass(frozen=True)
class Part:
    """A factor, and for each axis of its array the axis of the tensor that it runs along; None for size 1."""

    factor: Factor
    axes: tuple[int | None, ...]


@dataclass(frozen=True)
class Entry:
    """J[out, in] = Π I[out_p = in_q] · constant · Π parts.

    Attributes:
        pairs: axes of the output and of the argument (each from 0) whose indices must agree.
    """

    pairs: tuple[tuple[int, int], ...]
    constant: float
    parts: tuple[Part, ...] = ()


def agreeing_axes(seen: Seen) -> tuple[tuple[int, int], ...]:
    """Pairs of an output axis and an argument axis whose indices must agree for the Jacobian not to be zero."""
    tensor, count = seen.tensor, seen.output.value.ndim
    is_zero = np.abs(tensor) <= ROUNDING * seen.scale
    found: list[tuple[int, int]] = []
    for p, q in itertools.product(range(count), range(seen.argument.value.ndim)):
        length = tensor.shape[p]
        if length < 2 or length != tensor.shape[count + q]:
            continue
        if any(p == other or q == another for other, another in found):
            continue
        apart = np.moveaxis(is_zero, (p, count + q), (0, 1))[~np.eye(length, dtype=bool)]
        if bool(apart.all()):
            found.append((p, q))
    return tuple(found)


def entries(seen: Seen) -> tuple[Entry, ...]:
    """Every product that the Jacobian is, the plainest first."""
    if "entries" not in seen.known:
        seen.known["entries"] = tuple(itertools.islice(_entries(seen), _MOST))
    found: tuple[Entry, ...] = seen.known["entries"]
    return found


def _entries(seen: Seen) -> Iterator[Entry]:
    if seen.scale == 0:
        yield Entry((), 0.0)
        return
    pairs = agreeing_axes(seen)
    axes, rest = _rest(seen, pairs)
    everywhere = np.ones(rest.shape, bool)
    yield from (Entry(pairs, *found) for found in _products(seen, axes, rest, everywhere, pairs, one=True))
    if seen.is_block or rest.size > _MOST_FOR_PRODUCTS:
        return
    for gate in gates(seen):
        # what comes out of an activation tells its derivative, which then stands before the rest
        first = Part(gate, tuple(k if length > 1 else None for k, length in enumerate(gate.values.shape)))
        yield from _behind(seen, axes, rest, first, pairs)
    for factor in factors(seen):
        if factor.template in _IN_PRODUCTS:
            for placed in _places(factor, axes, rest.shape, seen, pairs):
                yield from _behind(seen, axes, rest, placed, pairs)


def holds(entry: Entry, seen: Seen) -> bool:
    """Whether the same product is the Jacobian at another draw."""
    tensor = seen.tensor
    count, names = seen.output.value.ndim, {named.name: named for named in (*seen.arrays, seen.output)}
    expected = np.full(tensor.shape, entry.constant)
    for p, q in entry.pairs:
        if tensor.shape[p] != tensor.shape[count + q]:
            return False
        expected = expected * _along(np.eye(tensor.shape[p]), (p, count + q), tensor.ndim)
    for part in entry.parts:
        named = names.get(part.factor.named.name)
        again = None if named is None else _same_function(part.factor, seen, named)
        if again is None or again.ndim != len(part.axes):
            return False
        kept = [axis for axis in part.axes if axis is not None]
        short = again.squeeze(axis=tuple(k for k, axis in enumerate(part.axes) if axis is None and again.shape[k] == 1))
        if short.ndim != len(kept) or any(short.shape[k] != tensor.shape[axis] for k, axis in enumerate(kept)):
            return False
        expected = expected * _along(short, kept, tensor.ndim)
    return seen.same(tensor, expected)


def as_tensor(entry: Entry, seen: Seen) -> Array:
    """The product at the draw that it was found at, with the output's axes, then the argument's."""
    count, ndim = seen.output.value.ndim, seen.tensor.ndim
    found = np.full(seen.tensor.shape, entry.constant)
    for p, q in entry.pairs:
        found = found * _along(np.eye(seen.tensor.shape[p]), (p, count + q), ndim)
    for part in entry.parts:
        values = part.factor.values
        short = values.squeeze(axis=tuple(k for k, axis in enumerate(part.axes) if axis is None))
        found = found * _along(short, [axis for axis in part.axes if axis is not None], ndim)
    return found


def _same_function(factor: Factor, seen: Seen, named: Named) -> Array | None:
    for other in (*factors(seen), *gates(seen)):
        if other.template == factor.template and other.named.name == named.name:
            return other.values
    return None


def _rest(seen: Seen, pairs: Sequence[tuple[int, int]]) -> tuple[tuple[int, ...], Array]:
    """What is left where the indices agree: its axes in the tensor (of a pair, the output's), and its values."""
    tensor, count = seen.tensor, seen.output.value.ndim
    labels = list(range(tensor.ndim))
    for p, q in pairs:
        labels[count + q] = p
    kept = [axis for axis in dict.fromkeys(labels) if tensor.shape[axis] > 1]
    gone = tuple(axis for axis in range(tensor.ndim) if tensor.shape[axis] == 1)
    short = tensor.squeeze(axis=gone) if gone else tensor
    spec = "".join(_LETTERS[label] for k, label in enumerate(labels) if k not in gone)
    return tuple(kept), np.einsum(f"{spec}->{''.join(_LETTERS[axis] for axis in kept)}", short)


def _products(
    seen: Seen,
    axes: tuple[int, ...],
    rest: Array,
    where: Array,
    pairs: Sequence[tuple[int, int]],
    *,
    one: bool,
) -> Iterator[tuple[float, tuple[Part, ...]]]:
    """Constants, named constants, and single factors that `rest` is wherever `where`."""
    some = rest[where.astype(bool)]
    if some.size == 0:
        return
    if seen_alike(some):
        first = float(some.reshape(-1)[0])
        if _is_plain(first) or not one:
            yield first, ()
        for factor in factors(seen):
            if factor.values.size == 1 and abs(float(factor.values.reshape(-1)[0]) - first) <= ROUNDING * abs(first):
                yield 1.0, (Part(factor, (None,) * factor.values.ndim),)
        if one and not _is_plain(first):
            yield first, ()
    for factor in factors(seen):
        if factor.values.size == 1 or not (one or factor.template in _IN_PRODUCTS):
            continue
        for placed in _places(factor, axes, rest.shape, seen, pairs):
            scale = _multiple(rest, _broadcast(placed, axes, rest.shape), where)
            if scale is not None and (one or _is_plain(scale)):
                yield scale, (placed,)


def _behind(
    seen: Seen, axes: tuple[int, ...], rest: Array, first: Part, pairs: Sequence[tuple[int, int]]
) -> Iterator[Entry]:
    """Products with this factor first."""
    before = _broadcast(first, axes, rest.shape)
    if before is None:
        return
    before = np.broadcast_to(before, rest.shape)
    where = np.abs(before) > 1e-6 * np.abs(before).max(initial=0.0)
    if not seen.same(rest[~where], 0.0):
        return
    left = np.divide(rest, before, out=np.zeros_like(rest), where=where)
    for scale, parts in _products(seen, axes, left, where, pairs, one=False):
        if parts:
            yield Entry(tuple(pairs), scale, (first, *parts))


def _places(
    factor: Factor, axes: tuple[int, ...], shape: tuple[int, ...], seen: Seen, pairs: Sequence[tuple[int, int]]
) -> Iterator[Part]:
    """Every way to lay the factor's axes along those of the Jacobian; first along its own, for one of the sides."""
    lengths = [length for length in factor.values.shape if length > 1]
    if len(lengths) > len(axes):
        return
    sizes = dict(zip(axes, shape))
    count = seen.output.value.ndim
    ways = [way for way in itertools.permutations(axes, len(lengths)) if [sizes[axis] for axis in way] == lengths]
    own = _own_axes(factor, count, seen, pairs)
    for way in sorted(ways, key=lambda way: list(way) != own):
        rest = iter(way)
        yield Part(factor, tuple(next(rest) if length > 1 else None for length in factor.values.shape))


def _own_axes(factor: Factor, count: int, seen: Seen, pairs: Sequence[tuple[int, int]]) -> list[int]:
    if factor.named.name == seen.argument.name:
        of_pair = {count + q: p for p, q in pairs}
        return [of_pair.get(count + k, count + k) for k, length in enumerate(factor.values.shape) if length > 1]
    return [k for k, length in enumerate(factor.values.shape) if length > 1]


def _broadcast(part: Part, axes: tuple[int, ...], shape: tuple[int, ...]) -> Array | None:
    kept = [axis for axis in part.axes if axis is not None]
    if any(axis not in axes for axis in kept):
        return None
    values = part.factor.values
    gone = tuple(k for k, axis in enumerate(part.axes) if axis is None)
    short = values.squeeze(axis=gone) if gone else values
    positions = [axes.index(axis) for axis in kept]
    if any(short.shape[k] != shape[position] for k, position in enumerate(positions)):
        return None
    return _along(short, positions, len(shape))


def _along(values: Array, positions: Sequence[int], count: int) -> Array:
    """The array with its axes at these positions among `count`, the others of length one."""
    order = np.argsort(positions)
    shape = [1] * count
    for k, position in enumerate(positions):
        shape[position] = values.shape[k]
    return values.transpose(order).reshape(shape)


def _multiple(rest: Array, values: Array | None, where: Array) -> float | None:
    """The constant by which `values` are `rest`, where that is more than a coincidence."""
    if values is None:
        return None
    full = np.where(where, np.broadcast_to(values, rest.shape), 0.0)
    position = np.unravel_index(int(np.argmax(np.abs(full))), full.shape)
    if full[position] == 0:
        return None
    scale = float(rest[position] / full[position])
    scale = float(round(scale)) if abs(scale - round(scale)) <= 1e-9 else scale
    sizes = np.unique(np.abs(values))
    if scale == 0 or (abs(scale) != 1 and (sizes.size < 3 or not _is_plain(scale * rest.size))):
        return None
    limit = ROUNDING * float(np.abs(np.where(where, rest, 0.0)).max(initial=0.0))
    off = np.abs(np.where(where, rest, 0.0) - scale * full)
    return scale if bool(np.all(off <= limit)) else None


def _is_plain(value: float) -> bool:
    """A fraction that a formula may hold: 1/12, −2, 0.5."""
    return any(abs(value * lower - round(value * lower)) <= 1e-9 for lower in range(1, 13)) and abs(value) < 1e4


def seen_alike(values: Array) -> bool:
    """Whether all are the same, up to rounding."""
    return bool(np.ptp(values) <= ROUNDING * max(1e-300, float(np.abs(values).max())))
