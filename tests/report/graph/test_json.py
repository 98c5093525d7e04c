from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from gradcheck_cli.report.graph.json import array_object, graph_json
from gradcheck_cli.report.graph.model import Graph
from tests.report import hostile
from tests.report.graph import graphs


def strictly_parsed(graph: Graph) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(graph_json(graph).encode("utf-8"), parse_constant=refuse)


@pytest.mark.parametrize("name", graphs.ALL)
def test_every_graph_is_json(name: str) -> None:
    graph = graphs.ALL[name]
    document = strictly_parsed(graph)
    assert (document["schema_version"], document["kind"]) == (1, "graph")
    assert [wire["number"] for wire in document["wires"]] == list(range(len(graph.wires)))
    assert [gate["number"] for gate in document["gates"]] == [gate.number for gate in graph.gates]


def test_the_neuron_to_full_precision() -> None:
    document = strictly_parsed(graphs.neuron())
    e, s = np.exp(-1), 1 / (1 + np.exp(-1))
    wires = {wire["number"]: wire for wire in document["wires"]}
    assert [wires[number]["value"] for number in (4, 7, 8, 10, 11)] == [-2, 6, 4, 1, -1]
    assert wires[12]["value"] == pytest.approx(e, rel=1e-15)
    assert wires[14]["value"] == pytest.approx(s, rel=1e-15)
    assert wires[13]["gradient"] == pytest.approx(-1 / (1 + e) ** 2, rel=1e-15)
    assert wires[0]["gradient"] == pytest.approx([-s * (1 - s), -2 * s * (1 - s), s * (1 - s)], rel=1e-15)
    assert (wires[0]["shape"], wires[0]["dtype"], wires[0]["kind"], wires[10]["name"]) == ([3], "float64", "input", "z")
    sigmoid = document["gates"][-1]
    assert sigmoid["folded"] is True
    assert [part["operation"] for part in sigmoid["parts"]] == ["negate", "exp", "add a constant", "reciprocal"]
    assert sigmoid["inputs"][0]["local"] == pytest.approx(0.19661193324148185, rel=1e-15)
    assert document["gates"][2] == {
        "number": 3,
        "operation": "multiply",
        "pattern": "switcher",
        "path": "layers.py",
        "line": 9,
        "expression": "w[0] * x[0]",
        "inputs": [
            {"wire": 2, "constant": None, "local": -1.0, "formula": "v3", "downstream": wires[2]["gradient"]},
            {"wire": 3, "constant": None, "local": 2.0, "formula": "v2", "downstream": wires[3]["gradient"]},
        ],
        "outputs": [4],
        "folded": False,
        "parts": [],
    }
    assert (document["inputs"], document["outputs"], document["upstream"]) == ([0, 1], [14], [1.0])


def test_a_large_array_is_statistics() -> None:
    wires = strictly_parsed(graphs.arrays())["wires"]
    assert np.shape(wires[0]["value"]) == (3, 7)
    w = graphs.arrays().wires[1].value
    told = wires[1]["value"]
    assert (told["shape"], told["not_finite"]) == ([7, 2000], 0)
    assert [told[name] for name in ("min", "max", "mean", "norm")] == pytest.approx(
        [w.min(), w.max(), w.mean(), np.linalg.norm(w)]
    )


def test_1000_numbers_are_written_and_1001_are_not() -> None:
    assert array_object(np.zeros(1000)) == [0.0] * 1000
    assert array_object(np.zeros(1001))["shape"] == [1001]


def test_what_is_not_finite_is_a_string() -> None:
    wires = strictly_parsed(graphs.not_finite())["wires"]
    assert wires[0]["value"] == ["NaN", "Infinity", "-Infinity"]
    large = array_object(np.array([np.nan, np.inf, *range(1000)]))
    assert (large["min"], large["max"], large["not_finite"]) == (0.0, 999.0, 2)
    assert array_object(np.full(2000, np.nan))["mean"] is None


@pytest.mark.parametrize("value", [np.zeros(2, dtype=np.int32), np.array(True), np.array([1 + 2j]), np.zeros((0, 3))])
def test_other_dtypes(value: Any) -> None:
    json.dumps(array_object(value), allow_nan=False)


@settings(deadline=None, max_examples=40)
@given(hostile.texts)
def test_names_are_as_the_user_wrote_them(text: str) -> None:
    document = strictly_parsed(graphs.holding(text))
    assert document["name"] == text.encode("utf-8", "backslashreplace").decode()
