"""From steps and their values to gates and wires: what is shown, folded as the user wrote it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.graph.expressions import expression_at
from gradcheck_cli.graph.operations import ADDER, RESHAPE, SCALER, SELECT, formula_of, operation_of
from gradcheck_cli.graph.steps import JAXS_OWN, Step, Steps
from gradcheck_cli.graph.values import Values
from gradcheck_cli.report.graph.model import Gate, Port, Wire
from gradcheck_cli.tracing.calls import Call, Place

Array = NDArray[Any]

IN_PASSING = frozenset({"broadcast_in_dim", "reshape", "squeeze", "expand_dims", "convert_element_type"})
"""What an operator does to its operands before it works on them."""

SHORT = 12
"""Characters up to which an expression stands for its value."""


@dataclass(frozen=True)
class Built:
    """The wires and the gates of one computation."""

    wires: tuple[Wire, ...]
    gates: tuple[Gate, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def build(steps: Steps, values: Values, names: Mapping[int, str], sources: Mapping[str, str]) -> Built:
    """Gates and wires.

    Args:
        names: of the inputs, by number of the value.
        sources: the text of each of the user's files, for expressions.
    """
    return _Building(steps, values, {**steps.names, **names}, sources).built()


class _Building:
    def __init__(self, steps: Steps, values: Values, names: Mapping[int, str], sources: Mapping[str, str]) -> None:
        self.steps, self.values, self.names = steps, values, names
        self.lines = {path: text.splitlines() for path, text in sources.items()}
        self.wire_of: dict[int, int] = {}
        self.wires: list[Wire] = []
        self.maker = {result: position for position, step in enumerate(steps.steps) for result in step.results}
        self.expressions = [expression_at(step.place, self.lines) for step in steps.steps]
        self.told = self._telling_expressions()

    def built(self) -> Built:
        for number in self.steps.inputs:
            self._wire(number, "input")
        gates = [self._gate(position, step) for position, step in enumerate(self.steps.steps)]
        outputs = tuple(self._wire(out.value, "inner") for out in self.steps.outputs if out.value is not None)
        tree = Tree(self.wires, [item.gate for item in gates], outputs)
        # the call that all steps are in is that of the function itself
        calls = {step.calls[:1] for step in self.steps.steps}
        nested = tree.of_calls(self._of_expressions(gates, tree), len(calls.pop()) if len(calls) == 1 else 0)
        return Built(tuple(self.wires), tuple(nested), tuple(map(self.wire_of.__getitem__, self.steps.inputs)), outputs)

    def _wire(self, number: int, kind: str) -> int:
        if number not in self.wire_of:
            self.wire_of[number] = len(self.wires)
            name, value = self.names.get(number, ""), self.values.values[number]
            made = self.maker.get(number)
            label = name or self.told.get(number, "") or (f"#{made + 1}" if made is not None else "")
            gradient = self.values.gradients.get(number)
            self.wires.append(Wire(len(self.wires), name, kind, value, gradient, label=label))
        return self.wire_of[number]

    def _gate(self, position: int, step: Step) -> _Placed:
        operation = operation_of(step)
        labels = [self._label(operand.value, operand.constant, step) for operand in step.operands]
        ports = []
        for k, operand in enumerate(step.operands):
            is_value = operand.value is not None and operand.value not in self.steps.constants
            constant = operand.constant if operand.value is None else self.steps.constants.get(operand.value)
            ports.append(
                Port(
                    self._wire(operand.value, "inner") if is_value and operand.value is not None else None,
                    constant,
                    self.values.local.get((position, k)),
                    formula_of(step, k, labels) if is_value else "",
                    self.values.downstream.get((position, k)),
                )
            )
        place = step.place
        gate = Gate(
            number=position + 1,
            operation=operation.name,
            inputs=tuple(ports),
            outputs=tuple(self._wire(result, "inner") for result in step.results),
            pattern=operation.pattern,
            path=place.path if place else "",
            line=place.line if place else None,
            expression=self.expressions[position],
        )
        return _Placed(gate, step.calls, place)

    def _telling_expressions(self) -> dict[int, str]:
        """By number, the expressions that are short and computed once: `w[0]` says more than the gate's number."""
        last: dict[int, str] = {}
        steps = self.steps.steps
        for position, expression in enumerate(self.expressions):
            is_last = position + 1 == len(steps) or steps[position + 1].place != steps[position].place
            if is_last and expression and len(expression) <= SHORT and len(steps[position].results) == 1:
                last[steps[position].results[0]] = expression
        often = Counter(last.values())
        taken = set(self.names.values())
        return {number: text for number, text in last.items() if often[text] == 1 and text not in taken}

    def _label(self, number: int | None, constant: Any, user: Step) -> str:
        made = self.maker.get(number) if number is not None else None
        if made is not None:
            maker = self.steps.steps[made]
            if maker.place == user.place and maker.equation.primitive.name in IN_PASSING:
                # `gamma * normed` multiplies by gamma, though by a copy of another shape
                return self._label(maker.operands[0].value, maker.operands[0].constant, maker)
        if number is not None and number not in self.steps.constants:
            return self.wires[self._wire(number, "inner")].label
        value = np.asarray(constant if number is None else self.steps.constants[number])
        return f"{value.item():g}" if value.size == 1 and value.dtype.kind in "fiu" else "a constant"

    def _of_expressions(self, placed: Sequence[_Placed], tree: Tree) -> list[_Placed]:
        """Steps that one expression of the user's takes, as one gate: `h.mean(axis=0)` is a sum and a division."""
        found: list[_Placed] = []
        group: list[_Placed] = []
        for item in [*placed, None]:
            if item is not None and group and _continues(group, item):
                group.append(item)
                continue
            if len(group) > 1:
                found.append(self._joined(group, tree))
            else:
                found.extend(group)
            group = [item] if item is not None else []
        return found

    def _joined(self, group: Sequence[_Placed], tree: Tree) -> _Placed:
        gates = [item.gate for item in group]
        told = [gate for gate in gates if gate.pattern not in (RESHAPE, ADDER) and gate.operation != "cast"] or gates
        main = told[0] if _is_call(gates[0].expression) else told[-1]
        name = main.operation if len(told) == 1 else _called(gates[0].expression) or main.operation
        pattern = SELECT if {gate.pattern for gate in told} == {SELECT} else main.pattern
        joined = tree.call(name, gates, pattern)
        ports = tuple(replace(port, formula=_through(gates, port)) for port in joined.inputs)
        return replace(group[0], gate=replace(joined, expression=gates[0].expression, inputs=ports))


