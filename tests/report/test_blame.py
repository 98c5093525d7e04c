"""The path that is to blame, in every format."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console

from gradcheck_cli.isolation.messages import CODEC
from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.findings import finding_view
from gradcheck_cli.report.formats import renderer
from gradcheck_cli.report.json import render_json
from gradcheck_cli.report.marked_source import marked_lines
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


def test_the_expression_is_marked_below_its_line() -> None:
    assert marked_lines(BLAME) == [("14", "out = h + x"), ("", "      ^^^^^")]
    several = replace(BLAME, end_line=15, expression="(h + x)", source="    out = (h\n        + x)")
    assert marked_lines(several) == [("14", "out = (h"), ("15", "    + x)")]
    assert marked_lines(replace(BLAME, source="")) == []


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
