"""Where a backward may multiply by wrong numbers: at a value, along one operand of a step, in place of an operand."""

from __future__ import annotations

import string
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.gates.case import GateCase
from gradcheck_cli.graph.values import value_of

Array = NDArray[Any]

MOST_UNKNOWNS = 512
"""Of one site: so many numbers are solved for at most."""


class What(IntEnum):
    """What is unknown at a site."""

    VALUE = 0
    """A factor for each element of the gradient that arrives at a value."""
    OPERAND = 1
    """The other operand of a product, as the backward has it."""
    EDGE = 2
    """A local derivative for each element of a step's result, by one operand."""
    WHOLE = 3
    """A factor for each element of the upstream gradient, where the gradient is nothing more."""


@dataclass(frozen=True)
class Site:
    """One place in the forward: in a loop, its turns.

    Attributes:
        key: the same in another case.
        positions: of the steps; () for an input of the layer.
        operand: which of their operands the gradient goes to; 0 for a value.
        targets: the values that the gradient goes to, a turn each.
        results: the values that it comes from.
    """

    key: Hashable
    what: What
    positions: tuple[int, ...]
    operand: int
    targets: tuple[int, ...]
    results: tuple[int, ...]


def sites_of(case: GateCase, text_of: Callable[[int], str]) -> Iterator[Site]:
    """All sites of a forward.

    Args:
        text_of: the expression that a step stands in: what is written twice is differentiated once.
    """
    forward = case.forward
    for leaf, value in enumerate(forward.steps.inputs):
        if value in case.reverse.open:
            yield Site(("leaf", leaf), What.VALUE, (), 0, (value,), (value,))
    units: dict[Hashable, list[int]] = defaultdict(list)
    for position in forward.alive:
        if len(forward.steps.steps[position].results) == 1 and forward.result(position) in case.reverse.open:
            units[forward.unit[position]].append(position)
    for unit, positions in (*units.items(), *_written_twice(units, case, text_of)):
        at, results = tuple(positions), tuple(forward.result(position) for position in positions)
        yield Site((unit, "value"), What.VALUE, at, 0, results, results)
        step = forward.steps.steps[positions[0]]
        for k in forward.alive[positions[0]]:
            targets = tuple(forward.operand(position, k) for position in positions)
            if any(target is None or target not in case.reverse.open for target in targets):
                continue
            numbers = tuple(target for target in targets if target is not None)
            if is_product(positions[0], k, case):
                yield Site((unit, k, "operand"), What.OPERAND, at, k, numbers, results)
            if _has_local(positions[0], k, case):
                yield Site((unit, k, "edge"), What.EDGE, at, k, numbers, results)


def _written_twice(
    units: Mapping[Hashable, list[int]], case: GateCase, text_of: Callable[[int], str]
) -> Iterator[tuple[Hashable, list[int]]]:
    """The steps of an expression that is written more than once, in other places of the forward."""
    alike: dict[Hashable, list[list[int]]] = defaultdict(list)
    for positions in units.values():
        text = text_of(positions[0])
        if text:
            step = case.forward.steps.steps[positions[0]]
            alike[text, step.equation.primitive.name, case.forward.alive[positions[0]]].append(positions)
    for key, several in alike.items():
        if len(several) > 1:
            yield key, sorted(position for positions in several for position in positions)


def is_product(position: int, k: int, case: GateCase) -> bool:
    """Whether it hands back the upstream gradient times its other operand, which has a size of its own."""
    name = case.forward.steps.steps[position].equation.primitive.name
    if name == "mul":
        other = other_operand(position, k, case)
        return other.ndim > 0 and other.size < int(np.prod(_shape(case.forward.result(position), case)))
    return bool(name == "dot_general")


def _has_local(position: int, k: int, case: GateCase) -> bool:
    """Whether it hands back a number for each element of its result: arrays of several shapes are broadcast."""
    name = case.forward.steps.steps[position].equation.primitive.name
    return (position, k) in case.known.local or name in ("mul", "div", "add", "sub")


