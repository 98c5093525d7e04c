"""The graph as a tree: from each output back to the inputs, the way the gradient takes."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console, RenderableType
from rich.text import Text
from rich.tree import Tree

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.graph.figures import figure
from gradcheck_cli.report.graph.model import Gate, Graph
from gradcheck_cli.report.graph.table import GRADIENT, MOST, VALUE, computed, ending, local, title
from gradcheck_cli.report.graph.turns import Left
from gradcheck_cli.report.marks import CODE, HEADING, QUIET
from gradcheck_cli.report.screen import Screen, screen_for

LONGEST = 40
"""Characters of an expression; a longer one is said by what it is computed from."""

DEEPEST = 24
"""Levels; below them a value is named and not followed."""


def print_tree(graph: Graph, console: Console, folder: Path | None = None, *, everything: bool = False) -> None:
    """Print it."""
    screen = screen_for(console, folder=folder)
    for part in tree_page(graph, screen, everything=everything):
        console.print(part, highlight=False, markup=False, emoji=False, width=screen.width)


def tree_page(graph: Graph, screen: Screen, *, everything: bool = False) -> list[RenderableType]:
    """All parts, top to bottom."""
    gates = list(graph.shown())
    most = len(gates) if everything else MOST
    told = screen.text(" value, and ", QUIET) + Text("gradient", GRADIENT) + screen.text(" along each edge", QUIET)
    parts: list[RenderableType] = [Text(), title(graph, screen), told, Text()]
    followed = _Followed(graph, screen, most)
    parts += [followed.tree(output) for output in dict.fromkeys(graph.outputs)]
    left_out = [Left(len(gates) - most)] if len(gates) > most else []
    return [*parts, *ending(graph, gates, left_out, screen)]


class _Followed:
    def __init__(self, graph: Graph, screen: Screen, most: int) -> None:
        self.graph, self.screen, self.left = graph, screen, most
        self.maker: dict[int, Gate] = {wire: gate for gate in graph.shown() for wire in gate.outputs}
        self.seen: set[int] = set()

    def tree(self, wire: int) -> Tree:
        tree = Tree(self._wire(wire, self.graph.wires[wire].gradient), guide_style=QUIET)
        self._grow(tree, wire, 0)
        return tree

    def _grow(self, branch: Tree, wire: int, depth: int) -> None:
        gate = self.maker.get(wire)
        if gate is None:
            return
        if gate.number in self.seen:
            branch.add(self.screen.text(f"gate {gate.number}, as above", QUIET))
            return
        if depth >= DEEPEST or self.left <= 0:
            branch.add(self.screen.text(self.screen.marks.ellipsis, QUIET))
            return
        self.seen.add(gate.number)
        self.left -= 1
        below = branch.add(self._gate(gate))
        for port in gate.inputs:
            if port.wire is None or port.downstream is None:
                continue
            edge = self._wire(port.wire, port.downstream)
            if told := local(port):
                edge.append_text(self.screen.text(f"  local {told}", QUIET))
            # a chain goes straight down: the tree parts only where the gradient does
            alone = sum(other.downstream is not None for other in gate.inputs) == 1
            if alone:
                branch.add(edge)
                self._grow(branch, port.wire, depth)
            else:
                self._grow(below.add(edge), port.wire, depth + 1)

    def _gate(self, gate: Gate) -> Text:
        text = Text()
        text.append_text(self.screen.text(one_line(gate.operation), HEADING))
        told = one_line(gate.expression)
        if not told or len(told) > LONGEST:
            told = computed(self.graph, gate)
        text.append_text(self.screen.text(f"  {told}", CODE))
        for fact in (f"line {gate.line}" if gate.line is not None else "", gate.pattern):
            if fact and fact != gate.operation:
                text.append_text(self.screen.text(f"{self.screen.marks.dot}{fact}", QUIET))
        return text

    def _wire(self, wire: int, gradient: object) -> Text:
        held = self.graph.wires[wire]
        text = Text()
        text.append_text(self.screen.text(f"{one_line(held.label)} = ", CODE))
        text.append(figure(held.value), VALUE)
        text.append("  ")
        text.append(figure(gradient), GRADIENT)
        return text
