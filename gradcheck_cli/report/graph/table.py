"""The graph on a terminal, in the order of computation: values forward, then gradients backward."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.graph.figures import figure
from gradcheck_cli.report.graph.model import Gate, Graph, Port
from gradcheck_cli.report.graph.turns import Left, shown_gates
from gradcheck_cli.report.marks import CODE, HEADING, QUIET
from gradcheck_cli.report.model import Status
from gradcheck_cli.report.screen import Screen, bulleted, screen_for

VALUE, GRADIENT = "green", "red"
"""As lectures draw them."""

MOST = 60
"""Gates above which the middle is left out."""


def print_graph(graph: Graph, console: Console, folder: Path | None = None, *, everything: bool = False) -> None:
    """Print it: what is computed, what comes back, and the gradients of the inputs."""
    screen = screen_for(console, folder=folder)
    for part in graph_page(graph, screen, everything=everything):
        console.print(part, highlight=False, markup=False, emoji=False, width=screen.width)


def graph_page(graph: Graph, screen: Screen, *, everything: bool = False) -> list[RenderableType]:
    """All parts, top to bottom."""
    gates = list(graph.shown())
    rows = shown_gates(gates, MOST, everything=everything)
    parts: list[RenderableType] = [Text(), title(graph, screen), Text(), screen.text(" forward", HEADING)]
    parts += [_forward(graph, rows, screen), Text(), screen.text(" backward", HEADING)]
    parts += [_backward(graph, list(reversed(rows)), screen), Text()]
    parts += [screen.text(" gradients of the inputs", HEADING), inputs_table(graph, screen)]
    parts += ending(graph, gates, [row for row in rows if isinstance(row, Left)], screen)
    return parts


def title(graph: Graph, screen: Screen) -> Text:
    """`neuron · neuron.py:8 · seed 0`."""
    line = Text(" ")
    line.append_text(screen.text(one_line(graph.name), HEADING))
    facts = [screen.place(graph.path, graph.line), f"seed {graph.seed}"]
    line.append_text(screen.text(screen.marks.dot + screen.marks.dot.join(facts), QUIET))
    return line


def ending(graph: Graph, gates: Sequence[Gate], left_out: Sequence[Left], screen: Screen) -> list[RenderableType]:
    """Fan-outs, what is folded, what was left out, notes."""
    parts: list[RenderableType] = []
    notes = [_fan_out(graph, wire, count) for wire, count in fan_outs(graph).items()]
    if len(notes) > 8:
        notes = [*notes[:8], f"and {len(notes) - 8} more values that are used several times"]
    if turns := sum(left.gates for left in left_out if left.turns):
        notes.append(
            f"loops show their first and their last turn: {turns:,} gates between are left out; --all shows them"
        )
    if rest := sum(left.gates for left in left_out if not left.turns):
        notes.append(f"{rest:,} gates in the middle are left out; --all shows them")
    names = dict.fromkeys(gate.operation for gate in gates if gate.parts and gate.folded and not gate.expression)
    if names:
        shown = ", ".join(list(names)[:4])
        notes.append(f"{shown} {'is' if len(names) == 1 else 'are'} folded; --expand NAME opens one, --expand all all")
    for note in [*notes, *graph.notes]:
        parts += [Text()] * (not parts) + [bulleted(note, screen, 1)]
    return parts


def fan_outs(graph: Graph) -> dict[int, int]:
    """Wires that several gates use, and how many do."""
    uses = Counter(port.wire for gate in graph.shown() for port in gate.inputs if port.wire is not None)
    uses.update(graph.outputs)
    return {wire: count for wire, count in uses.items() if count > 1 and graph.wires[wire].gradient is not None}


def _fan_out(graph: Graph, wire: int, count: int) -> str:
    gradients = [port.downstream for gate in graph.shown() for port in gate.inputs if port.wire == wire]
    known = [gradient for gradient in gradients if gradient is not None]
    label = one_line(graph.label(wire))
    if known and all(gradient.size == 1 for gradient in known):
        sum_ = " + ".join(f"({figure(g)})" if float(g.reshape(-1)[0].real) < 0 else figure(g) for g in known)
        return f"{label} is used {count} times: the gradients add, {sum_} = {figure(graph.wires[wire].gradient)}"
    return f"{label} is used {count} times: the gradients of its uses add"


def _forward(graph: Graph, gates: Sequence[Gate | Left], screen: Screen) -> RenderableType:
    table = _table([("#", "right"), ("gate", "left"), ("computes", "left"), ("value", "left"), ("line", "right")])
    for wire in graph.inputs:
        held = graph.wires[wire]
        table.add_row("", screen.text("input", QUIET), screen.text(one_line(held.label), CODE), _value(held.value), "")
    for gate in gates:
        if isinstance(gate, Left):
            table.add_row(screen.marks.ellipsis, "", screen.text(gate.words, QUIET), "", "")
            continue
        values = ", ".join(figure(graph.wires[wire].value) for wire in gate.outputs)
        name = graph.wires[gate.outputs[0]].name if len(gate.outputs) == 1 else ""
        computes = one_line(gate.expression) or computed(graph, gate)
        told = f"{name} = {computes}" if name and gate.expression else computes
        table.add_row(
            str(gate.number),
            screen.text(one_line(gate.operation)),
            screen.text(told, CODE),
            Text(values, VALUE, overflow="fold"),
            Text("" if gate.line is None else str(gate.line), QUIET),
        )
    return table


_SIGNS = {"add": "+", "add a constant": "+", "subtract": "-", "multiply": "×", "divide": "/", "matrix product": "@"}


def computed(graph: Graph, gate: Gate) -> str:
    """`#9 + w[2]`, `sigmoid(z)`: what a gate computes from what."""
    given = [
        one_line(graph.label(port.wire)) if port.wire is not None else figure(port.constant) for port in gate.inputs
    ]
    if gate.operation in _SIGNS and len(given) == 2:
        return f" {_SIGNS[gate.operation]} ".join(given)
    if gate.operation == "negate":
        return f"-{given[0]}"
    if gate.operation == "reciprocal":
        return f"1 / {given[-1]}"
    named = [one_line(graph.label(port.wire)) for port in gate.inputs if port.wire is not None]
    return f"{one_line(gate.operation)}({', '.join(named)})"


def _backward(graph: Graph, gates: Sequence[Gate | Left], screen: Screen) -> RenderableType:
    columns = [("#", "right"), ("gate", "left"), ("upstream", "left"), ("to", "left"), ("local", "left")]
    table = _table([*columns, ("downstream", "left"), ("pattern", "left")])
    for gate in gates:
        if isinstance(gate, Left):
            table.add_row(screen.marks.ellipsis, "", "", "", screen.text(gate.words, QUIET), "", "")
            continue
        ports = [port for port in gate.inputs if port.wire is not None and port.downstream is not None]
        upstream = ", ".join(figure(graph.wires[wire].gradient) for wire in gate.outputs)
        head = (str(gate.number), screen.text(one_line(gate.operation)), Text(upstream, GRADIENT, overflow="fold"))
        if not ports:
            table.add_row(*head, "", "", screen.text("no gradient flows", QUIET), screen.text(gate.pattern, QUIET))
        for position, port in enumerate(ports):
            first = head if position == 0 else ("", "", "")
            pattern = screen.text(gate.pattern if position == 0 else "", QUIET)
            table.add_row(*first, *_port(graph, port, screen), pattern)
    return table


def _port(graph: Graph, port: Port, screen: Screen) -> tuple[Text, Text, Text]:
    assert port.wire is not None
    return (
        screen.text(one_line(graph.label(port.wire)), CODE),
        screen.text(local(port)),
        Text(figure(port.downstream), GRADIENT, overflow="fold"),
    )


def local(port: Port) -> str:
    """The local gradient: a number where it is one, else in words, else its size."""
    if port.local is not None and port.local.size == 1:
        return figure(port.local)
    if port.formula:
        return one_line(port.formula)
    return figure(port.local) if port.local is not None else ""


def inputs_table(graph: Graph, screen: Screen) -> RenderableType:
    """Each input's gradient, and the user's own where it was asked for."""
    has_yours = any(graph.wires[wire].yours is not None for wire in graph.inputs)
    table = _table(
        [("", "left"), ("autodiff" if has_yours else "", "left"), *([("yours", "left")] if has_yours else [])]
    )
    for wire in graph.inputs:
        held = graph.wires[wire]
        row = [screen.text(one_line(held.label), CODE), Text(figure(held.gradient), GRADIENT, overflow="fold")]
        if has_yours:
            row.append(_yours(held.yours, held.gradient, screen))
        table.add_row(*row)
    return table


def _yours(yours: object, gradient: object, screen: Screen) -> Text:
    import numpy as np

    if yours is None:
        return screen.text("–", QUIET)
    mine, right = np.asarray(yours), np.asarray(0.0 if gradient is None else gradient)
    same = mine.shape == right.shape and bool(np.allclose(mine, right, rtol=1e-6, atol=1e-9))
    sign = screen.marks.status[Status.PASS if same else Status.FAIL]
    text = screen.text(f"{sign} {figure(mine)}", "" if same else "bold red")
    if not same and mine.shape == right.shape:
        error = np.abs(mine - right)
        index = np.unravel_index(int(np.argmax(error)), error.shape) if error.ndim else ()
        place = f" at [{', '.join(map(str, map(int, index)))}]" if index else ""
        told = f"; worst{place}: {figure(mine[index])}, not {figure(right[index])}"
        text.append_text(screen.text(told, QUIET))
    return text


def _value(value: object) -> Text:
    return Text(figure(value), VALUE, overflow="fold")


def _table(columns: Sequence[tuple[str, str]]) -> Table:
    table = Table(box=None, show_header=any(name for name, _ in columns), header_style=QUIET, padding=(0, 1))
    for name, justify in columns:
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    return table
