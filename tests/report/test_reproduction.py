"""How a failing layer is reproduced: a script to copy, a finding's own inputs; and what else was checked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.report.json import report_object
from gradcheck_cli.report.model import Finding, LayerReport, NamedArray, Report, Status
from tests.report import reports
from tests.report.test_table import shown

SCRIPT = """import numpy as np
from mylayer import affine_backward, affine_forward
x, w = np.ones((2, 1)), np.ones((1, 1))
assert np.isclose(1.0, 2.0), f"a message that is longer than a narrow page is wide, so that it would be folded there"
"""


def failing(**changes: Any) -> Report:
    """A report with one failing layer that has a script and something else that was checked."""
    known = {"script": SCRIPT, "checked": ("linear in the upstream gradient", "inputs unchanged")}
    layer = replace(_failing_layer(), **{**known, **changes})
    return reports.report(layer)


def _failing_layer() -> LayerReport:
    return next(layer for layer in reports.failing_report().layers if layer.failing_draw is not None)


@pytest.mark.parametrize("width", [40, 100, 200])
def test_the_script_can_be_copied_from_a_page_of_any_width(width: int) -> None:
    text = shown(failing(), width=width)
    assert SCRIPT in text


def test_the_script_stands_in_for_the_inputs_of_the_draw() -> None:
    assert "inputs of draw" in shown(failing(script=""))
    assert "inputs of draw" not in shown(failing())
    verbose = shown(failing(), verbose=True)
    assert "inputs of draw" in verbose
    assert SCRIPT in verbose


def test_quiet_shows_neither_the_script_nor_what_else_was_checked() -> None:
    text = shown(failing(), quiet=True)
    assert "import numpy" not in text
    assert "also checked" not in text
    assert "run it again" in text


def test_what_else_was_checked_is_said_of_failing_layers_and_in_verbose_mode_of_all() -> None:
    said = "also checked: linear in the upstream gradient, inputs unchanged"
    assert said in shown(failing())
    passing = reports.report(reports.layer(checked=("linear in the upstream gradient", "inputs unchanged")))
    assert "also checked" not in shown(passing)
    assert said in shown(passing, verbose=True)


def test_a_finding_shows_its_own_inputs() -> None:
    found = Finding("GC403", "unstable", "mylayer.py", 3, "x", inputs=(NamedArray("x", np.array([1e200, 0.0])),))
    text = shown(failing(findings=(found,), status=Status.FAIL))
    assert "with" in text
    assert "x = np.array([1e+200,    0.0])" in text


def test_nothing_in_a_script_can_command_the_terminal() -> None:
    text = shown(failing(script='x = "\x1b[2J\u202e"\n'))
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_json_has_all_of_it() -> None:
    found = Finding("GC403", "unstable", "mylayer.py", 3, "x", inputs=(NamedArray("x", np.array([1e200])),))
    layer = report_object(failing(findings=(found,)))["layers"][0]
    assert layer["script"] == SCRIPT
    assert layer["checked"] == ["linear in the upstream gradient", "inputs unchanged"]
    assert layer["findings"][0]["inputs"] == [
        {"name": "x", "source": "", "dtype": "float64", "shape": [1], "value": [1e200]}
    ]
