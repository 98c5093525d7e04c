"""A computation graph as one page: the picture, the inputs with their gradients, every gate in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import PurePath
from typing import TypeVar

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.graph.figures import figure, is_number, shape_figure
from gradcheck_cli.report.graph.model import Gate, Graph, Port
from gradcheck_cli.report.graph.signs import sign
from gradcheck_cli.report.graph.svg import svg_element
from gradcheck_cli.report.html.parts import bullets, document, table
from gradcheck_cli.report.html.style import STYLE
from gradcheck_cli.report.html.text import name, shown
from gradcheck_cli.report.numbers import counted

MOST_ROWS = 2_000
"""Gates in the table; of more, the first and the last half of so many."""
MOST_PARTS = 200
"""Gates that are listed inside one folded gate."""
_COLUMNS = ("gate", "", "value", "local gradient", "gradient")
_GRAPH_STYLE = """
body { max-width: 75rem; }
h2 { margin-top: 2rem; }
.picture { overflow: auto; max-height: 85vh; margin: 1rem 0; border: 1px solid var(--line); border-radius: .4rem; }
.picture:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.picture svg { max-width: none; }
.value { color: var(--pass); } .gradient { color: var(--fail); }
.gates { min-width: 42rem; }
.gates td, .inputs td { font-size: .9rem; }
.gates tbody tr:first-child td { border-top: 1px solid var(--line); padding-top: .5rem; }
.gates td.figure, .inputs td.figure { white-space: nowrap; font-variant-numeric: tabular-nums; }
.gates .gates { margin: .5rem 0 .75rem 1rem; min-width: 0; }
.inside details { width: 0; min-width: 100%; overflow-x: auto; }
.sign { display: inline-block; min-width: 1.6rem; font-weight: 600; }
summary { cursor: pointer; color: var(--link); }
@media (max-width: 40rem) { .gates td, .inputs td { font-size: .8rem; } }
"""

_Item = TypeVar("_Item")


def graph_html(graph: Graph) -> str:
    """One document, self-contained: it runs nothing and loads nothing."""
    title = shown(one_line(graph.name))
    parts = [
        f'<header><h1>The computation graph of {name(graph.name)}</h1><p class="quiet">{_facts(graph)}</p></header>',
        '<div class="picture" role="region" tabindex="0" aria-label="The graph as a picture">'
        f"{svg_element(graph)}</div>",
        f"<h2>Inputs</h2>{_inputs(graph)}",
        "<h2>Gates in the order of computation</h2>"
        '<p class="quiet">Forward: <span class="value">values</span>, from the first gate to the last. '
        'Backward: <span class="gradient">gradients</span>, from the last to the first. '
        "At each input of a gate, upstream gradient × local gradient = downstream gradient.</p>",
        '<div class="scroll" role="region" tabindex="0" aria-label="Gates in the order of computation">'
        f"{_gates(graph, list(graph.shown()), MOST_ROWS)}</div>",
        bullets(graph.notes),
    ]
    return document(f"gradcheck: the graph of {title}", STYLE + _GRAPH_STYLE, "\n".join(filter(None, parts)))


def ends(items: Sequence[_Item], most: int) -> tuple[Sequence[_Item], int, Sequence[_Item]]:
    """All items; or as many of the first and the last, and how many are left out between them."""
    if len(items) <= most:
        return items, 0, ()
    half = most // 2
    return items[:half], len(items) - 2 * half, items[len(items) - half :]


def _facts(graph: Graph) -> str:
    operations = sum(1 for gate in graph.gates for _ in gate.operations())
    gates = sum(1 for _ in graph.shown())
    folded = f" ({counted(operations, 'operation')})" if operations != gates else ""
    return f"{name(f'{PurePath(graph.path).name}:{graph.line}')} · {counted(gates, 'gate')}{folded} · seed {graph.seed}"


def _inputs(graph: Graph) -> str:
    wires = [graph.wires[number] for number in graph.inputs]
    has_yours = any(wire.yours is not None for wire in wires)
    rows = []
    for wire in wires:
        row = [
            name(graph.label(wire.number)),
            shown(shape_figure(wire.shape)) or "scalar",
            _figure(wire.value, "value"),
            _figure(wire.gradient, "gradient"),
        ]
        rows.append([*row, _figure(wire.yours, "gradient")] if has_yours else row)
    titles = ["input", "shape", "value", "gradient", *(["yours"] if has_yours else [])]
    return table(titles, rows, (), "Inputs", "inputs")


def _gates(graph: Graph, gates: Sequence[Gate], most: int) -> str:
    first, left_out, last = ends(gates, most)
    head = "".join(f"<th scope=col>{title}</th>" for title in _COLUMNS)
    between = f'<tbody><tr><td colspan="5" class="quiet">… {left_out:,} gates</td></tr></tbody>' if left_out else ""
    bodies = [*(_gate(graph, gate) for gate in first), between, *(_gate(graph, gate) for gate in last)]
    return f'<table class="gates"><thead><tr>{head}</tr></thead>{"".join(bodies)}</table>'


def _gate(graph: Graph, gate: Gate) -> str:
    rows = [_row(f"in {_source(graph, port)}", *_port(graph, port)) for port in gate.inputs]
    rows += [_out(graph, number) for number in gate.outputs]
    first, *others = rows or [_row("", "", "", "")]
    first = f'<td rowspan="{len(others) + 1}">{_described(gate)}</td>{first}'
    inside = ""
    if gate.parts:
        listed = _gates(graph, gate.parts, MOST_PARTS)
        summary = f"{counted(sum(1 for _ in gate.operations()), 'operation')} inside"
        inside = f'<tr><td class="inside" colspan="5"><details><summary>{summary}</summary>{listed}</details></td></tr>'
    body = "".join(f"<tr>{row}</tr>" for row in [first, *others])
    return f"<tbody>{body}{inside}</tbody>"


def _described(gate: Gate) -> str:
    drawn = sign(gate)
    operation = "" if drawn == gate.operation else f" {shown(one_line(gate.operation))}"
    lines = [f'{gate.number}. <span class="sign">{shown(one_line(drawn))}</span>{operation}']
    if gate.expression:
        lines.append(name(gate.expression))
    known = [gate.pattern, "" if gate.line is None else f"line {gate.line}"]
    if quiet := " · ".join(filter(None, known)):
        lines.append(f'<span class="quiet">{shown(quiet)}</span>')
    return "<br>".join(lines)


def _source(graph: Graph, port: Port) -> str:
    return '<span class="quiet">constant</span>' if port.wire is None else name(graph.label(port.wire))


def _port(graph: Graph, port: Port) -> Iterable[str]:
    """Value, local gradient and downstream gradient."""
    value = port.constant if port.wire is None else graph.wires[port.wire].value
    number = "" if port.local is None or is_number(port.formula) else escape(figure(port.local))
    known = [shown(one_line(port.formula)), number]
    yield _figure(value, "value")
    yield " = ".join(dict.fromkeys(filter(None, known)))
    yield _figure(port.downstream, "gradient")


def _out(graph: Graph, number: int) -> str:
    wire = graph.wires[number]
    upstream = _figure(wire.gradient, "gradient")
    words = ' <span class="quiet">upstream</span>' if upstream else ""
    return _row(f"<strong>out {name(graph.label(number))}</strong>", _figure(wire.value, "value"), "", upstream + words)


def _row(what: str, value: str, local: str, gradient: str) -> str:
    return f'<td>{what}</td><td class="figure">{value}</td><td>{local}</td><td class="figure">{gradient}</td>'


def _figure(array: object, kind: str) -> str:
    return "" if array is None else f'<span class="{kind}">{escape(figure(array))}</span>'
