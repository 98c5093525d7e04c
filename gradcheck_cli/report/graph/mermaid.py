"""A computation graph as a Mermaid flowchart, which GitHub and many wikis draw."""

from __future__ import annotations

import re

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.graph.drawing import Drawing, Edge, Node, drawing
from gradcheck_cli.report.graph.model import Graph

MOST_CHARACTERS, MOST_EDGES = 50_000, 500
"""Beyond these Mermaid refuses to draw, unless the page that it is on says otherwise (`maxTextSize`, `maxEdges`)."""
_MOST_GATES = 500
_FEWEST_ENDS = 3
_LONGEST_EXPRESSION = 60

_SHAPES = {
    "input": ("([", "])"),
    "constant": ("([", "])"),
    "gate": ("[", "]"),
    "call": ("[[", "]]"),
    "output": ("([", "])"),
    "more": ("[", "]"),
}
_SPECIAL = set("\"#&;<>*_`~|{}\\$@%^!'")
"""What means something to Mermaid, to HTML or to Markdown in a quoted label: written as its number."""


def graph_mermaid(graph: Graph) -> str:
    """A flowchart from left to right, ending in a line break; of a long graph as much as Mermaid draws."""
    drawn = drawing(graph, _MOST_GATES, _MOST_GATES // 5)
    text, ends = _flowchart(drawn), _MOST_GATES // 5
    while (len(text) > MOST_CHARACTERS or len(drawn.edges) > MOST_EDGES) and ends > _FEWEST_ENDS:
        ends //= 2
        drawn = drawing(graph, 2 * ends, ends)
        text = _flowchart(drawn)
    return text


def escaped(text: str) -> str:
    """Text that Mermaid shows letter by letter inside a quoted label."""
    letters = "".join(f"#{ord(letter)};" if letter in _SPECIAL else letter for letter in one_line(text))
    letters = letters.replace(" #42; ", " * ")  # between spaces Markdown leaves it alone
    if not letters.strip():
        return "#160;"  # Mermaid takes no empty label
    return re.sub(r"^\s*(?:(\d+)\.|([-+]))(?=\s|$)", _no_list, letters)


def _no_list(start: re.Match[str]) -> str:
    """`1. ` and `- ` begin a list in Markdown, which Mermaid refuses."""
    return f"{start[1]}#46;" if start[1] else f"#{ord(start[2])};"


def _flowchart(drawn: Drawing) -> str:
    lines = ["flowchart LR", *map(_node, drawn.nodes), *map(_edge, drawn.edges)]
    return "\n    ".join(lines) + "\n"


def _node(node: Node) -> str:
    opening, closing = _SHAPES[node.kind]
    expression = node.expression if len(node.expression) <= _LONGEST_EXPRESSION else ""
    label = escaped(node.text) + (f"<br>{escaped(expression)}" if expression and expression != node.text else "")
    return f'{node.key}{opening}"{label}"{closing}'


def _edge(edge: Edge) -> str:
    name = f"{edge.name} = " if edge.name else ""
    label = f"{name}{edge.value} / {edge.gradient or '–'}"
    return f'{edge.source} -->|"{escaped(label)}"| {edge.target}'
