"""Gathers and scatters with other indices: each one off, back to front, sorted, or those of another step."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.replacements import Kind, operand_of
from gradcheck_cli.diagnose.gates.reverse import Array, Known
from gradcheck_cli.diagnose.gates.slips import Site, Slip
from gradcheck_cli.graph.steps import Step
from gradcheck_cli.graph.values import function_of, pull_back_of

CARRIED = {"gather": 0, "scatter-add": 2, "scatter_add": 2}
"""The operand that is moved, by primitive; operand 1 is the indices."""

MOST = 16
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
        for key, said, indices in list(_others(own, _shape_before(position, forward, known)))[:MOST]:
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


def _shape_before(position: int, forward: Forward, known: Known) -> tuple[int, ...]:
    """Of the array that the indices point into, before it was made flat."""
    value = forward.operand(position, 0)
    maker = None if value is None else forward.maker.get(value)
    if maker is not None and forward.steps.steps[maker].equation.primitive.name == "reshape":
        return tuple(forward.steps.steps[maker].equation.invars[0].aval.shape)
    return operand_of(position, 0, forward, known).shape


def _others(own: Array, shape: tuple[int, ...]) -> Iterator[tuple[Hashable, str, Array]]:
    """Other indices into an array of that shape; where they count along all its axes, each axis is looked at."""
    if not own.size or own.dtype.kind not in "iu":
        return
    is_flat = own.shape[-1] == 1 and len(shape) > 1
    if is_flat and not 0 <= own.min() <= own.max() < np.prod(shape):
        return
    columns = list(np.unravel_index(own[..., 0], shape)) if is_flat else [own[..., c] for c in range(own.shape[-1])]
    for column, numbers in enumerate(columns):
        for by in (1, -1):
            for key, low, high in (("shifted", numbers.min(), numbers.max()), ("free", 0, np.iinfo(own.dtype).max)):
                moved = [*columns]
                moved[column] = np.clip(numbers + by, low, high)
                if is_flat and moved[column].max() >= shape[column]:
                    continue
                flat = [np.ravel_multi_index(moved, shape)] if is_flat else moved
                yield (key, by, column), f"with each index {by:+d}", np.stack(flat, axis=-1)
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
        there = tuple(forward.steps.steps[position].equation.outvars[0].aval.shape)
        if k == 0 and not wrong(np.ones(there)).any():
            return  # all of them lie outside: nothing goes back, which is another slip
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
    shape, there = operands[k].shape, tuple(step.equation.outvars[0].aval.shape)
    if k == 0:
        places = _taken(step, operands, there)
        size = int(np.prod(shape))
        return lambda above: np.bincount(places, above.reshape(-1), size + 1)[1:].reshape(shape)
    places = _added(step, operands, there)
    return lambda above: np.concatenate([[0.0], above.reshape(-1)])[places].reshape(shape)


def _is_flat(operands: Sequence[Array], size: int) -> bool:
    """Whether each index is the place of one number in an array of one axis."""
    taken, indices = operands[0], operands[1]
    return taken.ndim == 1 and indices.shape[-1:] == (1,) and indices.size == size and bool((indices >= 0).all())


def _taken(step: Step, operands: list[Array], there: tuple[int, ...]) -> Array:
    """Where each number that a gather takes comes from, counted from 1; 0 is nowhere."""
    if _is_flat(operands, int(np.prod(there))) and (operands[1] < operands[0].size).all():
        return operands[1].reshape(-1) + 1
    numbers = np.arange(1.0, operands[0].size + 1).reshape(operands[0].shape)
    return _places(function_of(step)(numbers, *operands[1:])[0])


def _added(step: Step, operands: list[Array], there: tuple[int, ...]) -> Array:
    """Where each number that a scatter adds goes, counted from 1; 0 is nowhere."""
    if _is_flat(operands, operands[2].size) and (operands[1] < operands[0].size).all():
        return operands[1].reshape(-1) + 1
    numbers = np.arange(1.0, int(np.prod(there)) + 1).reshape(there)
    return _places(pull_back_of(function_of(step), operands, [2])([numbers])[0])


def _places(numbers: Any) -> Array:
    places: Array = np.nan_to_num(np.asarray(numbers), nan=0.0).astype(int).reshape(-1)
    return places


def _change(right: Callable[[Array], Array], wrong: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return lambda above: wrong(above) - right(above)
