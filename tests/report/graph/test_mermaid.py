"""The flowchart by a small reader of its own: lines of nodes and edges, and nothing else."""

from __future__ import annotations

import html

import pytest
from hypothesis import given, settings

from gradcheck_cli.report.graph.mermaid import MOST_CHARACTERS, MOST_EDGES, escaped, graph_mermaid
from tests.report import hostile
from tests.report.graph import graphs

Label = str
BRACKETS = (("([", "])"), ("[[", "]]"), ("[", "]"))


def read(content: str) -> tuple[dict[str, Label], list[tuple[str, Label, str]]]:
    """Nodes and edges; an `AssertionError` for a line that is neither."""
    first, *lines = content.rstrip("\n").split("\n")
    assert first == "flowchart LR"
    nodes, edges = {}, []
    for line in lines:
        before, label, after = line.strip().split('"')  # no label has a quote in it
        assert not {"\r", "\x00"} & set(line)
        if before.endswith(" -->|"):
            source, target = before.removesuffix(" -->|"), after.removeprefix("| ")
            assert source in nodes
            assert target in nodes
            edges.append((source, shown(label), target))
        else:
            opening = before.lstrip("abcdefghijklmnopqrstuvwxyz0123456789")
            assert (opening, after) in BRACKETS
            nodes[before.removesuffix(opening)] = shown(label)
    return nodes, edges


def shown(label: Label) -> str:
    """What Mermaid makes of a label: its numbers are HTML's."""
    lines = label.split("<br>")
    assert not {"<", ">"} & set("".join(lines))
    return "\n".join(html.unescape(line.replace("#", "&#")) for line in lines)


@pytest.mark.parametrize("name", graphs.ALL)
def test_every_graph_is_a_flowchart_that_mermaid_takes(name: str) -> None:
    content = graph_mermaid(graphs.ALL[name])
    _, edges = read(content)
    assert len(content) <= MOST_CHARACTERS
    assert len(edges) <= MOST_EDGES


def test_the_neuron_has_the_values_and_gradients_of_the_lecture() -> None:
    nodes, edges = read(graph_mermaid(graphs.neuron(folded=False)))
    assert nodes["g3"] == "×\nw[0] * x[0]"
    assert nodes["g1"] == "w[0]"
    assert ("g1", "2.00 / -0.20", "g3") in edges
    assert ("g2", "-1.00 / 0.39", "g3") in edges
    assert ("g5", "-2.00 / -0.59", "g6") in edges
    assert ("g9", "z = 1.00 / 0.20", "g10") in edges
    assert ("g12", "1.37 / -0.53", "g13") in edges
    assert ("g13", "0.73 / 1.00", "o0") in edges


def test_a_graph_with_long_expressions_is_cut_to_what_mermaid_takes() -> None:
    content = graph_mermaid(graphs.random(490, 0))
    nodes, edges = read(content)
    assert len(content) <= MOST_CHARACTERS
    assert len(edges) <= MOST_EDGES
    assert nodes["more"].startswith("… ")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ('"]; A-->B', "#34;]#59; A--#62;B"),
        ("a * b", "a * b"),
        ("a*b*c", "a#42;b#42;c"),
        ("1. one", "1#46; one"),
        ("- item", "#45; item"),
        ("-z", "-z"),
        ("2.00 / -0.20", "2.00 / -0.20"),
        ("#35;", "#35;35#59;"),
        ("", "#160;"),
        (" ", "#160;"),
    ],
)
def test_labels_are_escaped(text: str, label: str) -> None:
    assert escaped(text) == label


@pytest.mark.parametrize("text", [*graphs.HOSTILE, *hostile.EXAMPLES])
def test_what_the_user_named_stays_in_its_label(text: str) -> None:
    nodes, edges = read(graph_mermaid(graphs.holding(text)))
    assert list(nodes) == ["i0", "g1", "g2", "g3", "o0", "o1"]
    assert [(source, target) for source, _, target in edges] == [
        ("i0", "g1"),
        ("g1", "g2"),
        ("i0", "g3"),
        ("g2", "o0"),
        ("g3", "o1"),
    ]


@settings(deadline=None, max_examples=40)
@given(hostile.texts)
def test_it_is_harmless_whatever_the_names_are(text: str) -> None:
    read(graph_mermaid(graphs.holding(text)))
