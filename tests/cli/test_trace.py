"""`gradcheck trace`, started as its users start it: what it prints, what it writes, how it ends."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.command import gradcheck

ROOT = Path(__file__).parents[2]
LECTURE = ROOT / "fixtures" / "graphs" / "lecture.py"
AT = ("--at", "w=2,-3,-3", "--at", "x=-1,-2")


def test_the_table_shows_values_forward_and_gradients_backward():
    done = gradcheck("trace", f"{LECTURE}::folded_neuron", *AT)
    assert done.code == 0, done.err
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert "3 multiply w[0] * x[0] -2.00 25" in lines
    assert "13 sigmoid sigmoid(z) 0.73 7" in lines
    assert "13 sigmoid 1.00 z 0.20 0.20" in lines
    assert "w [-0.20, -0.39, 0.20]" in lines
    assert "x [0.39, -0.59]" in lines


def test_the_tree_goes_from_the_output_to_the_inputs():
    done = gradcheck("trace", f"{LECTURE}::gates", "--at", "x=2", "--at", "y=3", "--at", "z=-4", "--format", "tree")
    assert done.code == 0, done.err
    assert "#3 = 15.00  1.00" in done.out
    assert "largest = 3.00  5.00  local 5.00" in done.out
    assert "y = 3.00  5.00  local 1.00" in done.out


def test_data_without_a_gradient_is_on_the_way_and_not_on_the_way_back():
    done = gradcheck("trace", f"{ROOT / 'docs' / 'examples' / 'conventions' / 'net.py'}::TwoLayerNet", "--yours")
    assert done.code == 0, done.err
    forward, _, backward = done.out.partition("backward")
    assert "X @ W1" in forward
    assert sum("✓" in line for line in backward.splitlines()) == 4


def test_ones_own_backward_stands_beside_the_gradients():
    done = gradcheck("trace", f"{ROOT / 'fixtures' / 'mylayer.py'}::layernorm", "--yours")
    assert done.code == 0, done.err
    rows = {line.split()[0]: line for line in done.out.partition("gradients of the inputs")[2].splitlines() if line}
    assert "✗" in rows["x"]
    assert "✓" in rows["gamma"]


@pytest.mark.parametrize(
    ("arguments", "what", "mend"),
    [
        ([str(LECTURE)], "does not say which function", "::FUNCTION"),
        ([f"{LECTURE}::nothing"], "has no function `nothing`", "neuron"),
        (["missing.py::f"], "no file `missing.py`", "Python file"),
        ([f"{LECTURE}::neuron", "--at", "w=two"], "is no number", "--at x=-1,-2"),
        ([f"{LECTURE}::neuron", "--at", "v=2"], "no argument `v`", "w, x"),
        ([f"{LECTURE}::neuron", "--format", "png"], "`--format`", "table"),
        ([f"{LECTURE}::neuron", *AT, "--expand", "softmax"], "no gate of that name", "nothing here is folded"),
    ],
)
def test_what_cannot_be_meant_is_told_with_a_mend(arguments, what, mend):
    done = gradcheck("trace", *arguments)
    assert done.code == 2
    assert what in done.err
    assert mend in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


def test_a_module_that_prints_or_raises_does_not_get_into_the_graph(tmp_path):
    path = tmp_path / "quiet.py"
    path.write_text("print('loud')\n\n\ndef f(x):\n    print('louder')\n    return x * x\n")
    done = gradcheck("trace", f"{path}::f", "--at", "x=3")
    assert (done.code, "loud" in done.out) == (0, False)
    path.write_text("import os\n\n\ndef f(x):\n    os._exit(3)\n")
    done = gradcheck("trace", f"{path}::f", "--at", "x=3")
    assert done.code == 2
    assert "os._exit(3)" in done.err
    assert "quiet.py:5" in done.err


def traced(name: str, *arguments: str) -> dict[str, Any]:
    """The graph of one of the lecture's functions, as JSON."""
    done = gradcheck("trace", f"{LECTURE}::{name}", *arguments, "--format", "json")
    assert done.code == 0, done.err
    return dict(done.json)


