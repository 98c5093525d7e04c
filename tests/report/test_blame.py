"""The path that is to blame, in every format."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console

from gradcheck_cli.diagnose.surroundings import function_at
from gradcheck_cli.isolation.messages import CODEC
from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.findings import finding_view
from gradcheck_cli.report.formats import renderer
from gradcheck_cli.report.json import render_json
from gradcheck_cli.report.marked_source import marked_lines, marked_text
from gradcheck_cli.report.model import Blame, Finding, Report, Status
from gradcheck_cli.report.screen import Screen

from .reports import argument, layer, report

BLAME = Blame(
    path="mylayer.py",
    line=14,
    end_line=14,
    expression="h + x",
    operand="x",
    factor=-1.0,
    explains=1.0,
    source="    out = h + x",
)
SENTENCE = "your `dx` has no contribution through `x` in `h + x` (line 14): that path must be added"
FINDING = Finding("GC209", SENTENCE, "mylayer.py", 21, "x", blame=BLAME)


def blaming() -> Report:
    """A report with one layer whose `dx` lacks a path."""
    wrong = argument("x", (4, 6), status=Status.FAIL, wrong=24)
    return report(layer(status=Status.FAIL, findings=(FINDING,), arguments=(wrong,)))


def test_the_expression_is_marked_below_its_line_with_its_factor() -> None:
    assert marked_text(BLAME) == "14  out = h + x\n          ^^^^^ × 0 in your backward"
    several = replace(BLAME, end_line=15, expression="(h + x)", source="    out = (h\n        + x)", factor=1.0)
    assert marked_text(several) == "14  out = (h\n15      + x)\n        ^^^^ × 2 in your backward"
    assert marked_lines(replace(BLAME, source="")) == []


FORWARD = """def block(h, x):
    \"\"\"Docstring
    of two lines.\"\"\"
    a = 1

    b = 2
    c = 3
    d = 4
    e = 5
    f = 6
    g = 7
    h = 8
    out = h + x
    return out
"""


def test_the_function_is_shown_around_it_with_gaps_and_without_its_docstring() -> None:
    forward = function_at(FORWARD, 13)
    assert [number for number, _ in forward] == [1, *range(4, 15)]
    shown = marked_text(replace(BLAME, line=13, end_line=13, forward=forward))
    assert shown.splitlines()[:4] == [" 1  def block(h, x):", "        …", " 7      c = 3", " 8      d = 4"]
    assert shown.splitlines()[-3:] == [
        "13      out = h + x",
        "              ^^^^^ × 0 in your backward",
        "14      return out",
    ]
    assert function_at(FORWARD, 99) == ()
    assert function_at("def f(:", 1) == ()


def test_the_screen_shows_the_line() -> None:
    console = Console(file=io.StringIO(), width=100)
    console.print(finding_view(FINDING, Screen(width=100)))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "out = h + x" in shown
    assert "^^^^^" in shown
    assert "mylayer.py:14" in shown


def test_json_follows_the_schema() -> None:
    schema = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text(encoding="utf-8"))
    found = json.loads(render_json(blaming()))
    jsonschema.validate(found, schema)
    (finding,) = found["layers"][0]["findings"]
    assert finding["blame"] == {
        "path": "mylayer.py",
        "line": 14,
        "end_line": 14,
        "expression": "h + x",
        "operand": "x",
        "factor": -1.0,
        "explains": 1.0,
        "source": "    out = h + x",
        "is_part": False,
    }


@pytest.mark.parametrize("name", ["concise", "markdown", "html", "sarif", "junit", "github"])
def test_every_format_tells_of_it(name: str) -> None:
    text = renderer(name)(blaming(), Ending())
    assert "has no contribution through" in text
    if name in ("markdown", "html", "junit"):
        assert "^^^^^" in text
    if name == "sarif":
        (result,) = json.loads(text)["runs"][0]["results"]
        (related,) = result["relatedLocations"]
        assert related["physicalLocation"]["region"] == {"startLine": 14, "endLine": 14}


def test_a_worker_can_send_it() -> None:
    structure, buffers = CODEC.encode(FINDING)
    assert CODEC.decode(structure, buffers) == FINDING