def _through(gates: Sequence[Gate], port: Port) -> str:
    """What the local gradient by this wire is, in words, where the way through the gates is one of the usual ones."""
    told: list[str] = []
    wire = port.wire
    for gate in gates:
        mine = next((item for item in gate.inputs if item.wire == wire and item.wire is not None), None)
        if mine is None:
            continue
        scale = next((item.constant for item in gate.inputs if item.wire is None), None)
        if gate.pattern == SCALER and scale is not None and np.size(scale) == 1:
            factor = float(np.asarray(scale).reshape(-1)[0].real)
            is_division = mine.local is not None and abs(float(mine.local.reshape(-1)[0].real)) < 1 < abs(factor)
            told.append(f"1/{factor:g}" if is_division else f"{factor:g}")
        elif gate.pattern == ADDER:
            told.append("summed over its copies")
        elif gate.pattern != RESHAPE and mine.formula:
            told.append(mine.formula)
        wire = gate.outputs[0]
    if [text for text in told if text == "1 for each element"] and len(told) == 2 and told[1].startswith("1/"):
        return f"{told[1]} for each element"
    return ", ".join(sorted(told, key=lambda text: text.startswith("summed"))) if len(told) <= 2 else ""


@dataclass(frozen=True)
class _Placed:
    gate: Gate
    calls: tuple[Call, ...]
    place: Place | None


