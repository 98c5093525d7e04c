from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gradcheck_cli.report.graph.drawing import Drawing, drawing
from tests.report.graph import graphs


def labels(drawn: Drawing) -> dict[tuple[str, str], tuple[str, str]]:
    texts = {node.key: node.text for node in drawn.nodes}
    return {(texts[edge.source], texts[edge.target]): (edge.value, edge.gradient) for edge in drawn.edges}


def test_the_neuron_is_drawn_as_in_the_lecture() -> None:
    drawn = drawing(graphs.neuron(folded=False))
    assert labels(drawn) == {
        ("w[0]", "×"): ("2.00", "-0.20"),
        ("x[0]", "×"): ("-1.00", "0.39"),
        ("w[1]", "×"): ("-3.00", "-0.39"),
        ("x[1]", "×"): ("-2.00", "-0.59"),
        ("×", "+"): ("6.00", "0.20"),
        ("+", "+"): ("4.00", "0.20"),
        ("w[2]", "+"): ("-3.00", "0.20"),
        ("+", "×-1"): ("1.00", "0.20"),
        ("×-1", "exp"): ("-1.00", "-0.20"),
        ("exp", "+1"): ("0.37", "-0.53"),
        ("+1", "1/x"): ("1.37", "-0.53"),
        ("1/x", "output"): ("0.73", "1.00"),
    }
    assert next(edge.name for edge in drawn.edges if edge.wire == 10) == "z"


def test_a_folded_call_is_one_gate() -> None:
    drawn = drawing(graphs.neuron())
    assert labels(drawn)["+", "σ"] == ("1.00", "0.20")
    assert labels(drawn)["σ", "output"] == ("0.73", "1.00")


def test_an_input_that_is_also_used_whole_stays_whole() -> None:
    graph = graphs.neuron()
    drawn = drawing(replace(graph, outputs=(14, 0), upstream=(*graph.upstream, np.ones(3))))
    texts = [node.text for node in drawn.nodes]
    assert texts.count("w") == 1
    assert "select" in texts
    assert "w[0]" not in texts
    assert "x[0]" in texts


@pytest.mark.parametrize("name", graphs.ALL)
def test_every_edge_joins_an_earlier_node_to_a_later_one(name: str) -> None:
    drawn = drawing(graphs.ALL[name])
    position = {node.key: number for number, node in enumerate(drawn.nodes)}
    assert len(position) == len(drawn.nodes)
    assert all(position[edge.source] < position[edge.target] for edge in drawn.edges)


def test_of_a_long_graph_the_first_and_the_last_gates_are_drawn() -> None:
    drawn = drawing(graphs.chain(3000), 500, 100)
    assert drawn.left_out == 2800
    keys = [node.key for node in drawn.nodes if node.kind in ("gate", "more")]
    assert keys == [*(f"g{n}" for n in range(1, 101)), "more", *(f"g{n}" for n in range(2901, 3001))]
    assert next(node.text for node in drawn.nodes if node.key == "more") == "… 2,800 gates"
    into = [edge for edge in drawn.edges if edge.target == "more"]
    assert [(edge.source, edge.gradient) for edge in into] == [("g100", "1.00"), ("i1", "2800")]


def test_500_gates_are_drawn_whole() -> None:
    assert drawing(graphs.chain(500), 500, 100).left_out == 0


def test_an_unused_input_and_a_wire_from_nowhere_are_shown() -> None:
    wires = [graphs.wire(0, 1, None, "x", "input"), graphs.wire(1, 5, None, "", "constant"), graphs.wire(2, 5, 1)]
    gate = graphs.Gate(1, "negate", (graphs.port(1, -1, -1),), (2,))
    drawn = drawing(graphs.graph(wires, [gate], [2]))
    assert [(node.kind, node.text) for node in drawn.nodes] == [
        ("input", "x"),
        ("constant", "constant"),
        ("gate", "×-1"),
        ("output", "output"),
    ]


def test_an_output_that_is_used_has_its_own_upstream_gradient() -> None:
    wires = [graphs.wire(0, 1, 3, "x", "input"), graphs.wire(1, 2, 3, "a"), graphs.wire(2, 4, 1)]
    gates = [
        graphs.Gate(1, "negate", (graphs.port(0, 1, 3),), (1,)),
        graphs.Gate(2, "negate", (graphs.port(1, 1, 2),), (2,)),
    ]
    drawn = drawing(graphs.graph(wires, gates, [1, 2]))
    assert [(edge.target, edge.gradient) for edge in drawn.edges if edge.wire == 1] == [("g2", "2.00"), ("o0", "1.00")]
    assert [node.text for node in drawn.nodes if node.kind == "output"] == ["a", "output 2"]
