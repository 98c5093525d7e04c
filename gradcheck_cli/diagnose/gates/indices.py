"""Gathers and scatters with other indices: each one off, back to front, sorted, or those of another step."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.products import operand_of
from gradcheck_cli.diagnose.gates.replacements import Kind
from gradcheck_cli.diagnose.gates.reverse import Array, Known
from gradcheck_cli.diagnose.gates.slips import Site, Slip
from gradcheck_cli.graph.values import function_of, pull_back_of

CARRIED = {"gather": 0, "scatter-add": 2, "scatter_add": 2}
"""The operand that is moved, by primitive; operand 1 is the indices."""

MOST = 10
"""Other indices of one step."""


def of_indices(forward: Forward, known: Known) -> Iterator[Slip]:
    """All gathers, and all scatters that add."""
    found = [
        position
        for position in forward.alive
        if (name := forward.steps.steps[position].equation.primitive.name) in CARRIED
        and CARRIED[name] in forward.alive[position]
        and forward.result(position) in known.arriving
        and len(forward.turns[forward.unit[position]]) == 1
    ]
    for position in found:
        own = operand_of(position, 1, forward, known)
        for key, said, indices in list(_others(own))[:MOST]:
            yield from _slip((position,), (indices,), key, said, forward, known)
        for other in found:
            there = operand_of(other, 1, forward, known)
            if other == position or there.shape != own.shape or np.array_equal(there, own):
                continue
            said = "with the indices of another gather or scatter"
            yield from _slip((position,), (there,), ("of", forward.unit[other]), said, forward, known)
            if other > position:
                said = "with its indices and those that it goes on with exchanged"
                key = ("both", forward.unit[other])
                yield from _slip((position, other), (there, own), key, said, forward, known)


def _others(own: Array) -> Iterator[tuple[Hashable, str, Array]]:
    if not own.size or own.dtype.kind not in "iu":
        return
    for by in (1, -1):
        # an index in the last axis is a point's coordinate
        for column in range(own.shape[-1]):
            moved = own.copy()
            moved[..., column] = np.clip(moved[..., column] + by, own[..., column].min(), own[..., column].max())
            yield ("shifted", by, column), f"with each index {by:+d}", moved
            free = own.copy()
            free[..., column] = np.maximum(free[..., column] + by, 0)
            yield ("free", by, column), f"with each index {by:+d}", free
    long = [axis for axis in range(own.ndim - 1) if own.shape[axis] > 1]
    for axis in long:
        yield ("flipped", axis), f"with its indices back to front along axis {axis}", np.flip(own, axis)
    for axis in long:
        yield ("sorted", axis), f"with its indices sorted along axis {axis}", np.sort(own, axis)


def _slip(
    positions: Sequence[int], indices: Sequence[Array], key: Hashable, said: str, forward: Forward, known: Known
) -> Iterator[Slip]:
    sites = []
    for position, other in zip(positions, indices):
        k = CARRIED[forward.steps.steps[position].equation.primitive.name]
        value = forward.operand(position, k)
        maps = [_map(position, k, one, forward, known) for one in (None, other)]
        right, wrong = maps
        if value is None or right is None or wrong is None:
            return
        sites.append(Site(forward.result(position), value, _change(right, wrong)))
    k = CARRIED[forward.steps.steps[positions[0]].equation.primitive.name]
    kind = Kind.TRANSPOSED if len(positions) == 2 else Kind.MISPLACED
    told = f"{{goes}} back through {{place}} {said}"
    yield Slip((forward.unit[positions[0]], key), kind, tuple(sites), positions[0], k, told)


def _map(
    position: int, k: int, indices: Array | None, forward: Forward, known: Known
) -> Callable[[Array], Array] | None:
    """What the step hands back with these indices; a gather adds up, a scatter reads."""
    step = forward.steps.steps[position]
    operands = [operand_of(position, one, forward, known) for one in range(len(step.operands))]
    if indices is not None:
        operands[1] = indices.astype(operands[1].dtype)
    shape, above = operands[k].shape, step.equation.outvars[0].aval.shape
    if k == 0:
        operands[0] = np.arange(1.0, operands[0].size + 1).reshape(shape)
        places = _places(np.asarray(function_of(step)(*operands)[0]))
        size = int(np.prod(shape))
        return lambda u: np.bincount(places.ravel(), u.ravel(), size + 1)[1:].reshape(shape)
    numbers = np.arange(1.0, int(np.prod(above)) + 1).reshape(above)
    places = _places(np.asarray(pull_back_of(function_of(step), operands, [k])([numbers])[0]))
    return lambda u: np.concatenate([[0.0], u.ravel()])[places].reshape(shape)


def _places(numbers: Array) -> Array:
    """Numbers from 1; 0 is nowhere."""
    return np.nan_to_num(numbers, nan=0.0).astype(int)


def _change(right: Callable[[Array], Array], wrong: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return lambda above: wrong(above) - right(above)
