from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gradcheck_cli.report.json import render_json
from gradcheck_cli.report.json_values import number
from gradcheck_cli.report.model import Report
from gradcheck_cli.report.problem import Problem, empty_report_object
from tests.report import reports

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text())
PROBLEM = Problem("usage", "`--draws` is 0", "pyproject.toml", 3, "draws = 1")


def strictly_parsed(document: str) -> Any:
    """What a parser that follows the standard to the letter makes of it."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    document.encode("utf-8")  # a lone surrogate is no Unicode
    return json.loads(document, parse_constant=refuse)


def errors(document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(SCHEMA).iter_errors(document)]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", reports.ALL)
def test_every_report_follows_the_schema(name: str) -> None:
    assert errors(strictly_parsed(render_json(reports.ALL[name]))) == []


@pytest.mark.parametrize("kind", ["usage", "internal", "interrupted"])
def test_a_run_cut_short_follows_it_too(kind: Any) -> None:
    problem = Problem(kind, "\ud800 it ended")
    assert errors(strictly_parsed(render_json(reports.mixed_report(), problem))) == []
    assert strictly_parsed(render_json(reports.report(reports.layer()), problem))["summary"]["error"] == 1
    never_began = empty_report_object("0.1.0", 0, "cpu", problem)
    assert errors(strictly_parsed(json.dumps(never_began))) == []
    assert never_began.keys() == strictly_parsed(render_json(Report("0.1.0", 0, "cpu"), problem)).keys()


def test_the_skeleton() -> None:
    """The keys that were promised, each where it was promised."""
    document = strictly_parsed(render_json(reports.failing_report()))
    assert {"schema_version", "version", "seed", "device", "summary", "layers"} <= document.keys()
    assert document["schema_version"] == 1
    assert document["summary"] == {"pass": 2, "fail": 2, "inconclusive": 0, "error": 0}
    layer = document["layers"][1]
    assert {"name", "path", "line", "convention", "status", "sensitivity", "arguments", "findings"} <= layer.keys()
    assert {
        "name",
        "status",
        "shape",
        "max_abs_error",
        "max_rel_error",
        "wrong",
        "total",
        "decided_by",
    } <= layer["arguments"][1].keys()
    finding = layer["findings"][0]
    assert finding == {
        "code": "GC201",
        "rule": "mismatch",
        "argument": "w",
        "message": "6 of 30 elements of `dw` differ from the derivative; autodiff and finite differences agree.",
        "path": "mylayer.py",
        "line": 27,
        "index": [3, 2],
        "yours": -2.5,
        "autodiff": -1.25,
        "finite_difference": -1.2500000001,
        "error_bar": 2.4e-10,
        "mend": None,
        "inputs": [],
        "blame": None,
    }


def test_the_summary_counts_the_layers() -> None:
    document = strictly_parsed(render_json(reports.mixed_report()))
    statuses = [layer["status"] for layer in document["layers"]]
    assert document["summary"] == {status: statuses.count(status) for status in document["summary"]}


def test_a_module_that_does_not_load_stands_among_the_layers() -> None:
    (first, *_) = strictly_parsed(render_json(reports.mixed_report()))["layers"]
    assert (first["convention"], first["status"], first["name"]) == ("module", "error", "syntax")
    assert [finding["code"] for finding in first["findings"]] == ["GC501"]


def test_numbers_that_are_not_finite_survive() -> None:
    layer = strictly_parsed(render_json(reports.report(reports.non_finite())))["layers"][0]
    finding = layer["findings"][0]
    assert (finding["yours"], finding["finite_difference"], finding["error_bar"]) == ("NaN", "-Infinity", "Infinity")
    assert layer["arguments"][0]["max_rel_error"] == "NaN"
    assert layer["findings"][1]["yours"] == {"real": 1.0, "imag": 2.0}
    assert layer["arguments"][1]["worst"][0]["finite_difference"] == {"real": 1.0, "imag": "NaN"}
    assert layer["failing_draw"]["arguments"][0]["value"] == ["NaN", "Infinity", 1.0]


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("layers", 1, "status"), "passed"),
        (("layers", 1, "arguments", 1, "max_rel_error"), "nan"),
        (("layers", 1, "arguments", 1, "wrong"), None),
        (("layers", 1, "findings", 0, "code"), "GC9"),
        (("layers", 1, "findings", 0, "yours"), {"real": 1.0}),
        (("summary", "fail"), -1),
        (("schema_version",), 2),
    ],
)
def test_the_schema_refuses_what_it_does_not_say(path: tuple[Any, ...], wrong: Any) -> None:
    document = strictly_parsed(render_json(reports.failing_report()))
    *way, last = path
    node = document
    for key in way:
        node = node[key]
    assert last in node or isinstance(last, int)
    node[last] = wrong
    assert errors(document) != []


def test_no_key_of_the_schema_is_optional_by_mistake() -> None:
    document = strictly_parsed(render_json(reports.failing_report()))
    del document["layers"][1]["findings"][0]["error_bar"]
    assert errors(document) != []


def test_numpy_scalars_are_plain_numbers() -> None:
    import numpy as np

    assert json.dumps([number(np.float32(0.5)), number(np.int64(3)), number(np.bool_(True))]) == "[0.5, 3, true]"
    assert number(np.complex64(1 + 2j)) == {"real": 1.0, "imag": 2.0}
