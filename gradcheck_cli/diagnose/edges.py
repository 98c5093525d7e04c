"""The edges of a forward along which its gradient flows.

An edge is one use of a value: by a step, or as an output, where the upstream gradient comes in. Edges of a chain that
nothing enters and nothing leaves carry the same flow: they are one class, and one of them stands for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from gradcheck_cli.graph.steps import Step, Steps


@dataclass(frozen=True)
class Edge:
    """Operand number `operand` of the step at `position`, which is the value `value`.

    Outputs stand behind the last step: the edge at position `len(steps)` is the first output.
    """

    position: int
    operand: int
    value: int


@dataclass(frozen=True)
class Edges:
    """All edges of a forward.

    Attributes:
        class_of: by edge; classes are numbered from 0.
        uses: by value, the edges that use it.
        behind: by class, which classes its gradient comes through before, as the bits of a number.
    """

    class_of: Mapping[Edge, int]
    uses: Mapping[int, tuple[Edge, ...]]
    behind: Mapping[int, int]

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return 1 + max(self.class_of.values(), default=-1)

    @property
    def values(self) -> tuple[int, ...]:
        """The values that a gradient flows back to."""
        return tuple(sorted(self.uses))

    def are_parallel(self, classes: Iterable[int]) -> bool:
        """Whether no path runs through two of the classes: then the gradient is a linear function of their factors."""
        bits = _bits(classes)
        return not any(self.behind[number] & bits for number in classes)

    def are_apart(self, ones: Collection[int], others: Collection[int]) -> bool:
        """Whether no path runs through a class of the ones and one of the others, and none is both."""
        mine, theirs = _bits(ones), _bits(others)
        return not (
            mine & theirs
            or any(self.behind[number] & theirs for number in ones)
            or any(self.behind[number] & mine for number in others)
        )


def _bits(classes: Iterable[int]) -> int:
    return sum(1 << number for number in set(classes))


def edges_of(steps: Steps) -> Edges:
    """The edges along which a gradient can flow: those of floating values that depend on the inputs."""
    alive = set(steps.inputs)
    found: list[Edge] = []
    for position, step in enumerate(steps.steps):
        operands = [
            Edge(position, k, operand.value)
            for k, operand in enumerate(step.operands)
            if operand.value in alive and _is_floating(step.equation.invars[k]) and operand.value is not None
        ]
        found += operands
        if operands:
            pairs = zip(step.results, step.equation.outvars)
            alive.update(number for number, variable in pairs if _is_floating(variable))
    end = len(steps.steps)
    for position, operand in enumerate(steps.outputs, end):
        if operand.value is not None and operand.value in alive:
            found.append(Edge(position, 0, operand.value))
    uses: dict[int, list[Edge]] = defaultdict(list)
    into: dict[int, list[Edge]] = defaultdict(list)
    for edge in found:
        uses[edge.value].append(edge)
        into[edge.position].append(edge)
    class_of: dict[Edge, int] = {}
    behind: dict[int, int] = {}
    above: dict[int, int] = defaultdict(int)
    for edge in reversed(found):
        user = step_of(edge, steps)
        results = user.results if user is not None else ()
        after = uses.get(results[0], []) if len(results) == 1 else []
        if len(into[edge.position]) == 1 and len(after) == 1:
            number = class_of[after[0]]
        else:
            number = len(behind)
            behind[number] = 0
            for result in results:
                behind[number] |= above[result]
        class_of[edge] = number
        above[edge.value] |= behind[number] | 1 << number
    return Edges(class_of, {value: tuple(edges) for value, edges in uses.items()}, behind)


def step_of(edge: Edge, steps: Steps) -> Step | None:
    """The step that uses the value; None for an output."""
    return steps.steps[edge.position] if edge.position < len(steps.steps) else None


def into_steps(edges: Edges, steps: Steps) -> list[Edge]:
    """The edges that are uses by a step, in the order of the forward."""
    used = (edge for edge in edges.class_of if step_of(edge, steps) is not None)
    return sorted(used, key=lambda edge: (edge.position, edge.operand))


def _is_floating(variable: Any) -> bool:
    return bool(jnp.issubdtype(getattr(variable.aval, "dtype", bool), jnp.inexact))
