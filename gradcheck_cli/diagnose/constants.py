"""Factors that are a number of the forward's own: a path that lacks `/ np.sqrt(self.d)`, or takes it twice."""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.diagnose.edges import Edge
from gradcheck_cli.diagnose.explaining import Case
from gradcheck_cli.diagnose.search import Part
from gradcheck_cli.diagnose.sizes import is_close
from gradcheck_cli.diagnose.source import use_at
from gradcheck_cli.graph.steps import Step

_OPERATORS: dict[str, tuple[type[ast.operator], str]] = {"mul": (ast.Mult, "*"), "div": (ast.Div, "/")}


@dataclass(frozen=True)
class Constant:
    """A number by which a step multiplies or divides.

    Attributes:
        key: the same in another case, where the number may be another.
        factor: what the step's derivative is.
        position, operand: of the step, and of the number in it.
    """

    key: Hashable
    factor: float
    position: int
    operand: int


@dataclass(frozen=True)
class Taken:
    """A number that a path should take once, and how often it does: 0, 2, or -1 where it is divided by and not into."""

    constant: Constant
    times: int


def taken_of(part: Part, case: Case, other: Part, another: Case) -> Taken | None:
    """The number of the forward that a path leaves out, or takes twice, in both cases; None where it is none.

    Args:
        other: the same part in `another` case.
    """
    again = {one.key: one for one in _ahead(other.candidate.edges[0], another)}
    for one in _ahead(part.candidate.edges[0], case):
        same = again.get(one.key)
        if same is None:
            continue
        for times in _SAID:
            if _is_taken(part, one, times) and _is_taken(other, same, times):
                return Taken(one, times)
    return None


def _is_taken(part: Part, one: Constant, times: int) -> bool:
    return is_close(1 + part.factor, one.factor ** (times - 1))


def _ahead(edge: Edge, case: Case) -> Iterator[Constant]:
    """The numbers that what goes along an edge is multiplied or divided by, further on in the forward."""
    reached: set[int] = set()
    for position, step in enumerate(case.steps.steps[edge.position :], edge.position):
        used = next((k for k, operand in enumerate(step.operands) if operand.value in reached), None)
        used = edge.operand if position == edge.position else used
        if used is None:
            continue
        reached |= set(step.results)
        number = _number(step, used, case.steps.constants)
        if number is not None:
            along = Edge(position, used, step.operands[used].value or 0)
            yield Constant(case.places.use(along), number, position, 1 - used)


def _number(step: Step, used: int, constants: Mapping[int, object]) -> float | None:
    primitive = step.equation.primitive.name
    if primitive not in _OPERATORS or (primitive == "div" and used != 0):
        return None
    other = step.operands[1 - used]
    array = other.constant if other.value is None else constants.get(other.value)
    values = np.unique(np.asarray(array)) if array is not None else np.zeros(0)
    if values.size != 1 or values.dtype.kind not in "fiu" or not np.isfinite(values[0]) or not values[0]:
        return None
    return float(values[0]) if primitive == "mul" else float(1 / values[0])


def told(taken: Taken, case: Case, lines: Mapping[str, Sequence[str]]) -> str:
    """In words, `/ np.sqrt(self.d)` is left out of it; "" where the user's text of it is not known."""
    text = _written(taken.constant, case, lines)
    return text and f"{text} {_SAID[taken.times]}"


_SAID = {0: "is left out of it", 2: "is in it twice", -1: "is turned round in it"}


def _written(constant: Constant, case: Case, lines: Mapping[str, Sequence[str]]) -> str:
    step = case.steps.steps[constant.position]
    use = use_at(step.place, lines)
    if use is None:
        return ""
    kind, sign = _OPERATORS[step.equation.primitive.name]
    try:
        (statement,) = ast.parse(use.expression).body
    except (SyntaxError, ValueError):
        return ""
    match statement:
        case ast.Expr(value=ast.BinOp(left=left, op=operator, right=right)) if isinstance(operator, kind):
            number = right if constant.operand else left
        case ast.AugAssign(op=operator, value=number) if isinstance(operator, kind) and constant.operand:
            pass
        case _:
            return ""
    return f"`{sign} {ast.get_source_segment(use.expression, number)}` (line {use.line})"
