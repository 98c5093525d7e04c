from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings

from gradcheck_cli.report import sarif
from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.model import Finding, LayerReport, Report, Status
from gradcheck_cli.report.problem import Problem
from gradcheck_cli.report.sarif import FINGERPRINT, render_sarif
from tests.published_schemas import SARIF, complaints
from tests.report import hostile, reports
from tests.report.test_json import strictly_parsed

FOLDER = Path("/home/you/a project")


def run_of(report: Report, ending: Ending | None = None) -> Any:
    log = strictly_parsed(render_sarif(report, ending or Ending()))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    return run


def nulls(node: Any, at: str = "$") -> list[str]:
    if isinstance(node, dict):
        return [found for key, value in node.items() for found in nulls(value, f"{at}.{key}")]
    if isinstance(node, list):
        return [found for position, value in enumerate(node) for found in nulls(value, f"{at}[{position}]")]
    return [at] if node is None else []


def prints(report: Report) -> list[str]:
    return [result["partialFingerprints"][FINGERPRINT] for result in run_of(report)["results"]]


@pytest.mark.parametrize("name", reports.ALL)
@pytest.mark.parametrize("folder", [None, FOLDER])
def test_every_report_follows_the_published_schema(name: str, folder: Path | None) -> None:
    log = strictly_parsed(render_sarif(reports.ALL[name], Ending(folder=folder)))
    assert complaints(SARIF, log) == []
    assert nulls(log) == []


@pytest.mark.parametrize("kind", ["usage", "internal", "interrupted"])
def test_a_run_cut_short_follows_it_too(kind: Any) -> None:
    ending = Ending(Problem(kind, "\ud800 it ended", "pyproject.toml", 3, "mend it"), 2)
    for report in (reports.mixed_report(), Report("0.1.0", 0, "cpu")):
        log = strictly_parsed(render_sarif(report, ending))
        assert complaints(SARIF, log) == []
        (invocation,) = log["runs"][0]["invocations"]
        assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 2)
        where = "toolConfigurationNotifications" if kind == "usage" else "toolExecutionNotifications"
        assert invocation[where][0]["level"] == "error"


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("results", 0, "level"), "fatal"),
        (("results", 0, "message"), {}),
        (("results", 0, "locations", 0, "physicalLocation", "region", "startLine"), 0),
        (("tool", "driver", "name"), None),
        (("invocations", 0, "executionSuccessful"), "yes"),
    ],
)
def test_the_schema_is_one_that_refuses(path: tuple[Any, ...], wrong: Any) -> None:
    log = strictly_parsed(render_sarif(reports.failing_report(), Ending()))
    node = log["runs"][0]
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = wrong
    assert complaints(SARIF, log) != []


def test_what_passes_gives_no_result() -> None:
    assert run_of(reports.passing_report())["results"] == []
    assert run_of(reports.passing_report())["tool"]["driver"]["rules"] == []


def test_a_result_names_its_rule_its_place_and_its_numbers() -> None:
    run = run_of(reports.report(replace(reports.mismatch(), path=str(FOLDER / "mylayer.py"))), Ending(folder=FOLDER))
    (result,) = run["results"]
    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
    assert (result["ruleId"], rule["id"], rule["name"], result["level"]) == ("GC201", "GC201", "mismatch", "error")
    assert "ratio" in rule["help"]["text"]
    assert rule["help"]["markdown"].startswith("**GC201 mismatch**\n\n")
    assert result["properties"]["maxRelativeError"] == 1.0
    location = result["locations"][0]
    assert location["physicalLocation"]["region"] == {"startLine": 27}
    assert location["logicalLocations"] == [
        {"name": "affine_twice", "fullyQualifiedName": "mylayer.affine_twice", "kind": "function"}
    ]


