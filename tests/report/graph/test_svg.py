"""The picture by a parser of XML that is not ours."""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given, settings

from gradcheck_cli.report.graph.svg import graph_svg
from tests.report import hostile
from tests.report.graph import graphs

SVG = "{http://www.w3.org/2000/svg}"
TAGS = {"svg", "title", "desc", "style", "g", "rect", "circle", "path", "text", "tspan"}


def parsed(content: str) -> Element:
    return ElementTree.fromstring(content.encode("utf-8"))


def texts(root: Element, kind: str = "") -> list[str]:
    return [
        "".join(text.itertext()) for text in root.iter() if text.tag == f"{SVG}text" and kind in text.get("class", "")
    ]


def told(root: Element, kind: str) -> list[str]:
    return [one.text or "" for one in root.iter() if one.get("class") == kind]


def dangers(root: Element) -> list[str]:
    found = [element.tag for element in root.iter() if element.tag.removeprefix(SVG) not in TAGS]
    for element in root.iter():
        found += [
            name for name, value in element.attrib.items() if name.startswith("on") or "href" in name or "url(" in value
        ]
    return found


@pytest.mark.parametrize("name", graphs.ALL)
def test_it_is_a_picture_that_runs_and_loads_nothing(name: str) -> None:
    content = graph_svg(graphs.ALL[name])
    root = parsed(content)
    assert root.tag == f"{SVG}svg"
    assert dangers(root) == []
    assert "url(" not in content
    assert "@import" not in content
    assert "prefers-color-scheme: dark" in content


def test_the_neuron_has_the_values_and_gradients_of_the_lecture() -> None:
    root = parsed(graph_svg(graphs.neuron(folded=False)))
    values, gradients = told(root, "value"), told(root, "gradient")
    assert values[:12] == "2.00 -1.00 -3.00 -2.00 -2.00 6.00 4.00 -3.00 1.00 -1.00 0.37 1.37".split()
    assert gradients[:12] == "-0.20 0.39 -0.39 -0.59 0.20 0.20 0.20 0.20 0.20 -0.20 -0.53 -0.53".split()
    assert (values[12], gradients[12]) == ("0.73", "1.00")
    for sign in ("×", "+", "×-1", "exp", "+1", "1/x", "w[0]", "x[1]", "w[2]"):
        assert sign in texts(root)


def test_the_value_is_above_its_line_and_the_gradient_below() -> None:
    root = parsed(graph_svg(graphs.neuron()))
    for label in (group for group in root.iter(f"{SVG}g") if group.get("class") == "label"):
        value, gradient = label.findall(f"{SVG}text")
        assert value.find(f"{SVG}tspan[@class='value']") is not None
        assert gradient.get("class") == "gradient"
        assert float(value.get("y", "")) < float(gradient.get("y", ""))


def test_a_folded_sigmoid_is_a_circle_with_its_sign() -> None:
    root = parsed(graph_svg(graphs.neuron()))
    (call,) = [group for group in root.iter(f"{SVG}g") if group.get("class") == "call sign"]
    assert call.find(f"{SVG}circle") is not None
    assert call.findtext(f"{SVG}text") == "σ"


def test_a_fan_out_has_a_dot_and_the_gradient_of_each_use() -> None:
    root = parsed(graph_svg(graphs.fan_out()))
    assert [one.get("class") for one in root.iter(f"{SVG}circle")].count("fan") == 1
    assert told(root, "gradient")[:3] == ["2.00", "2.00", "7.39"]


def test_large_arrays_are_shape_and_norm() -> None:
    values = told(parsed(graph_svg(graphs.arrays())), "value")
    assert all(re.fullmatch(r"\d+×\d+ ‖[\d.]+‖", value) for value in values[:4])
    assert values[0].startswith("3×7 ‖")


def test_what_is_not_finite_is_said() -> None:
    root = parsed(graph_svg(graphs.not_finite()))
    assert told(root, "value")[:3] == ["[NaN, Inf, -Inf]", "2×3 ‖NaN‖", "Inf"]
    assert told(root, "gradient")[:3] == ["[Inf, 0, NaN]", "2×3 ‖Inf‖", "1.00"]


def test_a_long_graph_has_its_ends_and_a_box_between() -> None:
    root = parsed(graph_svg(graphs.chain(3000)))
    assert "… 2,800 gates" in texts(root)
    assert texts(root).count("×") == 200


def test_it_is_told_in_words() -> None:
    root = parsed(graph_svg(graphs.neuron()))
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "graph-title graph-desc"
    assert root.findtext(f"{SVG}title") == "The computation graph of neuron"
    assert "inputs w, x; 5 gates" in (root.findtext(f"{SVG}desc") or "")
    titles = [title.text or "" for title in root.iter(f"{SVG}title")]
    assert "gate 3: multiply (switcher)\nw[0] * x[0]\nlayers.py:9" in titles
    assert "v2 = 2.00\nlocal gradient v3 = -1.00\ndownstream gradient -0.20" in titles


@pytest.mark.parametrize("text", [*graphs.HOSTILE, *hostile.EXAMPLES])
def test_what_the_user_named_is_text(text: str) -> None:
    assert dangers(parsed(graph_svg(graphs.holding(text)))) == []


@settings(deadline=None, max_examples=40)
@given(hostile.texts)
def test_it_is_harmless_whatever_the_names_are(text: str) -> None:
    assert dangers(parsed(graph_svg(graphs.holding(text)))) == []
