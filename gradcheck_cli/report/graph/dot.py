"""A computation graph in Graphviz's language, for its layouts: all gates that are shown, however many."""

from __future__ import annotations

from html import escape

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.graph.drawing import Edge, Node, drawing
from gradcheck_cli.report.graph.model import Graph

GREEN, RED, QUIET = "#17692e", "#b3211a", "#555f6b"

_SHAPES = {
    "input": "shape=plaintext",
    "constant": "shape=plaintext",
    "gate": 'shape=box, style="rounded,filled", fillcolor="#f5f6f8"',
    "call": 'shape=box, style="rounded,filled", fillcolor="#e6eefb", color="#2b5ea8"',
    "output": "shape=plaintext",
    "more": 'shape=box, style="rounded,dashed"',
}
_CIRCLE = ", shape=circle, fixedsize=true, width=0.55"
_LONGEST_SIGN = 3


def graph_dot(graph: Graph) -> str:
    """A directed graph from left to right, ending in a line break: `dot -Tsvg` draws it."""
    drawn = drawing(graph)
    lines = [
        f"digraph {quoted(graph.name)} {{",
        "  rankdir=LR;",
        '  node [fontname="Helvetica"];',
        '  edge [fontname="Helvetica", fontsize=11, color="#6b7683", arrowsize=0.7];',
        *(f"  {_node(node)}" for node in drawn.nodes),
        *(f"  {_edge(edge)}" for edge in drawn.edges),
        "}",
    ]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """A string that Graphviz shows letter by letter: it reads backslashes and HTML's references inside quotes."""
    safe = one_line(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{safe}"'


def _node(node: Node) -> str:
    is_sign = node.kind in ("gate", "call") and len(node.text) <= _LONGEST_SIGN
    # told in a tooltip, line after line: `\n` is Graphviz's own
    told = "\\n".join(quoted(line)[1:-1] for line in node.words)
    shape = _SHAPES[node.kind] + (_CIRCLE if is_sign else "")
    return f'{node.key} [label={quoted(node.text)}, {shape}, tooltip="{told}"];'


def _edge(edge: Edge) -> str:
    name = f'<font color="{QUIET}"><i>{escape(edge.name)}</i> </font>' if edge.name else ""
    value = f'{name}<font color="{GREEN}">{escape(edge.value)}</font>'
    back = f'<br/><font color="{RED}">{escape(edge.gradient)}</font>' if edge.gradient else ""
    return f"{edge.source} -> {edge.target} [label=<{value}{back}>];"
