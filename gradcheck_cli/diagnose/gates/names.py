"""What the user calls a value of the forward: an argument, a variable, or the expression that gives it."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from gradcheck_cli.diagnose.edges import Edge
from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.source import Use, use_of
from gradcheck_cli.graph.building import IN_PASSING
from gradcheck_cli.graph.expressions import expression_at
from gradcheck_cli.tracing.calls import Place

LONGEST = 40
"""Characters of an expression that stands for a name."""


class Names:
    """The user's words for one forward.

    Args:
        leaves: the names of its inputs.
        lines: of each of the user's files.
    """

    def __init__(self, forward: Forward, leaves: Sequence[str], lines: Mapping[str, Sequence[str]]) -> None:
        self._forward = forward
        self._leaves = leaves
        self._inputs = dict(zip(forward.steps.inputs, leaves))
        self._lines = lines
        self._assigned = {path: _assigned("\n".join(text)) for path, text in lines.items()}

    def use(self, position: int, k: int) -> Use | None:
        """Where a step uses its operand `k`; None where no line of the user's is known."""
        value = self._forward.operand(position, k)
        return use_of(Edge(position, k, -1 if value is None else value), self._forward.steps, self._leaves, self._lines)

    def use_before(self, position: int, k: int) -> Use | None:
        """The same for the nearest step before, where a view of NumPy's has no line of its own."""
        value = self._forward.operand(position, k)
        while value is not None and (maker := self._forward.maker.get(value)) is not None:
            use = self.use(maker, 0)
            if use is not None:
                return use
            value = self._forward.operand(maker, 0)
        return None

    def primitive(self, position: int) -> str:
        """The name of what a step does."""
        return str(self._forward.steps.steps[position].equation.primitive.name)

    def operand(self, position: int, k: int) -> str:
        """What the user calls a step's operand; "" where that is not known."""
        if k >= len(self._forward.steps.steps[position].operands):
            return ""
        value = self._forward.operand(position, k)
        known = "" if value is None else self.value(value)
        if known:
            return known
        use = self.use(position, k)
        # `einsum` takes its operands in an order of its own
        is_told = use is not None and use.operand != use.expression and "einsum" not in use.expression
        return use.operand if use is not None and is_told else ""

    def value(self, number: int) -> str:
        """What the user calls a value; "" where that is not known."""
        if number in self._inputs:
            return self._inputs[number]
        position = self._forward.maker.get(number)
        if position is None:
            return ""
        step = self._forward.steps.steps[position]
        if step.equation.primitive.name in IN_PASSING and step.operands[0].value is not None:
            return self.value(step.operands[0].value)
        return self._made(step.place)

    def result(self, position: int) -> str:
        """The same for what a step gives."""
        return self._made(self._forward.steps.steps[position].place)

    def _made(self, place: Place | None) -> str:
        if place is None or place.columns is None:
            return ""
        name = self._assigned.get(place.path, {}).get(place.columns, "")
        if name:
            return name
        expression = expression_at(place, self._lines)
        return expression if len(expression) <= LONGEST else ""


def _assigned(text: str) -> dict[tuple[int, int, int, int], str]:
    """By the place of a right-hand side, as `Place.columns`, the variable that it is assigned to."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return {}
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
            if isinstance(target, (ast.Name, ast.Attribute)):
                place = (value.lineno, value.col_offset, value.end_lineno or 0, value.end_col_offset or 0)
                found[place] = ast.unparse(target)
    return found
