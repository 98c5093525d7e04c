"""Where a backward may multiply by wrong numbers: at a value, along one operand of a step, in place of an operand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from gradcheck_cli.diagnose.gates.case import GateCase
from gradcheck_cli.diagnose.recovery.operands import other_operand

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
        is_shared: the numbers are the same at each of them: one expression, written more than once.
    """

    key: Hashable
    what: What
    positions: tuple[int, ...]
    operand: int
    targets: tuple[int, ...]
    results: tuple[int, ...]
    is_shared: bool = False


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
    for unit, positions in units.items():
        yield from _sites(unit, tuple(positions), case, is_shared=False)
    for text, everywhere in _written_twice(units, case, text_of):
        yield from _sites(text, everywhere, case, is_shared=True)


def _sites(unit: Hashable, positions: tuple[int, ...], case: GateCase, *, is_shared: bool) -> Iterator[Site]:
    forward = case.forward
    results = tuple(forward.result(position) for position in positions)
    yield Site((unit, "value"), What.VALUE, positions, 0, results, results, is_shared)
    for k in forward.alive[positions[0]]:
        targets = [forward.operand(position, k) for position in positions]
        numbers = tuple(target for target in targets if target is not None and target in case.reverse.open)
        if len(numbers) < len(positions):
            continue
        if is_product(positions[0], k, case):
            yield Site((unit, k, "operand"), What.OPERAND, positions, k, numbers, results, is_shared)
        if _has_local(positions[0], k, case):
            yield Site((unit, k, "edge"), What.EDGE, positions, k, numbers, results, is_shared)


def _written_twice(
    units: Mapping[Hashable, list[int]], case: GateCase, text_of: Callable[[int], str]
) -> Iterator[tuple[Hashable, tuple[int, ...]]]:
    """The steps of an expression that is written more than once, in other places of the forward."""
    alike: dict[Hashable, list[tuple[tuple[int, ...], list[int]]]] = defaultdict(list)
    for positions in units.values():
        text = text_of(positions[0])
        if text:
            step = case.forward.steps.steps[positions[0]]
            shape = case.reverse.shape(case.forward.result(positions[0]))
            key = text, step.equation.primitive.name, case.forward.alive[positions[0]], len(positions), len(shape)
            alike[key].append((shape, positions))
    for which, several in alike.items():
        if len(several) > 1 and len({shape for shape, _ in several}) == 1:
            yield which, tuple(sorted(position for _, positions in several for position in positions))


def is_product(position: int, k: int, case: GateCase) -> bool:
    """Whether it hands back the upstream gradient times its other operand, which has a size of its own."""
    name = case.forward.steps.steps[position].equation.primitive.name
    if name == "mul":
        other = other_operand(position, k, case)
        return other.ndim > 0 and other.size < int(np.prod(case.reverse.shape(case.forward.result(position))))
    return bool(name == "dot_general")


def _has_local(position: int, k: int, case: GateCase) -> bool:
    """Whether it hands back a number for each element of its result: arrays of several shapes are broadcast."""
    name = case.forward.steps.steps[position].equation.primitive.name
    return (position, k) in case.known.local or name in ("mul", "div", "add", "sub")


def unknowns_of(site: Site, case: GateCase) -> int:
    """How many numbers are unknown there."""
    sizes = [
        other_operand(position, site.operand, case).size
        if site.what is What.OPERAND
        else int(np.prod(case.reverse.shape(result)))
        for position, result in zip(site.positions or (0,), site.results)
    ]
    return sizes[0] if site.is_shared else sum(sizes)
