"""Chains of steps that only move numbers, as one: from a value to another of as many numbers, in whatever order.

NumPy's views are traced as such chains: a reshape to one axis, a gather, a reshape.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.replacements import operand_of
from gradcheck_cli.diagnose.gates.reverse import Array, Known

NAMES = ("reshape", "squeeze", "expand_dims", "transpose", "gather", "slice", "rev")


@dataclass(frozen=True)
class Move:
    """A chain.

    Attributes:
        positions: of its steps.
        before, after: the values, and `shape` and `there` their shapes.
        places: of each number after, its place before, counted along all axes.
    """

    positions: tuple[int, ...]
    before: int
    after: int
    shape: tuple[int, ...]
    there: tuple[int, ...]
    places: Array

    @property
    def is_reshape(self) -> bool:
        """Whether the numbers stay in their order."""
        return bool(np.array_equal(self.places, np.arange(self.places.size)))


def moves_of(forward: Forward, known: Known) -> Iterator[Move]:
    """The longest such chains, and what only reshapes in them."""
    inside: set[int] = set()
    for position in forward.alive:
        if position in inside or not _is_move(position, forward):
            continue
        chain = [position]
        while (after := _next(chain[-1], forward)) is not None:
            chain.append(after)
        inside.update(chain)
        parts = [list(part) for is_plain, part in groupby(chain, lambda at: _is_plain(at, forward)) if is_plain]
        for part in [chain, *(part for part in parts if part != chain)]:
            move = _move(part, forward, known)
            if move is not None:
                yield move


def _is_plain(position: int, forward: Forward) -> bool:
    """Whether the step may leave numbers in their order."""
    return forward.steps.steps[position].equation.primitive.name in ("reshape", "squeeze", "expand_dims", "slice")


def _is_move(position: int, forward: Forward) -> bool:
    return forward.steps.steps[position].equation.primitive.name in NAMES


def _next(position: int, forward: Forward) -> int | None:
    uses = forward.uses.get(forward.result(position), ())
    if len(uses) != 1 or uses[0][1] or not _is_move(uses[0][0], forward):
        return None
    return uses[0][0]


def _move(chain: list[int], forward: Forward, known: Known) -> Move | None:
    """None where numbers are left out or repeated."""
    before, after = forward.operand(chain[0], 0), forward.result(chain[-1])
    if before is None or after not in known.arriving:
        return None
    shape, there = known.values[before].shape, known.values[after].shape
    size = int(np.prod(shape))
    places = np.arange(size).reshape(shape)
    for position in chain:
        moved = _moved(places, position, forward, known)
        if moved is None:
            return None
        places = moved
    flat = places.reshape(-1)
    if flat.size != size or not np.array_equal(np.sort(flat), np.arange(size)):
        return None
    return Move(tuple(chain), before, after, shape, there, flat)


def _moved(places: Array, position: int, forward: Forward, known: Known) -> Array | None:
    equation = forward.steps.steps[position].equation
    name, params = equation.primitive.name, equation.params
    shape = tuple(equation.outvars[0].aval.shape)
    if name == "transpose":
        return places.transpose(params["permutation"])
    if name == "rev":
        return np.flip(places, params["dimensions"])
    if name == "slice":
        strides = params["strides"] or [1] * places.ndim
        bounds = zip(params["start_indices"], params["limit_indices"], strides)
        return places[tuple(slice(int(start), int(limit), int(stride)) for start, limit, stride in bounds)]
    if name == "gather":
        flat = flat_indices(position, forward, known)
        return None if flat is None else places.reshape(-1)[flat].reshape(shape)
    return places.reshape(shape)


def flat_indices(position: int, forward: Forward, known: Known) -> Array | None:
    """Of a gather from one axis, number by number: which it takes; None of another."""
    step = forward.steps.steps[position]
    taken, indices = operand_of(position, 0, forward, known), operand_of(position, 1, forward, known)
    size = int(np.prod(step.equation.outvars[0].aval.shape))
    if taken.ndim != 1 or indices.dtype.kind not in "iu" or indices.shape[-1:] != (1,) or indices.size != size:
        return None
    flat = indices.reshape(-1)
    return flat if not flat.size or (flat.min() >= 0 and flat.max() < taken.size) else None
