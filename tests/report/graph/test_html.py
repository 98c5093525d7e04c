"""The page by a strict parser that is not ours, and in a browser where there is one."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from hypothesis import given, settings

from gradcheck_cli.report.graph import html
from gradcheck_cli.report.graph.html import ends, graph_html
from tests.report import hostile
from tests.report.graph import graphs
from tests.report.html import test_page
from tests.report.html.browser import browser, found
from tests.report.html.test_in_a_browser import CONTRASTS, OVERFLOWING, complaints

TAGS = test_page.TAGS | {"circle", "g", "text", "tspan", "desc", "details", "summary", "br"}


@pytest.fixture(autouse=True)
def _tags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_page, "TAGS", TAGS)


def rows(content: str) -> list[list[str]]:
    """The cells of all rows of gates, the words in them."""
    root = test_page.parsed(content)
    return [
        [re.sub(r"\s+", " ", "".join(cell.itertext())) for cell in row if cell.tag == "td"]
        for tag, row in test_page.elements(root)
        if tag == "tr"
    ]


@pytest.mark.parametrize("name", [name for name in graphs.ALL if name != "long"])
def test_every_graph_is_strict_html_that_runs_and_loads_nothing(name: str) -> None:
    content = graph_html(graphs.ALL[name])
    assert test_page.dangers(content) == []
    assert "@import" not in content
    assert "url(" not in content


def test_the_table_has_values_local_and_both_gradients() -> None:
    cells = rows(graph_html(graphs.neuron()))
    assert ["w", "(3,)", "[2, -3, -3]", "[-0.20, -0.39, 0.20]"] in cells
    assert ["in v3", "-1.00", "v2 = 2.00", "0.39"] in cells
    assert ["out v4", "-2.00", "", "0.20 upstream"] in cells
    at = cells.index(["3. × multiplyw[0] * x[0]switcher · line 9", "in v2", "2.00", "v3 = -1.00", "-0.20"])
    assert at > cells.index(["out v3", "-1.00", "", "0.39 upstream"])
    assert ["in v8", "4.00", "1", "0.20"] not in cells  # that row begins with its gate
    assert ["in v9", "-3.00", "1", "0.20"] in cells


def test_a_folded_gate_has_its_parts_inside() -> None:
    root = test_page.parsed(graph_html(graphs.neuron()))
    (details,) = [element for tag, element in test_page.elements(root) if tag == "details"]
    inside = re.sub(r"\s+", " ", "".join(details.itertext()))
    assert inside.startswith("4 operations inside")
    for part in ("negate", "np.exp(-z)", "1.37", "-0.53", "1/x"):
        assert part in inside
    assert "open" not in details.attrib


def test_yours_stands_beside_the_gradient() -> None:
    graph = graphs.neuron()
    wires = (replace(graph.wires[0], yours=np.array([1.0, 2.0, 4.0])), *graph.wires[1:])
    cells = rows(graph_html(replace(graph, wires=wires)))
    assert ["w", "(3,)", "[2, -3, -3]", "[-0.20, -0.39, 0.20]", "[1, 2, 4]"] in cells


def test_of_a_very_long_graph_the_ends_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "MOST_ROWS", 20)
    content = graph_html(graphs.chain(50))
    assert ["… 30 gates"] in rows(content)
    assert content.count("<tbody>") == 22  # and one for the inputs


def test_3000_gates_are_a_page_of_bounded_size() -> None:
    content = graph_html(graphs.chain(3000))
    assert content.count("… 1,000 gates") == 1
    assert len(content) < 3_000_000


def test_ends() -> None:
    assert ends([1, 2, 3], 3) == ([1, 2, 3], 0, ())
    assert ends([1, 2, 3, 4, 5], 4) == ([1, 2], 1, [4, 5])


@pytest.mark.parametrize("text", [*graphs.HOSTILE, *hostile.EXAMPLES])
def test_what_the_user_named_is_text(text: str) -> None:
    assert test_page.dangers(graph_html(graphs.holding(text))) == []


def test_it_is_harmless_whatever_the_names_are() -> None:
    @settings(deadline=None, max_examples=30)
    @given(hostile.texts)
    def harmless(text: str) -> None:
        assert test_page.dangers(graph_html(graphs.holding(text))) == []

    harmless()


@pytest.mark.skipif(found() is None, reason="no browser on PATH")
def test_it_can_be_read_on_a_phone_and_on_a_desk_by_day_and_by_night(tmp_path: Path) -> None:
    samples = {"neuron": graphs.neuron(), "arrays": graphs.arrays(), "hostile": graphs.holding("x" * 300)}
    with browser() as page:
        for name, graph in samples.items():
            file = tmp_path / f"{name}.html"
            file.write_text(graph_html(graph), encoding="utf-8")
            for width, dark in ((360, True), (1200, False)):
                page.open(file, width, dark=dark)
                seen = page.evaluate(OVERFLOWING.replace(".scroll, pre", ".scroll, .picture, pre"))
                assert (seen["scroll"], seen["width"], seen["out"]) == (width, width, [])
                assert page.evaluate(CONTRASTS)["poor"] == []
                assert complaints(page) == []


def test_the_element_is_a_picture(tmp_path: Path) -> None:
    root = test_page.parsed(graph_html(graphs.neuron()))
    pictures: list[Element] = [element for tag, element in test_page.elements(root) if tag == "svg"]
    assert [picture.attrib["role"] for picture in pictures] == ["img"]
