"""What was found and does not count is never taken for a clean pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gradcheck_cli.report.json import report_object
from gradcheck_cli.report.model import Finding, Report, Status
from tests.report import reports
from tests.report.test_table import shown, squeezed

NOT_LINEAR = Finding("GC304", "not linear in the upstream gradient", reports.PATH, 27)


def rows(report: Report, width: int = 100) -> list[list[str]]:
    return [line.split() for line in shown(report, width).splitlines()]


def test_a_layer_that_passes_so_says_how() -> None:
    report = reports.report(reports.suppressed(reports.mismatch()))
    text = squeezed(shown(report))
    assert "affine_twice: passed, 1 finding ignored (GC201 by comment line 26)" in text
    assert "1 passed, 1 finding ignored · seed 0" in text
    assert "✗" not in text
    assert "ignored" not in shown(reports.report(reports.layer()))


@pytest.mark.parametrize("width", [60, 100])
def test_its_wrong_gradient_keeps_its_numbers_and_the_others_their_verdict(width: int) -> None:
    wrong = [row for row in rows(reports.report(reports.suppressed(reports.mismatch())), width) if "w" in row[:2]]
    assert [row[row.index("w") + 1 : row.index("w") + 4] for row in wrong] == [["–", "ignored", "1"]]
    x = next(row for row in rows(reports.report(reports.suppressed(reports.mismatch())), width) if "x" in row)
    assert x[x.index("x") + 1 : x.index("x") + 3] == ["✓", "pass"]


def test_a_rule_beside_the_values_has_a_line_of_its_own() -> None:
    layer = reports.layer(status=Status.FAIL, findings=(NOT_LINEAR,))
    assert rows(reports.report(layer)).count(["not-linear", "✗", "fail", "GC304"]) == 1
    assert rows(reports.report(reports.suppressed(layer))).count(["not-linear", "–", "ignored", "GC304"]) == 1


def test_wrong_values_that_the_ignored_finding_stood_for_are_named() -> None:
    told = "; the values of `dw` are wrong too"
    only_w = replace(reports.mismatch(), findings=(NOT_LINEAR,))
    assert told in squeezed(shown(reports.report(reports.suppressed(only_w))))
    assert told not in squeezed(shown(reports.report(reports.suppressed(reports.mismatch()))))


def test_a_layer_with_a_finding_left_fails_and_names_what_is_ignored() -> None:
    report = reports.report(reports.suppressed(reports.convolution(), "--ignore", count=1))
    text = squeezed(shown(report))
    assert "1 finding ignored (GC201 by --ignore)" in text
    assert "GC201 mismatch · b" in text
    assert "GC201 mismatch · w" not in text
    assert "1 failed, 1 finding ignored" in text
    assert next(row[1:3] for row in rows(report) if row[:1] == ["b"]) == ["✗", "fail"]
    assert "61 of 300 elements of `dw` differ" in squeezed(shown(report, verbose=True))


def test_what_was_not_checked_is_no_pass() -> None:
    text = squeezed(shown(reports.suppressed_report()))
    assert "broken/syntax.py: not checked, 1 finding ignored (GC501 by per-file-ignores)" in text
    assert "1 failed, 2 inconclusive, 2 passed, 4 findings ignored" in text


def test_quiet_keeps_the_count_and_the_ignores_in_vain() -> None:
    text = squeezed(shown(reports.suppressed_report(), quiet=True))
    assert "4 findings ignored" in text
    assert 'mylayer.py:12: "# gradcheck: ignore[GC304]" no longer matches; remove it' in text
    assert "old.json: GC201 of a.py::relu no longer matches; drop it" in text
    assert "affine_twice" not in text


def test_many_are_not_all_listed_unless_asked_for() -> None:
    layers = [replace(reports.suppressed(reports.mismatch()), name=f"layer{number}") for number in range(9)]
    text = squeezed(shown(reports.report(*layers)))
    assert text.count(": passed, 1 finding ignored") == 6
    assert "… and 3 more with findings ignored (--verbose shows them)" in text
    assert squeezed(shown(reports.report(*layers), verbose=True)).count("1 finding ignored (GC201") == 9


def test_in_json_both_are_there() -> None:
    document = report_object(reports.suppressed_report())
    module, _, affine, convolution, broken = document["layers"]
    assert (module["status"], module["findings"]) == ("inconclusive", [])
    assert [one["by"] for one in module["suppressed"]] == ["per-file-ignores"]
    assert (affine["status"], affine["findings"]) == ("pass", [])
    assert affine["arguments"][1]["status"] == "fail"
    assert affine["suppressed"][0]["finding"]["code"] == "GC201"
    assert (convolution["status"], len(convolution["findings"]), len(convolution["suppressed"])) == ("fail", 1, 1)
    assert broken["status"] == "inconclusive"
    statuses = [layer["status"] for layer in document["layers"]]
    assert document["summary"] == {status: statuses.count(status) for status in document["summary"]}
    assert [(one["path"], one["line"]) for one in document["unused_ignores"]] == [
        ("mylayer.py", 12),
        ("old.json", None),
    ]
