from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.json import report_object
from gradcheck_cli.report.jsonl import render_jsonl
from gradcheck_cli.report.model import Report
from gradcheck_cli.report.problem import Problem
from tests.report import hostile, reports, schemas
from tests.report.test_json import strictly_parsed


def lines(content: str) -> list[Any]:
    """As any reader would split them: also at Unicode's line separators."""
    assert content.endswith("\n")
    return [strictly_parsed(line) for line in content.splitlines()]


def complaints(content: str) -> list[str]:
    return [complaint for line in lines(content) for complaint in schemas.complaints("jsonl", line)]


@pytest.mark.parametrize("name", reports.ALL)
def test_every_line_follows_the_schema(name: str) -> None:
    assert complaints(render_jsonl(reports.ALL[name], Ending())) == []


def test_a_run_cut_short_follows_it_too() -> None:
    content = render_jsonl(reports.failing_report(), Ending(Problem("interrupted", "\ud800 it ended"), 130))
    assert complaints(content) == []
    assert [line["kind"] for line in lines(content)] == ["run", *["layer"] * 4, "error", "summary"]
    assert lines(content)[-1]["exit_code"] == 130
    never = render_jsonl(Report("0.1.0", 0, "cpu"), Ending(Problem("usage", "`--draws` is 0"), 2))
    assert [line["kind"] for line in lines(never)] == ["run", "error", "summary"]


def test_it_says_what_the_one_document_says() -> None:
    whole = report_object(reports.mixed_report())
    first, *layers, last = lines(render_jsonl(reports.mixed_report(), Ending(exit_code=2)))
    assert [{key: value for key, value in layer.items() if key != "kind"} for layer in layers] == whole["layers"]
    assert {**first, **last} == {
        **{key: value for key, value in whole.items() if key not in ("layers", "errors")},
        "kind": "summary",
        "exit_code": 2,
    }


@pytest.mark.parametrize("change", [{"kind": "lair"}, {"status": "passed"}, {"findings": None}])
def test_the_schema_refuses_what_it_does_not_say(change: dict[str, Any]) -> None:
    layer = lines(render_jsonl(reports.failing_report(), Ending()))[1]
    assert schemas.complaints("jsonl", layer) == []
    assert schemas.complaints("jsonl", {**layer, **change}) != []


@settings(deadline=None)
@given(hostile.texts)
def test_a_line_is_a_line_whatever_the_names_are(text: str) -> None:
    content = render_jsonl(hostile.holding(text), Ending())
    assert content.isascii()
    assert len(lines(content)) == 6
