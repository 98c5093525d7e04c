from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.escaping import one_line, plain
from gradcheck_cli.report.github import MOST, render_github
from gradcheck_cli.report.model import Report, Status
from gradcheck_cli.report.problem import Problem
from tests.report import hostile, reports


@dataclass(frozen=True)
class Command:
    name: str
    properties: dict[str, str]
    message: str


def commands(content: str) -> list[Command]:
    """What a runner makes of the lines, as GitHub's documentation of workflow commands has it.

    `::name key=value,key=value::message`, ended by the line; the first `::` after the properties ends them. Of the
    message `%0D`, `%0A` and `%25` are undone, in this order; of a property's value `%3A` and `%2C` as well.
    """
    assert content == "" or content.endswith("\n")
    return [command(line) for line in content.split("\n")[:-1]]


def command(line: str) -> Command:
    assert line.startswith("::"), line
    head, end, message = line[2:].partition("::")
    assert end, line
    name, _, properties = head.partition(" ")
    pairs = [pair.partition("=") for pair in properties.split(",") if pair]
    assert all(equals for _, equals, _ in pairs)
    return Command(name, {key: undone(value, True) for key, _, value in pairs}, undone(message, False))


def undone(value: str, is_property: bool) -> str:
    for written, meant in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ",")):
        if is_property or written in ("%0D", "%0A"):
            value = value.replace(written, meant)
    return value.replace("%25", "%")


def many(count: int, status: Status = Status.FAIL) -> Report:
    """Layers that are wrong, the later the worse."""
    layers = []
    for number in range(count):
        layer = reports.mismatch() if status is Status.FAIL else reports.inconclusive()
        arguments = tuple(
            replace(argument, max_rel_error=float(number + 1)) if argument.status is status else argument
            for argument in layer.arguments
        )
        layers.append(replace(layer, name=f"layer_{number}", arguments=arguments))
    return reports.report(*layers)


def test_a_finding_is_an_error_on_its_line() -> None:
    (told,) = commands(render_github(reports.report(reports.mismatch()), Ending()))
    assert told == Command(
        "error",
        {"file": "mylayer.py", "line": "27", "title": "GC201 mismatch: affine_twice, dw"},
        "6 of 30 elements of `dw` differ from the derivative; autodiff and finite differences agree.",
    )


def test_what_could_not_be_judged_is_a_warning_and_under_strict_an_error() -> None:
    told = commands(render_github(reports.mixed_report(), Ending()))
    assert [command.name for command in told] == [*["error"] * 4, "warning"]
    assert {command.name for command in commands(render_github(reports.mixed_report(), Ending(strict=True)))} == {
        "error"
    }


def test_the_worst_come_first() -> None:
    told = commands(render_github(reports.mixed_report(), Ending()))
    assert [command.properties["title"].split()[0].rstrip(":") for command in told] == [
        "GC501",
        "GC502",
        "GC503",
        "GC201",
        "inconclusive",
    ]
    told = commands(render_github(many(4), Ending()))
    assert [command.properties["title"].split("_")[1][0] for command in told] == list("3210")
    nan = replace(reports.non_finite(), name="nan")
    told = commands(render_github(reports.report(reports.mismatch(), nan), Ending()))
    assert "nan" in told[0].properties["title"]


def test_no_more_than_github_shows_and_a_word_on_the_rest() -> None:
    assert len(commands(render_github(many(MOST), Ending()))) == MOST == 10
    *errors, last = commands(render_github(many(13), Ending()))
    assert [command.name for command in errors] == 10 * ["error"]
    assert (last.name, last.message.split(":")[0]) == ("notice", "3 more findings left out")
    assert errors[0].properties["title"].startswith("GC201 mismatch: layer_12")
    both = reports.report(*many(12).layers, *many(12, Status.INCONCLUSIVE).layers)
    told = [command.name for command in commands(render_github(both, Ending()))]
    assert [told.count(name) for name in ("error", "warning", "notice")] == [10, 10, 1]
    assert len(told) <= 50


def test_nothing_where_nothing_is_wrong() -> None:
    assert render_github(reports.passing_report(), Ending()) == ""


def test_a_file_outside_the_repository_has_no_place_there() -> None:
    layer = replace(reports.inconclusive(), path="/elsewhere/x.py")
    (told,) = commands(render_github(reports.report(layer), Ending(folder=Path("/home/you"))))
    assert set(told.properties) == {"title"}
    (told,) = commands(render_github(reports.report(layer), Ending(folder=Path("/elsewhere"))))
    assert told.properties["file"] == "x.py"


@pytest.mark.parametrize("kind", ["usage", "internal", "interrupted"])
def test_what_kept_the_command_from_its_work_comes_first(kind: str) -> None:
    problem = Problem(kind, "it: ended, 100%\nfor good", mend="begin anew")  # type: ignore[arg-type]
    told = commands(render_github(many(20), Ending(problem, 2)))
    assert (told[0].name, told[0].properties) == ("error", {"title": f"gradcheck: {kind}"})
    assert told[0].message == "it: ended, 100%\nfor good\nmend: begin anew"
    assert len(told) == 11


@settings(deadline=None)
@given(hostile.texts)
def test_what_is_said_is_what_was_meant_whatever_the_names_are(text: str) -> None:
    told = commands(render_github(hostile.holding(text), Ending()))
    assert [command.name for command in told] == ["error", "error", "warning"]
    error, finding, unknown = told
    mend = f"\nmend: {plain(text)}" if text else ""
    assert (error.message, finding.message) == (plain(text) + mend, plain(text) + mend)
    assert unknown.message == (plain(text) or "it could not be judged")
    assert finding.properties["title"] == "GC201 mismatch" + (f": {one_line(text)}" if text else "")
    assert set(finding.properties) <= {"file", "line", "title"}