def unknowns_of(site: Site, case: GateCase) -> int:
    """How many numbers are unknown there."""
    if site.what is What.OPERAND:
        return sum(other_operand(position, site.operand, case).size for position in site.positions)
    return sum(int(np.prod(_shape(result, case))) for result in site.results)


@dataclass(frozen=True)
class Model:
    """What each unknown of a site adds to the leaves' gradients, by upstream gradient.

    Attributes:
        right: the right numbers, in a row: ones, local derivatives, the operand.
        counts: which of the unknowns make any difference.
    """

    right: Array
    parts: tuple[Part, ...]
    counts: NDArray[np.bool_]


@dataclass(frozen=True)
class Part:
    """One turn: the gradients that arrive, how they are spread over the targets, and what those come to in the leaves.

    Attributes:
        above: (upstream gradients, elements of the result).
        spread: (upstream gradients, unknowns, elements of the target); None where unknown i multiplies `above` i.
        ways: (elements of the target, elements of the leaves).
        to: for each of those unknowns the element of the target; None with `spread`.
    """

    above: Array
    ways: Array
    spread: Array | None = None
    to: NDArray[np.intp] | None = None


def model_of(
    site: Site, case: GateCase, arriving: Mapping[int, Array], ways: Callable[[int], Array | None]
) -> Model | None:
    """None where nothing arrives, what is there is not real, or it is too much to ask for.

    Args:
        ways: see `Ways`.
    """
    right, parts = [], []
    for turn, (target, result) in enumerate(zip(site.targets, site.results)):
        if result not in arriving or np.iscomplexobj(arriving[result]):
            return None
        above, shape, onward = arriving[result], _shape(result, case), ways(target)
        if onward is None:
            return None
        if site.what is What.VALUE:
            part = Part(above, onward, to=np.arange(above.shape[1]))
            right.append(np.ones(above.shape[1]))
        elif site.what is What.EDGE:
            derivative = _local(site.positions[turn], site.operand, case)
            if derivative is None:
                return None
            places = np.arange(int(np.prod(_shape(target, case)))).reshape(_shape(target, case))
            part = Part(above, onward, to=np.broadcast_to(places, shape).reshape(-1))
            right.append(derivative.reshape(-1))
        else:
            other = other_operand(site.positions[turn], site.operand, case)
            spread = _spread(site.positions[turn], site.operand, above.reshape(-1, *shape), case)
            part = Part(above, onward, spread=spread)
            right.append(np.asarray(other, float).reshape(-1))
        parts.append(part)
    counts = np.concatenate([_counting(part) for part in parts])
    numbers = np.concatenate(right)
    if numbers.dtype.kind != "f" or not np.isfinite(numbers).all() or not counts.any():
        return None
    return Model(numbers, tuple(parts), counts)


def _counting(part: Part) -> NDArray[np.bool_]:
    if part.spread is not None:
        reaches = np.abs(part.ways).any(axis=1)
        return np.asarray(np.abs(part.spread[:, :, reaches]).any(axis=(0, 2)))
    return np.asarray(np.abs(part.above).any(axis=0) & np.abs(part.ways[part.to]).any(axis=1))


def _shape(value: int, case: GateCase) -> tuple[int, ...]:
    return case.reverse.shape(value)


def _values(position: int, case: GateCase) -> list[Array]:
    operands = case.forward.steps.steps[position].operands
    return [np.asarray(value_of(operand, dict(case.known.values))) for operand in operands]


def other_operand(position: int, k: int, case: GateCase) -> Array:
    """The other operand of a step that has two; before it was broadcast, in the axes of the result."""
    step = case.forward.steps.steps[position]
    found = _values(position, case)[1 - k]
    value = step.operands[1 - k].value
    maker = None if value is None else case.forward.maker.get(value)
    if step.equation.primitive.name != "mul" or maker is None:
        return found
    before = case.forward.steps.steps[maker]
    if before.equation.primitive.name != "broadcast_in_dim" or before.operands[0].value is None:
        return found
    axes = before.equation.params["broadcast_dimensions"]
    small = np.asarray(case.known.values[before.operands[0].value])
    shape = [1] * found.ndim
    for axis, size in zip(axes, small.shape):
        shape[axis] = size
    return small.reshape(shape)


