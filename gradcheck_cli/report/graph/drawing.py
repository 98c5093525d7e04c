"""What a picture of a graph is made of, whoever draws it: nodes, and edges with a value and a gradient on each.

An input of which every use takes elements out (`w[0]`, `w[1]`) is drawn as those elements, as on a blackboard.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.graph.figures import figure, is_number, measure
from gradcheck_cli.report.graph.model import Gate, Graph, Port, Wire
from gradcheck_cli.report.graph.signs import sign

Kind = Literal["input", "constant", "gate", "call", "output", "more"]

_MORE = "more"
_LONGEST_NAME = 28
_LONGEST_WORDS = 200


@dataclass(frozen=True)
class Node:
    """Something with a shape of its own.

    Attributes:
        key: letters and digits, unique in the drawing.
        text: what stands inside, one line.
        expression: what the user wrote for it; "" where not known.
        words: what is told about it where there is room, a line each.
    """

    key: str
    kind: Kind
    text: str
    expression: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edge:
    """A use of a wire.

    Attributes:
        source, target: keys of nodes.
        name: the user's for the wire, unless its node has it.
        value: forward, in few characters.
        gradient: what comes back along this use; "" where none does.
        words: as a node's.
    """

    source: str
    target: str
    wire: int
    name: str
    value: str
    gradient: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drawing:
    """Nodes, each after those that it takes from, and edges in the order of their targets."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    left_out: int = 0


def drawing(graph: Graph, most: int | None = None, ends: int = 0) -> Drawing:
    """The graph's shown gates; of more than `most` the first and the last `ends`, and one node for those between."""
    return _Drawing(graph, most, ends).drawn()


def one_of(text: str, longest: int) -> str:
    """One line of at most so many characters."""
    line = one_line(text)
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


