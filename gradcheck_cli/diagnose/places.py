"""Where in the user's source an edge is, call by call; edges of one place are one to the user."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from gradcheck_cli.diagnose.edges import Edge, step_of
from gradcheck_cli.graph.steps import Step, Steps
from gradcheck_cli.tracing.calls import Place

Chain = tuple[Place, ...]
"""The innermost place first, then the call that it is in, and so on."""


class Places:
    """The places of all steps of a forward.

    Args:
        files: of the user's.
    """

    def __init__(self, steps: Steps, files: frozenset[str]) -> None:
        self._steps = steps
        self._chains = [_chain(step, files) for step in steps.steps]
        maker = {result: position for position, step in enumerate(steps.steps) for result in step.results}
        self.maker: Mapping[int, int] = maker
        within: dict[Place, set[Chain]] = {}
        for chain in self._chains:
            if chain:
                within.setdefault(chain[0], set()).add(chain)
        self._shared = {place for place, chains in within.items() if len(chains) > 1}

    def chain(self, edge: Edge) -> Chain:
        """Of the step that uses the value; () where no line is known, and for an output."""
        return self._chains[edge.position] if edge.position < len(self._chains) else ()

    def use(self, edge: Edge) -> object:
        """The same for the edges that one line makes over the turns of a loop, and in another case."""
        step = step_of(edge, self._steps)
        if step is None:
            return "output", edge.position - len(self._chains)
        return self._chains[edge.position] or edge.position, step.equation.primitive.name, edge.operand

    def made(self, value: int) -> object:
        """The same for the values that one line makes over the turns of a loop; an input stands for itself."""
        position = self.maker.get(value)
        if position is None:
            return value
        step = self._steps.steps[position]
        return self._chains[position] or position, step.equation.primitive.name, step.results.index(value)

    def told(self, position: int) -> Place | None:
        """The place by which a step is told: of a function that is called at several places, the call."""
        chain = self._chains[position]
        for place in chain:
            if place not in self._shared:
                return place
        return chain[0] if chain else None


def _chain(step: Step, files: frozenset[str]) -> Chain:
    if step.place is None:
        return ()
    chain = tuple(_frames(step.equation, files))
    # inside what JAX has jitted the lines are those of its first call: the step's own place is that of this one
    return chain if chain[:1] == (step.place,) else (step.place,)


def _frames(equation: Any, files: frozenset[str]) -> list[Place]:
    traceback = equation.source_info.traceback
    if traceback is None:
        return []
    found = []
    for code, offset in zip(*traceback.raw_frames()):
        if code.co_filename in files:
            line, last, column, end = next(itertools.islice(code.co_positions(), offset // 2, None))
            columns = None if None in (line, last, column, end) else (line, column, last, end)
            found.append(Place(code.co_filename, line or code.co_firstlineno, columns))
    return found
