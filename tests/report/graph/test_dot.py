"""Graphviz's text, by a reader of strings and of HTML-like labels; by Graphviz itself where there is one."""

from __future__ import annotations

import shutil
import subprocess
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from gradcheck_cli.report.graph.dot import graph_dot, quoted
from tests.report import hostile
from tests.report.graph import graphs

SAMPLES = {**graphs.ALL, **{f"hostile {number}": graphs.holding(text) for number, text in enumerate(graphs.HOSTILE)}}


def outside(content: str) -> str:
    """What stands outside of strings and labels, each of which becomes `_`."""
    found, position = [], 0
    while position < len(content):
        if content[position] == '"':
            position += 1
            while content[position] != '"':
                assert content[position] != "\n"
                position += 2 if content[position] == "\\" else 1
            found.append("_")
        elif content[position : position + 2] == "=<":
            end = content.index(">];\n", position)
            ElementTree.fromstring(f"<label>{content[position + 2 : end]}</label>")
            found.append("=_")
            position = end
        else:
            found.append(content[position])
        position += 1
    return "".join(found)


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "long"])
def test_it_is_nodes_and_edges_and_nothing_else(name: str) -> None:
    first, rankdir, node, edge, *lines, end = outside(graph_dot(SAMPLES[name])).splitlines()
    assert (first, rankdir, end) == ("digraph _ {", "  rankdir=LR;", "}")
    assert node.startswith("  node [fontname=_")
    assert edge.startswith("  edge [fontname=_")
    for line in lines:
        assert line.endswith("];")
        head, _, _ = line.strip().partition(" [label=_")
        assert all(key.isalnum() for key in head.split(" -> "))


def test_the_neuron_has_values_in_green_and_gradients_in_red() -> None:
    lines = [line.strip() for line in graph_dot(graphs.neuron(folded=False)).splitlines()]
    font = '<font color="{}">{}</font>'
    for source, target, value, gradient in (
        ("g1", "g3", "2.00", "-0.20"),
        ("g2", "g3", "-1.00", "0.39"),
        ("g5", "g6", "-2.00", "-0.59"),
        ("g12", "g13", "1.37", "-0.53"),
        ("g13", "o0", "0.73", "1.00"),
    ):
        label = f"{font.format('#17692e', value)}<br/>{font.format('#b3211a', gradient)}"
        assert f"{source} -> {target} [label=<{label}>];" in lines


def test_all_gates_are_there_however_many() -> None:
    assert graph_dot(graphs.ALL["long"]).count(" -> ") == 6001


@pytest.mark.parametrize(
    ("text", "string"),
    [('say "x"', '"say \\"x\\""'), ("\\N", '"\\\\N"'), ("&lt;", '"&amp;lt;"'), ("a\nb", '"a\\\\nb"'), ("\\", '"\\\\"')],
)
def test_strings_are_escaped(text: str, string: str) -> None:
    assert quoted(text) == string


@settings(deadline=None, max_examples=40)
@given(hostile.texts)
def test_it_is_harmless_whatever_the_names_are(text: str) -> None:
    assert outside(graph_dot(graphs.holding(text))).count(" -> ") == 5


@pytest.mark.skipif(shutil.which("dot") is None, reason="no Graphviz on PATH")
@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "long"])
def test_graphviz_draws_it(name: str) -> None:
    done = subprocess.run(["dot", "-Tsvg"], input=graph_dot(SAMPLES[name]).encode(), capture_output=True, timeout=60)
    assert done.returncode == 0
    assert b"Error" not in done.stderr  # it warns of fonts that are not there
    ElementTree.fromstring(done.stdout)