def test_levels_and_the_order_of_results() -> None:
    run = run_of(reports.mixed_report())
    told = [(result["ruleId"], result["level"]) for result in run["results"]]
    assert told == [
        ("GC501", "error"),
        ("GC502", "error"),
        ("GC503", "error"),
        ("GC201", "error"),
        ("inconclusive", "warning"),
    ]
    assert [result["level"] for result in run_of(reports.mixed_report(), Ending(strict=True))["results"]] == 5 * [
        "error"
    ]


def test_places_are_uris_relative_to_the_source_root() -> None:
    names = {str(FOLDER / "säge #1%20.py"): "s%C3%A4ge%20%231%2520.py", "a:b.py": "a%3Ab.py"}
    for path, uri in names.items():
        finding = Finding("GC301", "it writes", path, 3)
        layer = reports.layer(path=path, status=Status.FAIL, findings=(finding,))
        run = run_of(reports.report(layer), Ending(folder=FOLDER))
        artifact = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
        assert artifact == {"uri": uri, "uriBaseId": "%SRCROOT%"}
        assert run["originalUriBaseIds"] == {"%SRCROOT%": {"uri": "file:///home/you/a%20project/"}}


def test_a_place_elsewhere_is_a_uri_of_its_own() -> None:
    finding = Finding("GC301", "it writes", "/usr/lib/x y.py", 3)
    run = run_of(reports.report(reports.layer(status=Status.FAIL, findings=(finding,))), Ending(folder=FOLDER))
    artifact = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact == {"uri": "file:///usr/lib/x%20y.py"}


def test_a_name_that_is_no_utf_8_goes_back_to_its_bytes() -> None:
    name = os.fsdecode(b"\xff.py")
    layer = reports.layer(status=Status.FAIL, findings=(Finding("GC301", "it writes", name, 3),))
    artifact = run_of(reports.report(layer))["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact["uri"] == "%FF.py"


def moved(layer: LayerReport, by: int) -> LayerReport:
    findings = tuple(replace(finding, line=(finding.line or 1) + by) for finding in layer.findings)
    return replace(layer, line=layer.line + by, findings=findings)


def test_fingerprints_stay_where_lines_come_and_go_and_numbers_change() -> None:
    before = reports.report(reports.mismatch(), reports.convolution(), reports.dimensions())
    after = replace(before, layers=tuple(moved(layer, 17) for layer in before.layers), seed=3)
    assert prints(before) == prints(after)
    assert len(set(prints(before))) == len(prints(before)) == 7
    renamed = replace(before, layers=(replace(before.layers[0], name="another"), *before.layers[1:]))
    assert len(set(prints(before)) & set(prints(renamed))) == 6


def test_equal_findings_are_told_apart() -> None:
    finding = Finding("GC301", "it writes", reports.PATH, 21, "x")
    layer = reports.layer(status=Status.FAIL, findings=(finding, replace(finding, line=30)))
    first, second = prints(reports.report(layer))
    assert first != second


def test_no_more_results_than_code_scanning_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MOST_RESULTS", 2)
    run = run_of(reports.mixed_report())
    assert [result["ruleId"] for result in run["results"]] == ["GC501", "GC502"]
    notes = [note["message"]["text"] for note in run["invocations"][0]["toolExecutionNotifications"]]
    assert notes[-1] == "3 more results left out: code scanning takes 2 of a run."


def test_the_limit_itself() -> None:
    assert sarif.MOST_RESULTS == 25_000


@settings(deadline=None, max_examples=50)
@given(hostile.texts)
def test_it_is_sarif_whatever_the_names_are(text: str) -> None:
    log = strictly_parsed(render_sarif(hostile.holding(text), Ending(folder=FOLDER)))
    assert complaints(SARIF, log) == []
    for result in log["runs"][0]["results"]:
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert uri.isascii()
        assert urlsplit(uri).scheme in ("", "file")
        assert json.dumps(unquote(uri))
        assert "](" not in result["message"]["text"].replace("\\](", "")