class _Drawing:
    def __init__(self, graph: Graph, most: int | None, ends: int) -> None:
        self.graph = graph
        gates = list(graph.shown())
        self.taken = _taken_elements(graph, gates)
        computing = [gate for gate in gates if gate.number not in self.taken]
        is_long = most is not None and len(computing) > most
        self.omitted = computing[ends : len(computing) - ends] if is_long else []
        self.first, self.last = (computing[:ends], computing[len(computing) - ends :]) if is_long else (computing, [])
        self.source: dict[int, str] = {}
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []

    def drawn(self) -> Drawing:
        self._inputs()
        for gate in self.first:
            self._gate(gate)
        if self.omitted:
            self._more()
        for gate in self.last:
            self._gate(gate)
        self._outputs()
        return Drawing(tuple(self.nodes), tuple(self.edges), len(self.omitted))

    def _inputs(self) -> None:
        drawn = {port.wire for gate in (*self.first, *self.last) for port in gate.inputs} | set(self.graph.outputs)
        elements: dict[int, list[Gate]] = defaultdict(list)
        for gate in self.taken.values():
            elements[_wired(gate)[0].wire or 0].append(gate)
        for position, number in enumerate(self.graph.inputs):
            if number not in elements:
                name = self.graph.label(number)
                self._made(Node(f"i{position}", "input", one_of(name, _LONGEST_NAME), "", _told(name)), (number,))
            for gate in elements[number]:
                if drawn.intersection(gate.outputs):
                    text = one_of(gate.expression, _LONGEST_NAME)
                    self._made(Node(f"g{gate.number}", "input", text, "", self._words(gate)), gate.outputs)
                else:
                    self.source.update(dict.fromkeys(gate.outputs, _MORE))

    def _made(self, node: Node, outputs: Iterable[int]) -> None:
        self.nodes.append(node)
        self.source.update(dict.fromkeys(outputs, node.key))

    def _gate(self, gate: Gate) -> None:
        key = f"g{gate.number}"
        edges = [self._edge(port.wire, key, port.downstream, port) for port in gate.inputs if port.wire is not None]
        kind: Kind = "call" if gate.parts and not gate.expression else "gate"
        expression = one_of(gate.expression, _LONGEST_WORDS)
        self._made(Node(key, kind, one_of(sign(gate), _LONGEST_NAME), expression, self._words(gate)), gate.outputs)
        self.edges.extend(edges)

    def _more(self) -> None:
        made = {wire for gate in self.omitted for wire in gate.outputs}
        back: dict[int, list[Any]] = defaultdict(list)
        for gate in self.omitted:
            for port in _wired(gate):
                is_drawn = self.source.get(port.wire or 0) != _MORE
                if port.wire is not None and port.wire not in made and is_drawn:
                    back[port.wire].append(port.downstream)
        for wire, parts in back.items():
            known = [part for part in parts if part is not None]
            self.edges.append(self._edge(wire, _MORE, sum(known[1:], known[0]) if known else None))
        between = f"gates {self.omitted[0].number:,} to {self.omitted[-1].number:,}"
        self._made(Node(_MORE, "more", f"… {len(self.omitted):,} gates", "", _told(between)), made)

    def _outputs(self) -> None:
        several = len(self.graph.outputs) > 1
        for position, wire in enumerate(self.graph.outputs):
            key = f"o{position}"
            known = self.graph.wires[wire].name
            name = known if known and wire not in self.graph.inputs else "output"
            text = name if known or not several else f"{name} {position + 1}"
            given = self.graph.upstream
            upstream = given[position] if position < len(given) else self.graph.wires[wire].gradient
            self.edges.append(self._edge(wire, key, upstream, with_name=False))
            self.nodes.append(Node(key, "output", one_of(text, _LONGEST_NAME), "", _told(text)))

    def _edge(self, wire: int, target: str, gradient: Any, port: Port | None = None, *, with_name: bool = True) -> Edge:
        known = self.graph.wires[wire]
        if wire not in self.source:
            self._made(_constant(known), (wire,))
        source = self.source[wire]
        name = known.name if with_name and source.startswith(("g", _MORE)) and known.kind == "inner" else ""
        back = "" if gradient is None else measure(gradient)
        words = _told(f"{self.graph.label(wire)} = {figure(known.value)}", *_product(known, port))
        return Edge(source, target, wire, one_of(name, _LONGEST_NAME), measure(known.value), back, words)

    def _words(self, gate: Gate) -> tuple[str, ...]:
        pattern = f" ({gate.pattern})" if gate.pattern else ""
        inside = sum(1 for _ in gate.operations()) if gate.parts else 0
        where = f"{PurePath(gate.path).name}:{gate.line}" if gate.path and gate.line is not None else ""
        return _told(
            f"gate {gate.number}: {gate.operation}{pattern}",
            gate.expression,
            f"{inside:,} gates inside" if inside else "",
            where,
        )


def _taken_elements(graph: Graph, gates: Sequence[Gate]) -> dict[int, Gate]:
    """By number, gates that take elements out of an input that is used in no other way."""
    inputs = set(graph.inputs)
    whole: set[int | None] = set(graph.outputs)
    found: dict[int, Gate] = {}
    for gate in gates:
        ports = _wired(gate)
        wires = {port.wire for port in ports}
        if gate.operation == "select" and len(ports) == 1 and wires <= inputs and gate.expression and gate.outputs:
            found[gate.number] = gate
        else:
            whole |= wires & inputs
    return {number: gate for number, gate in found.items() if _wired(gate)[0].wire not in whole}


def _wired(gate: Gate) -> list[Port]:
    return [port for port in gate.inputs if port.wire is not None]


def _constant(wire: Wire) -> Node:
    text = one_of(wire.name or "constant", _LONGEST_NAME)
    return Node(f"c{wire.number}", "constant", text, "", _told(f"{text} = {figure(wire.value)}"))


def _product(wire: Wire, port: Port | None) -> list[str]:
    """Upstream × local = downstream, as far as each is known."""
    if port is None:
        return [] if wire.gradient is None else [f"gradient {figure(wire.gradient)}"]
    number = "" if port.local is None or is_number(port.formula) else figure(port.local)
    local = " = ".join(filter(None, [port.formula, number]))
    told = [f"local gradient {local}"] if local else []
    return told if port.downstream is None else [*told, f"downstream gradient {figure(port.downstream)}"]


def _told(*lines: str) -> tuple[str, ...]:
    return tuple(one_of(line, _LONGEST_WORDS) for line in lines if line)
