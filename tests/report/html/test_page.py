"""The page by a strict parser that is not ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from xml.etree.ElementTree import Element

import html5lib
import numpy as np
import pytest
from hypothesis import given, settings

from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.html.page import render_html
from gradcheck_cli.report.model import Report
from gradcheck_cli.report.problem import Problem
from tests.report import hostile, reports

TAGS = set(
    "html head meta link title style body main header h1 h2 h3 p span code wbr a div table thead tbody tr th td "
    "section dl dt dd ul li pre figure figcaption strong svg rect path".split()
)
LOADING = {"src", "srcset", "data", "action", "poster", "background", "xlink:href"}


def parsed(content: str) -> Element:
    """The document's tree; a `ParseError` for whatever HTML's standard calls an error."""
    content.encode("utf-8")
    root: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(content)
    return root


def elements(root: Element) -> Iterator[tuple[str, Element]]:
    for element in root.iter():
        if isinstance(element.tag, str):
            yield element.tag.rpartition("}")[2], element


def dangers(content: str) -> list[str]:
    """Whatever could run, or fetch something, or is no element of ours."""
    found = []
    for tag, element in elements(parsed(content)):
        if tag not in TAGS:
            found.append(tag)
        for name, value in element.attrib.items():
            address = name == "href" and not (value.startswith("#") or value == "data:,")
            if name.startswith("on") or name in LOADING or address or "url(" in value:
                found.append(f"{tag}@{name}={value}")
    return found


def text_of(content: str) -> str:
    return re.sub(r"\s+", " ", "".join(parsed(content).find("body").itertext()))  # type: ignore[union-attr]


@pytest.mark.parametrize("name", reports.ALL)
def test_every_report_is_strict_html_that_runs_and_loads_nothing(name: str) -> None:
    content = render_html(reports.ALL[name], Ending())
    assert dangers(content) == []
    assert "@import" not in content
    assert "url(" not in content


@pytest.mark.parametrize(
    "planted",
    ["<script>1</script>", '<img src="x.png">', '<p onclick="x">', '<a href="http://e.vil">y</a>', "<iframe></iframe>"],
)
def test_what_runs_or_loads_would_be_seen(planted: str) -> None:
    content = render_html(reports.failing_report(), Ending())
    assert dangers(content.replace("<main>", f"<main>{planted}")) != []


def test_the_strict_parser_is_strict() -> None:
    with pytest.raises(html5lib.html5parser.ParseError):
        parsed(render_html(reports.failing_report(), Ending()).replace("</h1>", ""))


def test_it_says_what_the_table_says() -> None:
    seen = text_of(render_html(reports.report(reports.mismatch()), Ending()))
    for part in (
        "gradcheck: 1 failed",
        "GC201 mismatch · w",
        "mylayer.py:27",
        "dw (D=6, M=5) · 6 of 30 elements wrong · by autodiff",
        "[0, 2]0.691170.345580.34558 ± 2e-102",
        "Where it is wrong: 6 of 30 elements. D (0 to 5) goes down, M (0 to 4) goes to the right.",
        "gradcheck run mylayer.py::affine_twice --seed 0",
        "would have caught a relative error of 4e-12 in any element",
    ):
        assert part in seen, part


def test_links_lead_to_sections() -> None:
    root = parsed(render_html(reports.mixed_report(), Ending()))
    anchors = [element.attrib["id"] for _, element in elements(root) if "id" in element.attrib]
    links = [element.attrib["href"][1:] for tag, element in elements(root) if tag == "a"]
    assert len(set(anchors)) == len(anchors) == 5
    assert set(links) <= set(anchors)
    assert len(links) == 4


def test_dimension_errors_show_both_shapes() -> None:
    assert "yours(M=5, D=6)expected(D=6, M=5)mend" in text_of(
        render_html(reports.report(reports.dimensions()), Ending())
    )


def drawings(report: Report) -> list[Element]:
    return [element for tag, element in elements(parsed(render_html(report, Ending()))) if tag == "svg"]


def places(drawing: Element) -> set[tuple[int, int]]:
    """The cells with marks, by row and column."""
    marks = [mark for mark in drawing.iter() if mark.attrib.get("class") == "heat"]
    return {(int(float(mark.attrib["y"]) // 10), int(float(mark.attrib["x"]) // 10)) for mark in marks}


def test_the_map_marks_the_wrong_column_and_nothing_else() -> None:
    where, worst = drawings(reports.report(reports.mismatch()))
    assert places(where) == places(worst) == {(row, 2) for row in range(6)}
    assert "Marks in every row and marks in column 2 of 5." in where.attrib["aria-label"]


def test_the_worst_elements_are_the_larger_the_wronger() -> None:
    layer = reports.mismatch()
    x, w, b = layer.arguments
    sizes = (1.0, 1e-3, 1e-9)
    worst = tuple(replace(element, yours=size, autodiff=0.0) for element, size in zip(w.worst, sizes))
    _, drawing = drawings(reports.report(replace(layer, arguments=(x, replace(w, worst=worst), b))))
    sides = [float(mark.attrib["width"]) for mark in drawing.iter() if mark.attrib.get("class") == "heat"]
    assert len(sides) == 3
    assert sides == sorted(sides, reverse=True)
    assert len(set(sides)) == 3


def test_one_element_of_a_million_has_a_mark() -> None:
    (drawing,) = drawings(reports.report(reports.tiny_mismatch()))
    assert len(places(drawing)) == 1
    assert "a cell is up to 43 × 32 elements" in text_of(render_html(reports.report(reports.tiny_mismatch()), Ending()))


def test_a_gradient_that_is_wrong_everywhere_says_so_and_shows_how_wrong() -> None:
    layer = replace(reports.mismatch(), arguments=(reports.failing_argument("w", np.ones((3, 4), dtype=bool)),))
    assert "Every element is wrong." in text_of(render_html(reports.report(layer), Ending()))
    assert len(drawings(reports.report(layer))) == 1


def test_a_run_that_never_began_says_why() -> None:
    problem = Problem("usage", "`--draws` is 0", "p.toml", 3, "draws = 1")
    content = render_html(Report("0.1.0", 0, "cpu"), Ending(problem, 2))
    assert dangers(content) == []
    for part in ("not run", "--draws is 0", "p.toml:3", "draws = 1"):
        assert part in text_of(content)


@settings(deadline=None)
@given(hostile.texts)
def test_it_is_harmless_whatever_the_names_are(text: str) -> None:
    assert dangers(render_html(hostile.holding(text), Ending())) == []