def _continues(group: Sequence[_Placed], item: _Placed) -> bool:
    first = group[0]
    return (
        item.place is not None
        and item.place == first.place
        and item.place.columns is not None
        and item.calls == first.calls
        and item.gate.operation != first.gate.operation  # the same again: the next turn of a loop
        and any(port.wire in group[-1].gate.outputs for port in item.gate.inputs)
    )


class Tree:
    """Makes several gates of a graph one.

    Args:
        gates: all of them.
        outputs: the graph's, which count as used.
    """

    def __init__(self, wires: Sequence[Wire], gates: Iterable[Gate], outputs: Iterable[int]) -> None:
        self._wires = wires
        self._uses = _uses(operation for gate in gates for operation in gate.operations())
        self._uses.update(outputs)

    def of_calls(self, placed: Sequence[_Placed], depth: int) -> list[Gate]:
        """Gates that a call made, as one gate each, to any depth."""
        found: list[Gate] = []
        position = 0
        while position < len(placed):
            item = placed[position]
            if len(item.calls) <= depth:
                found.append(item.gate)
                position += 1
                continue
            call, end = item.calls[depth], position
            while end < len(placed) and len(placed[end].calls) > depth and placed[end].calls[depth] == call:
                end += 1
            parts = self.of_calls(placed[position:end], depth + 1)
            # a function of JAX's that does one thing is that thing: `jnp.maximum` is a max
            is_one = len(parts) == 1 and (parts[0].parts or call.number >= JAXS_OWN)
            found.append(parts[0] if is_one else self.call(call.function, parts))
            position = end
        return found

    def call(self, name: str, parts: Sequence[Gate], pattern: str = "") -> Gate:
        """One gate with these inside."""
        operations = [gate for part in parts for gate in part.operations()]
        made = {wire for gate in operations for wire in gate.outputs}
        used = _uses(operations)
        outputs = tuple(wire for gate in operations for wire in gate.outputs if self._uses[wire] > used[wire])
        local = chained(operations, outputs, self._wires)
        ports = []
        for wire in dict.fromkeys(p.wire for g in operations for p in g.inputs if p.wire is not None):
            if wire in made:
                continue
            along = [p.downstream for g in operations for p in g.inputs if p.wire == wire and p.downstream is not None]
            downstream = sum(along[1:], along[0]) if along else None
            ports.append(Port(wire, None, local.get(wire), "", downstream))
        first = parts[0]
        return Gate(
            number=parts[-1].number,
            operation=name,
            inputs=tuple(ports),
            outputs=outputs,
            pattern=pattern,
            path=first.path,
            line=first.line,
            expression="",
            parts=tuple(parts),
            folded=True,
        )


def chained(operations: Sequence[Gate], outputs: tuple[int, ...], wires: Sequence[Wire]) -> dict[int, Array]:
    """The derivative of the one output by each wire, where all operations work element by element; else nothing."""
    if len(outputs) != 1 or not all(
        port.local is not None or port.downstream is None for gate in operations for port in gate.inputs
    ):
        return {}
    found: dict[int, Array] = {outputs[0]: np.ones_like(wires[outputs[0]].value)}
    for gate in reversed(operations):
        above = found.get(gate.outputs[0]) if gate.outputs else None
        if above is None:
            continue
        for port in gate.inputs:
            if port.wire is not None and port.local is not None:
                part = above * port.local
                found[port.wire] = found[port.wire] + part if port.wire in found else part
    return found


def _uses(operations: Iterable[Gate]) -> Counter[int]:
    """How many ports each wire goes to."""
    return Counter(port.wire for gate in operations for port in gate.inputs if port.wire is not None)


@lru_cache(maxsize=512)
def _node(expression: str) -> ast.expr | None:
    try:
        return ast.parse(expression, mode="eval").body
    except SyntaxError:
        return None


def _is_call(expression: str) -> bool:
    return isinstance(_node(expression), ast.Call)


def _called(expression: str) -> str:
    """`mean` for `h.mean(axis=0)`; "" for what is no call."""
    node = _node(expression)
    if isinstance(node, ast.Call):
        return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return ""
