from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings

from gradcheck_cli.report.concise import render_concise
from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.problem import Problem
from tests.report import hostile, reports

LINE = re.compile(r"^(?P<path>.+?):(?P<line>\d+): (?P<code>GC\d{3}|inconclusive|usage)(?: (?P<subject>[^:]+))?: (.*)$")


def test_a_line_a_finding_with_the_gradients_name() -> None:
    assert render_concise(reports.report(reports.convolution()), Ending()).splitlines() == [
        "mylayer.py:95: GC201 dw: 61 of 300 elements of `dw` differ.",
        "mylayer.py:97: GC201 db: All 3 elements of `db` differ.",
    ]


def test_what_could_not_be_judged_or_loaded_has_a_line_too() -> None:
    lines = render_concise(reports.mixed_report(), Ending()).splitlines()
    assert [LINE.match(line)["code"] for line in lines] == ["GC501", "GC201", "inconclusive", "GC502", "GC503"]  # type: ignore[index]
    assert lines[0] == "broken/syntax.py:3: GC501: SyntaxError: '(' was never closed."
    assert lines[2].startswith("other/layers.py:140: inconclusive dx: The function's own noise")
    assert lines[3].startswith("mylayer.py:157: GC502 broken_forward: ")


def test_nothing_where_nothing_is_wrong() -> None:
    assert render_concise(reports.passing_report(), Ending()) == ""


def test_places_are_relative_to_the_folder() -> None:
    layer = reports.layer(path="/home/you/a b/x.py", status=reports.Status.INCONCLUSIVE, notes=("why",))
    assert render_concise(reports.report(layer), Ending(folder=Path("/home/you"))).startswith("a b/x.py:21: ")
    assert render_concise(reports.report(layer), Ending(folder=Path("/home/me"))).startswith("/home/you/a b/x.py:21: ")


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (Problem("usage", "`--draws` is 0", "pyproject.toml", 3), "pyproject.toml:3: usage: `--draws` is 0\n"),
        (Problem("interrupted", "it ended"), "gradcheck: interrupted: it ended\n"),
    ],
)
def test_what_kept_the_command_from_its_work(problem: Problem, line: str) -> None:
    assert render_concise(reports.report(), Ending(problem)) == line


@settings(deadline=None)
@given(hostile.texts)
def test_one_finding_is_one_line_whatever_the_names_are(text: str) -> None:
    content = render_concise(hostile.holding(text), Ending())
    assert content.count("\n") == len(content.splitlines()) == 3
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", content)
