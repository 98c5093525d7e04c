"""The JSON report read back says what it said; what is none is named with its place."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from gradcheck_cli.report.json import render_json
from gradcheck_cli.report.json_part import Malformed, parse
from gradcheck_cli.report.json_reading import report_of
from gradcheck_cli.report.model import Blame, DrawReport, NamedArray, Report, Status
from gradcheck_cli.report.network.model import Flow, NetworkReport, Stage
from tests.report import reports


def read(report: Report) -> Report:
    return report_of(parse(render_json(report).encode()))


def large(report: Report) -> bool:
    return '"statistics"' in render_json(report)


@pytest.mark.parametrize("report", reports.ALL.values(), ids=reports.ALL)
def test_every_report_comes_back(report: Report) -> None:
    again = read(report)
    assert large(report) or render_json(again) == render_json(report)
    assert [layer.status for layer in again.layers] == [layer.status for layer in report.layers]


@pytest.mark.parametrize("factor", [-1.0, None])
def test_blame_and_a_network_come_back(factor: float | None) -> None:
    blame = Blame("a.py", 3, 4, "h + x", "x", factor, 0.99, "out = h + x", is_part=True)
    flow = Flow("x", "fc1", (4, 5), 0.1, (5, 4), 0.5, float("nan"), 2)
    stage = Stage("fc2", "affine", "a.py", 7, 30, ((4, 5),), 0.3, (flow,), Status.FAIL, "wrong")
    network = NetworkReport((stage,), "fc2", 1.0, 2.0, 1e-9)
    layer = reports.mismatch()
    findings = tuple(replace(finding, blame=blame) for finding in layer.findings)
    found = read(reports.report(replace(layer, findings=findings, network=network))).layers[0]
    assert found.findings[0].blame == blame
    assert repr(found.network) == repr(network)


@pytest.mark.parametrize(
    "value",
    [
        np.array([[1.5, np.nan], [-np.inf, 0.0]]),
        np.array([1 + 2j, np.nan]),
        np.array([True, False]),
        np.arange(3, dtype=np.int32),
        np.zeros((2, 0)),
        np.float32(2.5),
    ],
)
def test_small_inputs_come_back_with_their_values(value: np.ndarray) -> None:
    draw = DrawReport(0, 0, (NamedArray("x", value),), ())
    found = read(reports.report(replace(reports.mismatch(), failing_draw=draw))).layers[0].failing_draw
    assert found is not None
    array = found.arguments[0].value
    assert isinstance(array, np.ndarray) and array.dtype == value.dtype
    np.testing.assert_array_equal(array, value)


def test_a_large_input_comes_back_as_what_was_said_of_it() -> None:
    draw = DrawReport(0, 0, (NamedArray("x", np.ones((50, 50))),), ())
    found = read(reports.report(replace(reports.mismatch(), failing_draw=draw))).layers[0].failing_draw
    assert found is not None and repr(found.arguments[0].value).startswith("float64 (50, 50), from 1 to 1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"layers": NaN}', "NaN is no JSON"),
        ("[1, 2]", "`the document` is a list, not an object"),
        ("{}", "`the document` has no `layers`"),
        ('{"layers": [{}]}', "`layers[0]` has no `convention`"),
        ('{"layers": [], "version": 1}', "`version` is a number, not a string"),
        ('{"layers": [], "version": "", "seed": true}', "`seed` is true or false, not a whole number"),
        ('{"layers": [], "version": "", "seed": -1}', "`seed` is -1, less than 0"),
    ],
)
def test_what_is_no_report(text: str, said: str) -> None:
    with pytest.raises(Malformed) as error:
        report_of(parse(text.encode()))
    assert said in str(error.value)


def test_a_report_without_keys_that_came_later_is_read() -> None:
    document = json.loads(render_json(reports.report(reports.layer())))
    for key in ("typical_sensitivity", "cached", "suppressed", "network", "script"):
        del document["layers"][0][key]
    assert report_of(parse(json.dumps(document).encode())).layers[0].name == "affine"