def by_operation(graph: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {gate["operation"]: gate for gate in graph["gates"]}


def test_worked_example_1_a_neuron_as_a_graph_of_gates():
    graph = traced("neuron", *AT)
    wires, gates = graph["wires"], graph["gates"]
    forward = [round(wires[gate["outputs"][0]]["value"], 2) for gate in gates if gate["operation"] != "select"]
    assert forward == [-2, 6, 4, 1, -1, 0.37, 1.37, 0.73]
    backward = [round(wires[gate["outputs"][0]]["gradient"], 2) for gate in gates if gate["operation"] != "select"]
    assert backward == [0.20, 0.20, 0.20, 0.20, -0.20, -0.53, -0.53, 1]
    w, x = (wires[number] for number in graph["inputs"])
    assert [round(number, 2) for number in w["gradient"]] == [-0.20, -0.39, 0.20]
    assert [round(number, 2) for number in x["gradient"]] == [0.39, -0.59]
    y = 1 / (1 + math.exp(-1))
    assert w["gradient"] == pytest.approx([-y * (1 - y), -2 * y * (1 - y), y * (1 - y)], rel=1e-14)
    reciprocal = by_operation(graph)["reciprocal"]["inputs"][1]
    assert reciprocal["local"] == pytest.approx(-1 / (1 + math.exp(-1)) ** 2, rel=1e-14)


def test_worked_example_1_simplified_to_one_sigmoid_gate():
    y = 1 / (1 + math.exp(-1))
    for name, told in (("neuron", ("--collapse", "sigmoid")), ("folded_neuron", ())):
        sigmoid = by_operation(traced(name, *AT, *told))["sigmoid"]
        assert sigmoid["inputs"][0]["local"] == pytest.approx(y * (1 - y), rel=1e-14)
        assert sigmoid["inputs"][0]["downstream"] == pytest.approx(y * (1 - y), rel=1e-14)


def test_worked_example_2_the_patterns_of_gates():
    gates = by_operation(traced("gates", "--at", "x=2", "--at", "y=3", "--at", "z=-4"))
    assert {name: gate["pattern"] for name, gate in gates.items()} == {
        "add": "distributor",
        "multiply": "switcher",
        "max": "router",
    }
    assert [port["downstream"] for port in gates["add"]["inputs"]] == [3, 3]
    assert [port["downstream"] for port in gates["max"]["inputs"]] == [5, 0]
    assert [port["local"] for port in gates["multiply"]["inputs"]] == [3, 5]


def test_worked_examples_3_and_4_the_chain_rule():
    w, x, y = [0.5, -1.0, 2.0], [1.0, 2.0, -0.5], 0.25
    at = ("--at", "w=0.5,-1,2", "--at", "x=1,2,-0.5")
    h = sum(a * b for a, b in zip(w, x))
    error = traced("squared_error", *at, "--at", f"y={y}")
    wires = {wire["name"]: wire for wire in error["wires"]}
    assert wires["h"]["gradient"] == pytest.approx(-2 * (y - h), rel=1e-14)
    assert wires["w"]["gradient"] == pytest.approx([-2 * (y - h) * b for b in x], rel=1e-14)
    loss = traced("log_loss", *at)
    wires = {wire["name"]: wire for wire in loss["wires"]}
    sigma = 1 / (1 + math.exp(-h))
    assert wires["h2"]["gradient"] == pytest.approx(-1 / sigma, rel=1e-14)
    assert wires["h1"]["gradient"] == pytest.approx(-(1 - sigma), rel=1e-14)
    assert wires["w"]["gradient"] == pytest.approx([-(1 - sigma) * b for b in x], rel=1e-14)
    local = by_operation(loss)["sigmoid"]["inputs"][0]["local"]
    assert local == pytest.approx(sigma * (1 - sigma), rel=1e-14)


@pytest.mark.parametrize(("name", "paths"), [("residual", 2), ("resnext", 4)])
def test_worked_example_6_at_a_fan_out_the_gradients_add(name, paths):
    graph = traced(name)
    x = graph["inputs"][0]
    uses = [port["downstream"] for gate in graph["gates"] for port in gate["inputs"] if port["wire"] == x]
    assert len(uses) == paths
    np.testing.assert_allclose(np.sum(uses, axis=0), graph["wires"][x]["gradient"], rtol=1e-12)


@pytest.mark.parametrize("name", ["graph.svg", "graph.html", "graph.mmd", "graph.dot", "graph.json", "graph.txt"])
def test_the_ending_of_a_file_says_its_format(tmp_path, name):
    done = gradcheck("trace", f"{LECTURE}::folded_neuron", *AT, "--output", str(tmp_path / name))
    assert (done.code, done.out) == (0, ""), done.err
    text = (tmp_path / name).read_text()
    assert text.startswith(
        {"svg": "<", "html": "<!DOCTYPE html>", "mmd": "flowchart", "dot": "digraph", "json": "{"}.get(
            name.partition(".")[2], "\n folded_neuron"
        )
    )
    assert "0.73" in text or "0.731" in text
