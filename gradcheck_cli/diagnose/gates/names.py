"""What the user calls a value of the forward: an argument, a variable, or the expression that gives it."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

import numpy as np

from gradcheck_cli.diagnose.edges import Edge
from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.source import Use, use_of
from gradcheck_cli.graph.building import IN_PASSING
from gradcheck_cli.graph.expressions import expression_at
from gradcheck_cli.judge.words import axis_names

LONGEST = 40
"""Characters of an expression that stands for a name."""


class Names:
    """The user's words for one forward.

    Args:
        leaves: the names of its inputs.
        lines: of each of the user's files.
        sizes: of the case's dimensions.
    """

    def __init__(
        self, forward: Forward, leaves: Sequence[str], lines: Mapping[str, Sequence[str]], sizes: Mapping[str, int]
    ) -> None:
        self._forward = forward
        self._leaves = leaves
        self._sizes = sizes
        self._inputs = dict(zip(forward.steps.inputs, leaves))
        self._lines = lines
        self._last = {
            (place, self._left(position)): position for position, places in forward.places.items() for place in places
        }
        self._assigned: dict[str, dict[tuple[int, ...], str]] = {
            path: _assigned("\n".join(text)) for path, text in lines.items()
        }

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

    def axes(self, shape: Sequence[int]) -> tuple[str, ...]:
        """A name for each axis of a value; "" where it has none."""
        return axis_names(shape, (), (), self._sizes)

    def is_plain(self, number: int | None) -> bool:
        """Whether a value has a name of its own."""
        return number is None or bool(re.fullmatch(r"[\w.\[\] +-]+", self.value(number)))

    def is_part(self, position: int) -> bool:
        """Whether the expression of a step has other steps, as `np.clip` takes a maximum and a minimum."""
        places = self._forward.places
        inner = places[position][:1]
        return any(
            other != position and places[other][:1] == inner and other in self._forward.alive for other in places
        )

    def operand(self, position: int, k: int) -> str:
        """What the user calls a step's operand; "" where that is not known."""
        if k >= len(self._forward.steps.steps[position].operands):
            return ""
        operand, text = self._forward.steps.steps[position].operands[k], self.written(position, k)
        if operand.value is None and np.size(operand.constant) == 1 and text in ("", self.written(position, 1 - k)):
            return f"{np.asarray(operand.constant).reshape(()):.6g}"
        return text or self.made(position, k)

    def made(self, position: int, k: int) -> str:
        """What gives a step's operand; "" where that is not known."""
        value = self._forward.operand(position, k)
        return "" if value is None else self.value(value)

    def input(self, position: int, number: int) -> str:
        """What the user calls a value that a gate works on: not what else the same expression makes on the way."""
        forward = self._forward
        place = forward.steps.steps[position].place
        maker = forward.maker.get(number)
        while maker is not None and place is not None and forward.steps.steps[maker].place == place:
            alive = forward.alive.get(maker, ())
            before = forward.operand(maker, alive[0]) if len(alive) == 1 else None
            if before is None:
                return ""
            number, maker = before, forward.maker.get(before)
        return self.value(number)

    def written(self, position: int, k: int) -> str:
        """The text of a step's operand in its expression; "" where that is not known."""
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
        if (
            (step.equation.primitive.name in IN_PASSING or step.place is None)
            and step.operands
            and step.operands[0].value is not None
        ):
            return self.value(step.operands[0].value)
        return self.result(position)

    def _left(self, position: int) -> int:
        """How many turns of a step's loop follow: each turn assigns anew."""
        turn, count = self._forward.turn(position)
        return count - turn

    def result(self, position: int) -> str:
        """The same for what a step gives: the variable, also of what a helper returns; else the expression."""
        for place in self._forward.places[position]:
            name = self._assigned.get(place.path, {}).get(place.columns or (), "")
            if name and position == self._last[place, self._left(position)]:
                return name
        return self.expression(position)

    def maker(self, number: int) -> int | None:
        """The step that gives a value; None for an input."""
        return self._forward.maker.get(number)

    def expression(self, position: int) -> str:
        """The text of a step's expression; "" where that is not known, or long."""
        expression = expression_at(self._forward.steps.steps[position].place, self._lines)
        return expression if len(expression) <= LONGEST else ""


def _assigned(text: str) -> dict[tuple[int, ...], str]:
    """By the place of a right-hand side, as `Place.columns`, the variable that it is assigned to."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return {}
    found: dict[tuple[int, ...], str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
            if isinstance(target, (ast.Name, ast.Attribute, ast.Subscript)):
                place = (value.lineno, value.col_offset, value.end_lineno or 0, value.end_col_offset or 0)
                found[place] = ast.unparse(target)
    return found
