"""A computation graph as a picture, as lectures on backpropagation draw it: values in green, gradients in red."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from html import escape
from itertools import pairwise

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.graph.drawing import Drawing, Edge, Node, drawing
from gradcheck_cli.report.graph.figures import figure
from gradcheck_cli.report.graph.layout import Box, Layout, Link, Place, Route, layout
from gradcheck_cli.report.graph.model import Graph

MOST_DRAWN = 500
ENDS = 100
"""Gates drawn in order of computation; of more, so many of the first and so many of the last."""

_MARGIN = 24.0
_LEGEND = 34.0
_RADIUS = 20.0
_SIGN_SIZE, _NAME_SIZE, _LABEL_SIZE = 17.0, 15.0, 13.0
_ARROW = 7.0
_APART = 9.0
_LEVEL = 0.05

STYLE = """
.gradcheck-graph { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
.gradcheck-graph .page { fill: #ffffff; }
.gradcheck-graph .line { fill: none; stroke: #6b7683; stroke-width: 1.4; }
.gradcheck-graph .head, .gradcheck-graph .fan { fill: #6b7683; }
.gradcheck-graph .shape { fill: #f5f6f8; stroke: #3d4753; stroke-width: 1.5; }
.gradcheck-graph .call .shape { fill: #e6eefb; stroke: #2b5ea8; }
.gradcheck-graph .more .shape { fill: none; stroke-dasharray: 5 4; }
.gradcheck-graph text { fill: #1b1f24; text-anchor: middle; font-size: 15px; }
.gradcheck-graph .sign text { font-size: 17px; }
.gradcheck-graph .input text, .gradcheck-graph .output text { font-style: italic; font-weight: 600; }
.gradcheck-graph .label text { font-size: 13px; font-variant-numeric: tabular-nums; }
.gradcheck-graph .label .name, .gradcheck-graph .stub text { fill: #555f6b; font-style: italic; }
.gradcheck-graph .label .value, .gradcheck-graph .legend .value { fill: #17692e; }
.gradcheck-graph .label .gradient, .gradcheck-graph .legend .gradient { fill: #b3211a; }
.gradcheck-graph .legend text { font-size: 13px; text-anchor: start; fill: #555f6b; }
@media (prefers-color-scheme: dark) {
  .gradcheck-graph .page { fill: #14171c; }
  .gradcheck-graph .line { stroke: #8a95a3; }
  .gradcheck-graph .head, .gradcheck-graph .fan { fill: #8a95a3; }
  .gradcheck-graph .shape { fill: #1e232b; stroke: #b4bdc9; }
  .gradcheck-graph .call .shape { fill: #1d2b42; stroke: #85bcff; }
  .gradcheck-graph text { fill: #e7eaef; }
  .gradcheck-graph .label .name, .gradcheck-graph .stub text, .gradcheck-graph .legend text { fill: #a6b0bd; }
  .gradcheck-graph .label .value, .gradcheck-graph .legend .value { fill: #63d486; }
  .gradcheck-graph .label .gradient, .gradcheck-graph .legend .gradient { fill: #ff958b; }
}
"""


def graph_svg(graph: Graph) -> str:
    """One SVG document, ending in a line break. Nothing in it is loaded from elsewhere."""
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + svg_element(graph) + "\n"


def svg_element(graph: Graph) -> str:
    """The same as an element to put into a page."""
    drawn = drawing(graph, MOST_DRAWN, ENDS)
    texts = {node.key: node.text for node in drawn.nodes}
    lines = Counter(edge.target for edge in drawn.edges)
    lines.update(source for source, _ in {(edge.source, edge.wire) for edge in drawn.edges})
    places = layout([_box(node, lines[node.key]) for node in drawn.nodes], _links(drawn, texts))
    width = max(places.width + 2 * _MARGIN, 300.0)
    height = places.height + 2 * _MARGIN + _LEGEND
    name = escape(one_line(graph.name))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gradcheck-graph" role="img" width="{width:.0f}"'
        f' height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" aria-labelledby="graph-title graph-desc">',
        f'<title id="graph-title">The computation graph of {name}</title>',
        f'<desc id="graph-desc">{escape(_description(graph, drawn))}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{width:.0f}" height="{height:.0f}"/>',
        f'<g transform="translate({_MARGIN:.0f} {_MARGIN:.0f})">',
        *_lines(drawn, places),
        *_fans(drawn, places),
        *(_node(node, place) for node, place in zip(drawn.nodes, places.boxes)),
        *(_label(edge, route, _stub_text(edge, texts[edge.source])) for edge, route in zip(drawn.edges, places.routes)),
        "</g>",
        _legend(height),
        "</svg>",
    ]
    return "\n".join(parts)


def text_width(text: str, size: float) -> float:
    """About how wide a text is drawn, rather more than less: which font there is, nobody knows."""
    return size * sum(_advance(character) for character in text)


def _advance(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return 1.05
    if character in "mwMW@%…—":
        return 0.95
    return 0.7 if character.isupper() else 0.33 if character in " .,:;'|[]()ijl" else 0.6


def _box(node: Node, lines: int) -> Box:
    """Its size, with room for the lines that end on it."""
    if node.kind in ("input", "constant", "output"):
        return Box(text_width(node.text, _NAME_SIZE) + 8, 2 * _RADIUS)
    if node.kind != "more" and text_width(node.text, _SIGN_SIZE) <= 1.7 * _RADIUS:
        return Box(2 * _RADIUS, 2 * _RADIUS, is_round=True)
    return Box(text_width(node.text, _NAME_SIZE) + 24, max(2 * _RADIUS, _APART * lines))


def _links(drawn: Drawing, texts: dict[str, str]) -> list[Link]:
    position = {node.key: number for number, node in enumerate(drawn.nodes)}
    links = []
    for edge in drawn.edges:
        label = Box(max(_above(edge), text_width(edge.gradient, _LABEL_SIZE)) + 10, 2 * _RADIUS)
        stub = Box(text_width(_stub_text(edge, texts[edge.source]), _LABEL_SIZE) + 8, 2 * _RADIUS)
        links.append(Link(position[edge.source], position[edge.target], edge.wire, label, stub))
    return links


def _stub_text(edge: Edge, source: str) -> str:
    """What stands at the start of a line that is too long to draw from its source."""
    return f"{edge.name or source} …"


def _above(edge: Edge) -> float:
    return text_width(f"{edge.name}  {edge.value}" if edge.name else edge.value, _LABEL_SIZE)


def _lines(drawn: Drawing, places: Layout) -> list[str]:
    """The lines with their heads; what several uses of a wire share is drawn once."""
    seen: set[tuple[int, tuple[float, float], tuple[float, float]]] = set()
    found = []
    for edge, route in zip(drawn.edges, places.routes):
        path = []
        is_going_on = False
        for position, (here, there) in enumerate(pairwise(route.points)):
            if (edge.wire, here, there) in seen:
                is_going_on = False
                continue
            seen.add((edge.wire, here, there))
            path.append(_piece(here, there, is_level=position % 2 == 1, is_going_on=is_going_on))
            is_going_on = True
        x, y = route.points[-1]
        head = f"M{x:.1f} {y:.1f}l-{_ARROW} -{_ARROW / 2}v{_ARROW}z"
        found.append(f'<path class="line" d="{"".join(path)}"/><path class="head" d="{head}"/>')
    return found


def _piece(here: tuple[float, float], there: tuple[float, float], *, is_level: bool, is_going_on: bool) -> str:
    """A level or a slope, with its start unless the pen is there."""
    start = "" if is_going_on else f"M{here[0]:.1f} {here[1]:.1f}"
    if is_level or abs(here[1] - there[1]) < _LEVEL:
        return f"{start}L{there[0]:.1f} {there[1]:.1f}"
    bend = (here[0] + there[0]) / 2
    return f"{start}C{bend:.1f} {here[1]:.1f} {bend:.1f} {there[1]:.1f} {there[0]:.1f} {there[1]:.1f}"


def _fans(drawn: Drawing, places: Layout) -> list[str]:
    """A dot where one wire goes to several gates: their gradients add there."""
    onward: dict[tuple[int, tuple[float, float]], set[tuple[float, float]]] = {}
    for edge, route in zip(drawn.edges, places.routes):
        for here, there in zip(route.points[::2], route.points[1::2]):
            onward.setdefault((edge.wire, here), set()).add(there)
    parting = [here for (_, here), there in onward.items() if len(there) > 1]
    return [f'<circle class="fan" cx="{x:.1f}" cy="{y:.1f}" r="3.2"/>' for x, y in parting]


def _node(node: Node, place: Place) -> str:
    shape = ""
    if node.kind in ("gate", "call", "more"):
        left, top = place.x - place.width / 2, place.y - place.height / 2
        round_ = place.width == place.height
        shape = (
            f'<circle class="shape" cx="{place.x:.1f}" cy="{place.y:.1f}" r="{place.width / 2:.1f}"/>'
            if round_
            else f'<rect class="shape" x="{left:.1f}" y="{top:.1f}" width="{place.width:.1f}"'
            f' height="{place.height:.1f}" rx="10"/>'
        )
    kind = f"{node.kind} sign" if shape.startswith("<circle") else node.kind
    return f'<g class="{kind}">{_told(node.words)}{shape}{_text(node.text, place.x, place.y + 5.5)}</g>'


def _label(edge: Edge, route: Route, stub_text: str) -> str:
    place = route.label
    name = f'<tspan class="name">{escape(edge.name)}</tspan>\u2002' if edge.name else ""
    value = (
        f'<text x="{place.x:.1f}" y="{place.y - 6:.1f}">{name}<tspan class="value">{escape(edge.value)}</tspan></text>'
    )
    back = _text(edge.gradient, place.x, place.y + 15, "gradient") if edge.gradient else ""
    stub = ""
    if route.stub is not None:
        stub = f'<g class="stub">{_text(stub_text, route.stub.x, route.stub.y + 4)}</g>'
    return f'<g class="label">{_told(edge.words)}{value}{back}</g>{stub}'


def _text(text: str, x: float, y: float, kind: str = "") -> str:
    marked = f' class="{kind}"' if kind else ""
    return f'<text{marked} x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _told(words: Sequence[str]) -> str:
    return f"<title>{escape(chr(10).join(words))}</title>" if words else ""


def _legend(height: float) -> str:
    y = height - 16
    return (
        f'<g class="legend"><text x="{_MARGIN:.0f}" y="{y:.0f}"><tspan class="value">value, forward →</tspan>'
        '\u2003<tspan class="gradient">← gradient, backward</tspan></text></g>'
    )


def _description(graph: Graph, drawn: Drawing) -> str:
    gates = [node.text for node in drawn.nodes if node.kind in ("gate", "call")]
    names = ", ".join(one_line(graph.label(wire)) for wire in graph.inputs)
    results = ", ".join(figure(graph.wires[wire].value) for wire in graph.outputs)
    count = len(gates) + drawn.left_out
    listed = ", ".join(gates[:20]) + (", …" if len(gates) > 20 else "")
    return (
        f"From left to right: inputs {names}; {count:,} gates in the order of computation ({listed}); "
        f"output {results}. "
        "Each line has the value that goes forward above it and the gradient that comes back below it."
    )