def _local(position: int, k: int, case: GateCase) -> Array | None:
    """The local derivative of an elementwise step by one operand, in the shape of its result."""
    if (position, k) in case.known.local:
        return case.known.local[position, k]
    result = _shape(case.forward.result(position), case)
    operands = _values(position, case)
    step = case.forward.steps.steps[position]
    name = step.equation.primitive.name
    if name == "mul":
        found = operands[1 - k]
    elif name == "div":
        found = 1 / operands[1] if k == 0 else -operands[0] / operands[1] ** 2
    elif name in ("add", "add_any", "sub"):
        found = np.array(-1.0 if name == "sub" and k == 1 else 1.0)
    else:
        return None
    return np.broadcast_to(np.asarray(found, float), result)


def _spread(position: int, k: int, above: Array, case: GateCase) -> Array:
    """What a product hands back to operand `k` for each single element of the other one.

    Args:
        above: upstream gradients of the product, one a row.
    """
    step = case.forward.steps.steps[position]
    if step.equation.primitive.name == "mul":
        return _spread_broadcast(position, k, above, case)
    (contract, batch) = step.equation.params["dimension_numbers"]
    ranks = [len(variable.aval.shape) for variable in step.equation.invars]
    letters = iter(string.ascii_letters)
    names = [[""] * rank for rank in ranks]
    for one, other in zip(*batch):
        names[0][one] = names[1][other] = next(letters)
    summed = []
    for one, other in zip(*contract):
        names[0][one], names[1][other] = next(letters), next(letters)
        summed.append((names[0][one], names[1][other], step.equation.invars[0].aval.shape[one]))
    for side in names:
        for axis, name in enumerate(side):
            side[axis] = name or next(letters)
    free = [
        [name for axis, name in enumerate(names[side]) if axis not in batch[side] and axis not in contract[side]]
        for side in (0, 1)
    ]
    shared = [names[0][axis] for axis in batch[0]]
    # an axis that both have is the same in both: the diagonal of a pair
    twin = {name: next(letters) for name in shared}
    mine = [twin.get(name, name) for name in names[k]]
    row = next(letters)
    terms, given = [row + "".join([*shared, *free[0], *free[1]])], [above]
    for one, other, size in summed:
        terms.append(one + other)
        given.append(np.eye(size))
    for axis in batch[k]:
        name = names[k][axis]
        terms.append(name + twin[name])
        given.append(np.eye(step.equation.invars[k].aval.shape[axis]))
    rule = f"{','.join(terms)}->{row}{''.join(names[1 - k])}{''.join(mine)}"
    found = np.einsum(rule, *given, optimize=True)
    sizes = [int(np.prod(variable.aval.shape)) for variable in step.equation.invars]
    return np.asarray(found.reshape(len(above), sizes[1 - k], sizes[k]))


def _spread_broadcast(position: int, k: int, above: Array, case: GateCase) -> Array:
    """The same where the product goes element by element, its operands broadcast."""
    shape = above.shape[1:]
    other = other_operand(position, k, case)
    target = _shape(_operand(position, k, case), case)
    mine = np.broadcast_to(np.arange(int(np.prod(target))).reshape(target), shape).reshape(-1)
    theirs = np.broadcast_to(np.arange(other.size).reshape(other.shape), shape).reshape(-1)
    found = np.zeros((len(above), other.size, int(np.prod(target))))
    for row, upstream in zip(found, above.reshape(len(above), -1)):
        np.add.at(row, (theirs, mine), upstream)
    return found


def _operand(position: int, k: int, case: GateCase) -> int:
    value = case.forward.operand(position, k)
    assert value is not None
    return value
