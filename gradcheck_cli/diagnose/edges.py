"""The edges of a forward along which its gradient flows, and the sets of them that a backward may get wrong together.

An edge is one use of a value by a step. Edges of a chain that nothing enters and nothing leaves carry the same flow:
they are one class, and one of them stands for it. What a user calls one path may be several edges: `h * h` uses `h`
twice, and a loop that Python unrolls writes one line's edge once for each turn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from gradcheck_cli.graph.steps import Step, Steps
from gradcheck_cli.tracing.calls import Place


@dataclass(frozen=True)
class Edge:
    """Operand number `operand` of the step at `position`, which is the value `value`."""

    position: int
    operand: int
    value: int


@dataclass(frozen=True)
class Candidate:
    """Edges whose contribution a backward may get wrong as one.

    Attributes:
        classes: what is scaled, by number of the class.
        edges: any one of them names the path, where there is one class; else all belong to it.
        is_loop: the turns of a loop. One edge may then lie behind another, so that the gradient is no linear function
            of their factor, and only their absence is looked at.
    """

    classes: tuple[int, ...]
    edges: tuple[Edge, ...]
    is_loop: bool = False


@dataclass(frozen=True)
class Edges:
    """All edges of a forward.

    Attributes:
        class_of: by edge; classes are numbered from 0.
        uses: by value, the edges that use it.
        outputs: values that are outputs of the forward, which is a use too.
    """

    class_of: Mapping[Edge, int]
    uses: Mapping[int, tuple[Edge, ...]]
    outputs: frozenset[int]

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return 1 + max(self.class_of.values(), default=-1)


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
    uses: dict[int, list[Edge]] = defaultdict(list)
    into: dict[int, list[Edge]] = defaultdict(list)
    for edge in found:
        uses[edge.value].append(edge)
        into[edge.position].append(edge)
    outputs = frozenset(operand.value for operand in steps.outputs if operand.value is not None)
    class_of: dict[Edge, int] = {}
    count = 0
    for edge in reversed(found):
        results = steps.steps[edge.position].results
        after = uses.get(results[0], []) if len(results) == 1 and results[0] not in outputs else []
        if len(into[edge.position]) == 1 and len(after) == 1:
            class_of[edge] = class_of[after[0]]
        else:
            class_of[edge] = count
            count += 1
    return Edges(class_of, {value: tuple(edges) for value, edges in uses.items()}, outputs)


def candidates_of(steps: Steps, edges: Edges) -> list[Candidate]:
    """Each class, each value's uses in one place, and each place's edges over the turns of a loop."""
    members: dict[int, list[Edge]] = defaultdict(list)
    together: dict[tuple[int, Place | int], list[Edge]] = defaultdict(list)
    turns: dict[tuple[Place | None, str, int], list[Edge]] = defaultdict(list)
    for edge, number in sorted(edges.class_of.items(), key=lambda item: (item[0].position, item[0].operand)):
        step = steps.steps[edge.position]
        members[number].append(edge)
        together[edge.value, _one_place(step, edge)].append(edge)
        turns[step.place, step.equation.primitive.name, edge.operand].append(edge)
    found = [Candidate((number,), tuple(group)) for number, group in members.items() if not _are_halves(group, edges)]
    for group in together.values():
        classes = tuple(dict.fromkeys(edges.class_of[edge] for edge in group))
        if len(classes) > 1:
            found.append(Candidate(classes, tuple(group)))
    for (place, _, _), group in turns.items():
        classes = tuple(dict.fromkeys(edges.class_of[edge] for edge in group))
        if place is not None and len(classes) > 1 and len({edge.value for edge in group}) > 1:
            found.append(Candidate(classes, tuple(group), is_loop=True))
    return found


def _one_place(step: Step, edge: Edge) -> Place | int:
    """What is one use for the user; steps of which no line is known stand for themselves."""
    return step.place or edge.position


def _are_halves(chain: Sequence[Edge], edges: Edges) -> bool:
    """Whether a step uses the value twice, as `h * h` does: nobody drops one of the two."""
    return any(other.position == edge.position and other != edge for edge in chain for other in edges.uses[edge.value])


def _is_floating(variable: Any) -> bool:
    return bool(jnp.issubdtype(getattr(variable.aval, "dtype", bool), jnp.inexact))
