from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase

from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.junit import render_junit
from gradcheck_cli.report.model import Report, Status
from gradcheck_cli.report.problem import Problem
from tests.report import hostile, reports

ALLOWED = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "file", "time", "tests", "failures", "errors", "skipped"},
    "testcase": {"name", "classname", "time"},
    "properties": set(),
    "property": {"name", "value"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
}
"""The attributes that Jenkins's schema (`junit-10.xsd`) has for each element, as far as they are used here."""


def read(content: str) -> JUnitXml:
    """The document by a reader that is not ours."""
    return JUnitXml.fromstring(content.encode("utf-8"))


def cases(content: str) -> list[TestCase]:
    return [case for suite in read(content) for case in suite]


def strangers(content: str) -> list[str]:
    """Elements and attributes that Jenkins's schema does not know."""
    found = []
    for element in ElementTree.fromstring(content.encode("utf-8")).iter():
        known = ALLOWED.get(element.tag)
        found += [element.tag] if known is None else [f"{element.tag}@{name}" for name in element.attrib.keys() - known]
    return found


@pytest.mark.parametrize("name", reports.ALL)
def test_every_report_is_read_and_counted(name: str) -> None:
    report = reports.ALL[name]
    content = render_junit(report, Ending())
    whole = read(content)
    assert strangers(content) == []
    assert whole.tests == len(report.layers) + len(report.errors) + len(report.suppressed)
    assert (whole.failures, whole.errors) == (report.count(Status.FAIL), report.count(Status.ERROR))
    assert sum(suite.skipped for suite in whole) == report.count(Status.INCONCLUSIVE)
    for suite in whole:
        counted = [suite.tests, suite.failures, suite.errors, suite.skipped]
        suite.update_statistics()
        assert counted == [suite.tests, suite.failures, suite.errors, suite.skipped]


def test_a_suite_a_module_and_a_case_a_layer() -> None:
    whole = read(render_junit(reports.mixed_report(), Ending()))
    told = {
        suite.name: [(case.classname, case.name, [type(r) for r in case.result]) for case in suite] for suite in whole
    }
    assert told == {
        "broken/syntax.py": [("broken.syntax", "import", [Error])],
        "mylayer.py": [("mylayer", "affine", []), ("mylayer", "affine_twice", [Failure])],
        "other/layers.py": [
            ("other.layers", "hard_tanh", [Skipped]),
            ("other.layers", "broken_forward", [Error]),
            ("other.layers", "mystery", [Error]),
        ],
    }
    assert {name.name: name.value for name in next(iter(whole)).properties()} == {
        "version": "0.1.0",
        "seed": "0",
        "device": "cpu",
    }


def test_a_failure_can_be_read() -> None:
    (failure,) = cases(render_junit(reports.report(reports.mismatch()), Ending()))[0].result
    assert failure.type == "GC201"
    assert failure.message.startswith("GC201 mismatch: 6 of 30 elements of `dw` differ")
    for part in ("mylayer.py:27: GC201 dw", "6 of 30 elements wrong, worst relative error 1", "[0, 2]: yours 0.69"):
        assert part in failure.text
    assert failure.text.strip().endswith("run it again: gradcheck run mylayer.py::affine_twice --seed 0")


def test_several_findings_are_one_failure() -> None:
    (failure,) = cases(render_junit(reports.report(reports.dimensions()), Ending()))[0].result
    assert failure.message.endswith("(and 3 more findings)")
    assert all(code in failure.text for code in ("GC101", "GC102", "GC103"))


def test_inconclusive_is_skipped_and_under_strict_a_failure() -> None:
    (skipped,) = cases(render_junit(reports.report(reports.inconclusive()), Ending()))[0].result
    assert isinstance(skipped, Skipped)
    assert skipped.message.startswith("The function's own noise")
    (failure,) = cases(render_junit(reports.report(reports.inconclusive()), Ending(strict=True)))[0].result
    assert isinstance(failure, Failure)


def test_a_run_that_never_began_is_an_error() -> None:
    problem = Problem("usage", "`--draws` is 0", "pyproject.toml", 3, "draws = 1")
    content = render_junit(Report("0.1.0", 0, "cpu"), Ending(problem, 2))
    assert strangers(content) == []
    (case,) = cases(content)
    assert [type(result) for result in case.result] == [Error]
    assert "at: pyproject.toml:3\nmend: draws = 1" in case.result[0].text
    assert read(content).errors == 1


def test_paths_are_relative_to_the_folder() -> None:
    layer = replace(reports.mismatch(), path="/home/you/a b/x.py")
    (suite,) = read(render_junit(reports.report(layer), Ending(folder=Path("/home/you"))))
    assert (suite.name, next(iter(suite)).classname) == ("a b/x.py", "a b.x")


def test_an_attribute_that_jenkins_does_not_know_would_be_seen() -> None:
    assert strangers('<testsuites><testcase line="1"/><lair/></testsuites>') == ["testcase@line", "lair"]


@settings(deadline=None)
@given(hostile.texts)
def test_it_is_xml_whatever_the_names_are(text: str) -> None:
    content = render_junit(hostile.holding(text), Ending())
    content.encode("utf-8")
    assert strangers(content) == []
    # the suite's file, the module that does not load, the three layers
    assert len(cases(content)) == 4
