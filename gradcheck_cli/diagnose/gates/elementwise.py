"""The gates of a forward: one step, or the steps of an expression, that work element by element."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.functions import Function, recognised
from gradcheck_cli.diagnose.gates.reverse import Array, At, Known

LONGEST = 14
"""Steps of one gate: the longest that people differentiate as one, GELU's tanh form, has ten."""


@dataclass(frozen=True)
class Gate:
    """Steps from `target` to `result`, which work element by element.

    Attributes:
        ends: the operands of the last step along which the gradient leaves it.
        derivative: of the result by the target, element by element.
        steps: how many there are.
    """

    ends: tuple[At, ...]
    target: int
    result: int
    derivative: Array
    steps: int

    @property
    def position(self) -> int:
        """Of the last step."""
        return self.ends[0][0]


@dataclass(frozen=True)
class Family:
    """One gate of the user's: in a loop, its turns.

    Attributes:
        key: the same in another case.
        function: what it computes, where that is known.
        other: of a gate that is one step with two operands, the number of the other one.
        is_of_two: it multiplies, divides or takes a power, so that slips are told in terms of both operands.
    """

    key: Hashable
    gates: tuple[Gate, ...]
    function: Function | None = None
    other: int | None = None

    is_of_two: bool = False

    @property
    def sides(self) -> tuple[float, float] | None:
        """Of a derivative that has two values only, those; at a tie it may be their mean."""
        found = np.unique(self.derivative)
        is_tie = len(found) == 3 and found[1] == (found[0] + found[2]) / 2
        return (float(found[0]), float(found[-1])) if len(found) == 2 or is_tie else None

    @property
    def derivative(self) -> Array:
        """Of all turns in one row."""
        return np.concatenate([gate.derivative.reshape(-1) for gate in self.gates])


def families_of(forward: Forward, known: Known) -> Iterator[Family]:
    """All gates that a gradient passes, those of one step before those of several."""
    grouped: dict[Hashable, list[Gate]] = defaultdict(list)
    others: dict[Hashable, int | None] = {}
    for position in forward.alive:
        for key, gate, other in _ending_at(position, forward, known):
            grouped[key].append(gate)
            others[key] = other
    grouped.update({**_in_one_place(grouped, others, forward), **_of_one_function(grouped, others, forward)})
    for key, gates in grouped.items():
        if all(not known.arriving[gate.result].any() for gate in gates):
            continue
        if not all(np.isfinite(gate.derivative).all() for gate in gates):
            continue
        if not any(gate.derivative.any() for gate in gates):  # a step of constant pieces: rounding
            continue
        values = known.values
        function = recognised([values[gate.target] for gate in gates], [values[gate.result] for gate in gates])
        primitive = forward.steps.steps[gates[0].position].equation.primitive.name
        other = others[key]
        operands = forward.steps.steps[gates[0].position].operands
        is_literal = other is not None and operands[other].value is None
        is_power = primitive == "pow" and function is None
        is_of_two = other is not None and (is_power if is_literal else primitive in ("mul", "div", "pow"))
        yield Family(key, tuple(gates), function, other, is_of_two)


def _in_one_place(
    grouped: Mapping[Hashable, list[Gate]], others: dict[Hashable, int | None], forward: Forward
) -> dict[Hashable, list[Gate]]:
    """Gates of one line of a function that is called at several places: one line of a backward may be wrong for all."""
    places: dict[Hashable, list[Hashable]] = defaultdict(list)
    for key, gates in grouped.items():
        step, gate = forward.steps.steps[gates[0].position], gates[0]
        if step.place is not None:
            name = step.equation.primitive.name
            places[step.place, name, others[key], gate.ends[0][1], len(gate.ends), gate.steps].append(key)
    found = {}
    for place, keys in places.items():
        if len(keys) > 1:
            gates = [gate for key in keys for gate in grouped[key]]
            found[place] = sorted(gates, key=lambda gate: gate.position)
            others[place] = others[keys[0]]
    return found


def _of_one_function(
    grouped: Mapping[Hashable, list[Gate]], others: dict[Hashable, int | None], forward: Forward
) -> dict[Hashable, list[Gate]]:
    """Gates of one function on several lines: a loop of a backward may go back through all of them by one line."""
    lines: dict[str, list[Hashable]] = defaultdict(list)
    for key, gates in grouped.items():
        step = forward.steps.steps[gates[0].position]
        if len(step.operands) == 1 and gates[0].steps == 1:
            lines[step.equation.primitive.name].append(key)
    found: dict[Hashable, list[Gate]] = {}
    for name, keys in lines.items():
        if len(keys) > 1:
            found["lines", name] = sorted((gate for key in keys for gate in grouped[key]), key=lambda one: one.position)
            others["lines", name] = None
    return found


def _ending_at(position: int, forward: Forward, known: Known) -> Iterator[tuple[Hashable, Gate, int | None]]:
    result, alive = forward.result(position), forward.alive[position]
    unit = forward.unit[position]
    if result not in known.arriving:
        return
    for k in alive:
        target = forward.operand(position, k)
        if (position, k) in known.local and target is not None:
            other = 1 - k if len(forward.steps.steps[position].operands) == 2 else None
            gate = Gate(((position, k),), target, result, known.local[position, k], 1)
            yield (unit, k), gate, other
    for target, inside in regions(position, forward, known):
        if len(inside) == 1 and len(alive) == 1:
            continue
        ends = tuple((position, k) for k in alive)
        gate = Gate(ends, target, result, along(target, inside, forward, known), len(inside))
        yield (unit, len(inside), forward.unit[inside[-1]]), gate, None


def regions(position: int, forward: Forward, known: Known) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Values that all of a step's gradient goes back to, by way of gates alone, and the steps between."""
    inside = [position]
    frontier = _sources(position, forward, known)
    while frontier and len(inside) <= LONGEST:
        if len(frontier) == 1:
            yield next(iter(frontier)), tuple(inside)
        latest = max(frontier)
        maker = forward.maker.get(latest)
        if maker is None or maker not in forward.alive or len(forward.steps.steps[maker].results) != 1:
            return
        before = _sources(maker, forward, known)
        if before is None:
            return
        inside.append(maker)
        frontier = (frontier - {latest}) | before


def _sources(position: int, forward: Forward, known: Known) -> frozenset[int] | None:
    """What a step works on element by element; None where it is no gate by one of those."""
    found = set()
    for k in forward.alive[position]:
        value = forward.operand(position, k)
        if (position, k) not in known.local or value is None:
            return None
        found.add(value)
    return frozenset(found)


def along(target: int, inside: Sequence[int], forward: Forward, known: Known) -> Array:
    """The derivative of the first step's result by the value that all of it goes back to."""
    back: dict[int, Array] = {forward.result(inside[0]): np.ones_like(known.values[forward.result(inside[0])])}
    for position in sorted(inside, reverse=True):
        above = back[forward.result(position)]
        for k in forward.alive[position]:
            value = forward.operand(position, k)
            if value is not None:
                back[value] = back.get(value, 0.0) + above * known.local[position, k]
    return back[target]
