"""An edge in the user's words: the expression that uses a value, its line, and what it uses there."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gradcheck_cli.diagnose.edges import Edge
from gradcheck_cli.graph.building import IN_PASSING
from gradcheck_cli.graph.expressions import expression_at
from gradcheck_cli.graph.steps import Step, Steps
from gradcheck_cli.report.model import Blame
from gradcheck_cli.tracing.calls import Place

READING = IN_PASSING | {"gather", "rev", "slice", "transpose"}
"""What is done to a value before it is worked on: it is spread, and a view of NumPy's is read where it is used."""


@dataclass(frozen=True)
class Use:
    """A place in the user's source where a value is used; see `report.model.Blame`."""

    path: str
    line: int
    end_line: int
    expression: str
    operand: str
    source: str

    def blame(self, *, factor: float | None, explains: float, is_part: bool = False) -> Blame:
        """What a finding says of it; see `Blame`."""
        return Blame(
            path=self.path,
            line=self.line,
            end_line=self.end_line,
            expression=self.expression,
            operand=self.operand,
            factor=factor,
            explains=explains,
            source=self.source,
            is_part=is_part,
        )


def use_of(
    edge: Edge,
    steps: Steps,
    names: Sequence[str],
    lines: Mapping[str, Sequence[str]],
    place: Place | None = None,
) -> Use | None:
    """Where and how an edge's value is used; None where no line of the user's is known.

    Args:
        names: of the inputs.
        lines: of each of the user's files.
        place: by which the step is told, where that is not its own: the call that it is in.
    """
    own = steps.steps[edge.position].place
    use = use_at(place or own, lines)
    if use is None:
        return None
    name = dict(zip(steps.inputs, names)).get(edge.value, "")
    step, k = consumer(edge, steps)
    is_own = place is None or place == own
    return replace(use, operand=_operand(use.expression, len(step.operands) if is_own else 0, k, name))


def use_at(place: Place | None, lines: Mapping[str, Sequence[str]]) -> Use | None:
    """The expression in a place; None where that is not in the user's files."""
    if place is None or place.path not in lines:
        return None
    first, last = (place.line, place.line) if place.columns is None else (place.columns[0], place.columns[2])
    source = "\n".join(lines[place.path][first - 1 : last])
    return Use(place.path, first, last, expression_at(place, lines) or source.strip(), "", source)


def consumer(edge: Edge, steps: Steps) -> tuple[Step, int]:
    """The step that works on the value, and as which operand: `x - mu` spreads `mu` over rows before it subtracts."""
    step, k = steps.steps[edge.position], edge.operand
    for later in steps.steps[edge.position + 1 :]:
        if step.equation.primitive.name not in READING:
            break
        used = next((at for at, operand in enumerate(later.operands) if operand.value == step.results[0]), None)
        if used is not None:
            if later.place != step.place:
                break
            step, k = later, used
    return step, k


def _operand(expression: str, count: int, k: int, name: str) -> str:
    """The part of the expression that is operand `k` of a step of so many; `name` is the value's own, if it has one."""
    try:
        (statement,) = ast.parse(expression).body
    except (SyntaxError, ValueError):
        return ""
    parts = _parts(statement.value if isinstance(statement, ast.Expr) else statement)
    texts = [ast.unparse(part) for part in parts]
    if name and name in texts:
        return name
    if len(texts) == 1:
        return texts[0]
    if len(texts) == count and k < len(texts):
        return texts[k]
    return ""


def _parts(node: ast.AST) -> list[ast.expr]:
    """What an operator or a call works on, without numbers and other settings."""
    match node:
        case ast.BinOp(left=left, right=right):
            found = [left, right]
        case ast.AugAssign(target=target, value=value):
            found = [target, value]
        case ast.UnaryOp(operand=operand):
            found = [operand]
        case ast.Subscript(value=value):
            found = [value]
        case ast.Call(func=ast.Attribute(attr="einsum")):
            found = []  # which operand comes first is JAX's choice
        case ast.Call(func=ast.Attribute(value=value), args=args) if not _is_module(value):
            found = [value, *args]
        case ast.Call(args=args):
            found = list(args)
        case _:
            found = []
    return [part for part in found if not isinstance(part, ast.Constant)]


def _is_module(node: ast.expr) -> bool:
    """`np` and `jnp`, `jax.nn`: what a function is taken from, not what a method is called on."""
    root = node
    while isinstance(root, ast.Attribute):
        root = root.value
    return isinstance(root, ast.Name) and root.id in ("np", "numpy", "jnp", "jax", "lax", "scipy", "math")
