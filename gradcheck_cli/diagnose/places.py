"""Where in the user's source an edge is, call by call; edges of one place are one to the user."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from gradcheck_cli.diagnose.edges import Edge, step_of
from gradcheck_cli.diagnose.source import consumer
from gradcheck_cli.graph.steps import Step, Steps
from gradcheck_cli.tracing.calls import Place
from gradcheck_cli.tracing.trace import Trace

Chain = tuple[Place, ...]
"""The innermost place first, then the call that it is in, and so on."""


class Places:
    """The places of all steps of a forward.

    Args:
        steps: of this trace.
    """

    def __init__(self, steps: Steps, trace: Trace) -> None:
        self._steps = steps
        self._whose = _Whose(trace)
        self._chains = [_chain(step, trace.files, is_users=self._whose.is_users(step)) for step in steps.steps]
        self.maker: Mapping[int, int] = {
            result: position for position, step in enumerate(steps.steps) for result in step.results
        }

    def chain(self, edge: Edge) -> Chain:
        """Of the step that uses the value; () where no line is known, and for an output."""
        return self._chains[edge.position] if edge.position < len(self._chains) else ()

    def told(self, edge: Edge, others: Iterable[Edge]) -> Place | None:
        """The place by which an edge is told; None where no line is known.

        A function that is only handed the value says nothing of it: then it is the call. Where the value is made in the
        function, or one of the `others` uses it in it, the line inside tells more.
        """
        chain, depth = self.chain(edge), 0
        inside = [self.chain_made(edge.value), *map(self.chain, others)]
        while depth + 1 < len(chain):
            call = chain[depth + 1 :]
            if any(other[-len(call) :] == call and len(other) > len(call) for other in inside):
                break
            depth += 1
        return chain[depth] if chain else None

    def chain_made(self, value: int) -> Chain:
        """Of the step that makes a value; () for an input."""
        return self._chains[self.maker[value]] if value in self.maker else ()

    def use(self, edge: Edge) -> Hashable:
        """The same for the edges that one line makes over the turns of a loop, and in another case."""
        if step_of(edge, self._steps) is None:
            return "output", edge.position - len(self._chains)
        # both operands of `q @ k.T` are read by steps of one kind
        return *self._step(edge.position), edge.operand, consumer(edge, self._steps)[1]

    def made(self, value: int) -> Hashable:
        """The same for the values that one line makes over the turns of a loop; an input stands for itself."""
        position = self.maker.get(value)
        if position is None:
            return value
        return *self._step(position), self._steps.steps[position].results.index(value)

    def _step(self, position: int) -> tuple[Hashable, ...]:
        step, chain = self._steps.steps[position], self._chains[position]
        if not chain:
            return position, "", 0
        return chain, step.equation.primitive.name, self._whose.number(step)


class _Whose:
    """Which steps stand in the user's text, and which in a function that JAX has jitted."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._known: dict[int, dict[int, int]] = {}

    def is_users(self, step: Step) -> bool:
        """Whether the step's own lines are the user's; JAX's have those of the first call, wherever that was."""
        if step.jaxpr is self._trace.jaxpr.jaxpr:
            return True
        where = str(getattr(step.jaxpr.debug_info, "func_src_info", ""))
        return any(path in where for path in self._trace.files)

    def number(self, step: Step) -> int:
        """Which equation of a function of JAX's a step is: one line of the user's stands for all; 0 for the user's."""
        if self.is_users(step):
            return 0
        known = self._known.setdefault(
            id(step.jaxpr), {id(equation): number for number, equation in enumerate(step.jaxpr.eqns)}
        )
        return known.get(id(step.equation), 0)


def _chain(step: Step, files: frozenset[str], *, is_users: bool) -> Chain:
    if step.place is None:
        return ()
    chain = tuple(_frames(step.equation, files)) if is_users else ()
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
