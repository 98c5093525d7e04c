"""A forward as gates see it: which steps are turns of one loop, and which leaves lie before a value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from gradcheck_cli.diagnose.edges import Edges, into_steps
from gradcheck_cli.graph.steps import Step, Steps
from gradcheck_cli.tracing.calls import Place, place_of, places_of


@dataclass(frozen=True)
class Forward:
    """The steps of one case's forward.

    Attributes:
        alive: by position, the operands along which a gradient can flow.
        maker: by value, the position of the step that gives it.
        places: by position, where in the user's files it was made, the innermost place first.
        unit: by position, the same for a step and for its like in other turns of a loop, and in other cases.
        turns: by unit, its positions in order.
        before: by value, the leaves (by position) that it depends on.
        uses: by value, where a gradient comes back to it: positions, and numbers of operands.
    """

    steps: Steps
    alive: Mapping[int, tuple[int, ...]]
    maker: Mapping[int, int]
    places: Mapping[int, tuple[Place, ...]]
    unit: Mapping[int, Hashable]
    turns: Mapping[Hashable, tuple[int, ...]]
    before: Mapping[int, frozenset[int]]
    uses: Mapping[int, tuple[tuple[int, int], ...]]

    def operand(self, position: int, k: int) -> int | None:
        """The value that a step uses there."""
        return self.steps.steps[position].operands[k].value

    def result(self, position: int) -> int:
        """The value that a step gives first."""
        return self.steps.steps[position].results[0]

    def turn(self, position: int) -> tuple[int, int]:
        """Which of how many turns a step is."""
        turns = self.turns[self.unit[position]]
        return turns.index(position), len(turns)


def forward_of(steps: Steps, edges: Edges, files: frozenset[str]) -> Forward:
    """What is known before anything is computed.

    Args:
        files: the user's.
    """
    alive: dict[int, tuple[int, ...]] = {}
    for edge in into_steps(edges, steps):
        alive[edge.position] = (*alive.get(edge.position, ()), edge.operand)
    maker = {result: position for position, step in enumerate(steps.steps) for result in step.results}
    places = {position: _places(step, files) for position, step in enumerate(steps.steps)}
    unit = {position: _unit(step, places[position], files) for position, step in enumerate(steps.steps)}
    turns: dict[Hashable, list[int]] = defaultdict(list)
    for position, key in unit.items():
        turns[key].append(position)
    uses: dict[int, tuple[tuple[int, int], ...]] = {}
    for edge in into_steps(edges, steps):
        uses[edge.value] = (*uses.get(edge.value, ()), (edge.position, edge.operand))
    together = {key: tuple(at) for key, at in turns.items()}
    return Forward(steps, alive, maker, places, unit, together, _before(steps, alive), uses)


def _places(step: Step, files: frozenset[str]) -> tuple[Place, ...]:
    """Of a step of a jitted function, which is traced once, only the place of the call is known."""
    if _is_jitted(step, files):
        return () if step.place is None else (step.place,)
    return places_of(step.equation, files)


def _is_jitted(step: Step, files: frozenset[str]) -> bool:
    return place_of(step.equation, files) != step.place or step.place is None


def _unit(step: Step, places: tuple[Place, ...], files: frozenset[str]) -> Hashable:
    """The calls that lead to the step, what it does, and which step of its program it is where that is a jitted one."""
    number = _number(step) if _is_jitted(step, files) else 0
    # two things that one expression does, as both slices of `w[k] * x[k : k + T]`, are told apart by their axes
    ranks = tuple(len(variable.aval.shape) for variable in (*step.equation.invars, *step.equation.outvars))
    return places, step.equation.primitive.name, ranks, number


def _number(step: Step) -> int:
    return next((n for n, equation in enumerate(step.jaxpr.eqns) if equation is step.equation), 0)


def _before(steps: Steps, alive: Mapping[int, Sequence[int]]) -> dict[int, frozenset[int]]:
    before = {value: frozenset({leaf}) for leaf, value in enumerate(steps.inputs)}
    for position, step in enumerate(steps.steps):
        values = [step.operands[k].value for k in alive.get(position, ())]
        leaves = frozenset[int]().union(*(before.get(value, frozenset()) for value in values if value is not None))
        if leaves:
            before.update((result, leaves) for result in step.results)
    return before
