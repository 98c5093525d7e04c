"""Paths through a sum whose result is spread again over what was summed: a mean's, a variance's, a normaliser's."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.reverse import Array, Known
from gradcheck_cli.graph.building import IN_PASSING

BETWEEN, AFTER, BEFORE = 10, 4, 3
"""Steps that are followed from the sum to the spreading, on from there, and back from the sum."""

Uses = Mapping[int, Mapping[int, tuple[int, ...]]]
"""By value, the steps that use it, and as which operands."""


@dataclass(frozen=True)
class Path:
    """One path: its gradient is outer · sum over the axes of inner · (what arrives at the source).

    Attributes:
        key: the same in another turn of a loop, and in another case.
        position: of the sum.
        shape, axes: of what it sums, and over which.
        source: the value, after the spreading, at which the path begins on the way back.
        target: the value, before the sum, at which it ends.
        inner, outer: derivatives from the source to the spreading, and from there to the target.
    """

    key: Hashable
    position: int
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    source: int
    target: int
    inner: Array
    outer: Array


@dataclass(frozen=True)
class Reduction:
    """Sums on the way back that run over other axes than those in the forward.

    Attributes:
        positions: of the forward's sums.
        shape: of what they sum.
        axes: over which they do.
        wrong: those that stand in their place; none where the sum is right and is spread along other axes.
        is_mean: what the forward divides by is the wrong axes' size, too.
        weight: the value that weights what the right sum adds up, where the wrong one is a plain mean.
    """

    positions: tuple[int, ...]
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    wrong: tuple[int, ...]
    is_mean: bool
    weight: int | None = None

    @property
    def wrong_here(self) -> tuple[int, ...]:
        """The wrong axes that are longer than 1: others may be among them or not."""
        return tuple(axis for axis in self.wrong if self.shape[axis] > 1)

    @property
    def is_as_large(self) -> bool:
        """Whether a sum and a mean cannot be told apart."""
        sizes = [math.prod(self.shape[axis] for axis in axes) for axes in (self.axes, self.wrong or self.axes)]
        return sizes[0] == sizes[1]


@dataclass(frozen=True)
class _Spread:
    """The step that spreads, what it gives, the derivative of that by what is spread, and of this by the sum."""

    position: int
    value: int
    inner: Array
    between: Array


def paths_of(forward: Forward, known: Known) -> Iterator[Path]:
    """All such paths, the shortest of each sum first."""
    uses = uses_of(forward)
    for position in forward.alive:
        step = forward.steps.steps[position]
        operand, result = forward.operand(position, 0), forward.result(position)
        if step.equation.primitive.name != "reduce_sum" or operand is None or result not in known.arriving:
            continue
        shape = known.values[operand].shape
        axes = tuple(sorted(step.equation.params["axes"]))
        keep = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
        ends = list(_before(operand, np.ones(shape), forward, known, BEFORE))
        for spread in _spreads(result, np.ones(keep), shape, uses, forward, known):
            for source, inner in after(spread.value, spread.inner, uses, forward, known, AFTER):
                for target, outer in ends:
                    key = (
                        forward.unit[position],
                        forward.unit[spread.position],
                        key_of(source, forward),
                        key_of(target, forward),
                        axes,
                    )
                    yield Path(key, position, shape, axes, source, target, inner, outer * spread.between)


def key_of(value: int, forward: Forward) -> Hashable:
    """The same for a value in another turn of a loop, and in another case."""
    position = forward.maker.get(value)
    return value if position is None else forward.unit[position]


def uses_of(forward: Forward) -> Uses:
    """By value, the steps along which its gradient comes back."""
    uses: dict[int, dict[int, tuple[int, ...]]] = defaultdict(dict)
    for position, alive in forward.alive.items():
        for k in alive:
            value = forward.operand(position, k)
            if value is not None:
                uses[value][position] = (*uses[value].get(position, ()), k)
    return uses


def _derivative(position: int, ks: tuple[int, ...], known: Known) -> Array | None:
    """By a value that is these operands; None where the step is not elementwise in it."""
    if not all((position, k) in known.local for k in ks):
        return None
    return np.asarray(sum(known.local[position, k] for k in ks), np.float64)


def _spreads(
    value: int, between: Array, shape: tuple[int, ...], uses: Uses, forward: Forward, known: Known
) -> Iterator[_Spread]:
    """Where what follows from a sum, elementwise, gets the shape of what was summed."""
    left = [(value, between, 0)]
    while left:
        value, between, depth = left.pop(0)
        for position, ks in uses.get(value, {}).items():
            result = forward.result(position)
            size = known.values[result].size
            if result not in known.arriving:
                continue
            inner = _spreading(position, ks, between.shape, shape, forward, known)
            if inner is not None:
                yield _Spread(position, result, inner, between)
            elif size == between.size and depth < BETWEEN:
                local = _derivative(position, ks, known)
                if local is None and forward.steps.steps[position].equation.primitive.name in IN_PASSING:
                    local = np.ones(size)
                if local is not None:
                    left.append((result, between * local.reshape(between.shape), depth + 1))


def _spreading(
    position: int, ks: tuple[int, ...], keep: tuple[int, ...], shape: tuple[int, ...], forward: Forward, known: Known
) -> Array | None:
    """The derivative of a step that spreads its operand; None for others."""
    result, (k, *others) = known.values[forward.result(position)], ks
    operand = _array(position, k, forward, known)
    name = forward.steps.steps[position].equation.primitive.name
    if result.shape != shape or others or operand.size == result.size:
        return None
    if name == "broadcast_in_dim":
        return np.ones(shape) if np.array_equal(np.broadcast_to(operand.reshape(keep), shape), result) else None
    if operand.shape != keep or name not in ("add", "sub", "mul", "div"):
        return None
    other = np.asarray(_array(position, 1 - k, forward, known), np.float64)
    with np.errstate(all="ignore"):
        found = {
            "add": 1.0,
            "sub": -1.0 if k else 1.0,
            "mul": other,
            "div": -result / operand if k else 1 / other,
        }[name]
    return np.broadcast_to(np.asarray(found), shape)


def _array(position: int, k: int, forward: Forward, known: Known) -> Array:
    operand = forward.steps.steps[position].operands[k]
    return np.asarray(operand.constant if operand.value is None else known.values[operand.value])


def after(
    value: int, inner: Array, uses: Uses, forward: Forward, known: Known, depth: int
) -> Iterator[tuple[int, Array]]:
    """A value and what follows from it elementwise, with their derivatives."""
    yield value, inner
    for position, ks in uses.get(value, {}).items() if depth else ():
        result, local = forward.result(position), _derivative(position, ks, known)
        if local is not None and local.shape == inner.shape and result in known.arriving:
            yield from after(result, inner * local, uses, forward, known, depth - 1)


def _before(value: int, outer: Array, forward: Forward, known: Known, depth: int) -> Iterator[tuple[int, Array]]:
    """A value and what it follows from elementwise, with its derivatives."""
    yield value, outer
    position = forward.maker.get(value)
    if position is None or not depth:
        return
    for operand, ks in _operands(position, forward).items():
        local = _derivative(position, ks, known)
        if local is not None and local.shape == outer.shape:
            yield from _before(operand, outer * local, forward, known, depth - 1)


def _operands(position: int, forward: Forward) -> dict[int, tuple[int, ...]]:
    found: dict[int, tuple[int, ...]] = {}
    for k in forward.alive.get(position, ()):
        value = forward.operand(position, k)
        if value is not None:
            found[value] = (*found.get(value, ()), k)
    return found
