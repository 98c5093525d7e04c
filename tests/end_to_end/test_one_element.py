"""One wrong element among a million is found, and the sensitivity that a report states is true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck_cli import check
from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import Report, Status
from tests.thorough import THOROUGH

SIZES = {"N": 32, "D": 1024, "M": 1024}
SHAPES = {"x": "N,D", "w": "D,M", "b": "M"}

MODULE = """
import numpy as np


def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    dw = x.T @ dout
    dw[{row}, {column}] *= 1 + {error}
    return dout @ w.T, dw, dout.sum(axis=0)
"""


def forward(x: Any, w: Any, b: Any) -> Any:
    return x @ w + b, (x, w)


def with_errors(factors: Callable[[], Any], shrink: bool = False) -> Report:
    """The report on an affine layer of 1024×1024 whose dw is multiplied by `factors()`."""

    def backward(dout: Any, cache: Any) -> Any:
        x, w = cache
        return dout @ w.T, x.T @ dout * factors(), dout.sum(axis=0)

    return check(forward, backward, SHAPES, dimensions=SIZES, draws=1, diagnose=False, shrink=shrink)


def planted(places: Any, error: float) -> Callable[[], Any]:
    def factors() -> Any:
        found = np.ones((SIZES["D"], SIZES["M"]))
        found.reshape(-1)[places] += error
        return found

    return factors


def test_one_element_off_by_a_millionth_is_found_in_a_file(tmp_path: Path, seed: int = 0) -> None:
    row, column = (int(axis) for axis in np.random.default_rng(seed).integers(0, 1024, 2))
    path = tmp_path / "mylayer.py"
    shapes = {name: tuple(axes.split(",")) for name, axes in SHAPES.items()}
    inputs = InputOptions(shapes=shapes, dimensions=SIZES, seed=seed, draws=1)
    for error, status in ((0.0, Status.PASS), (1e-6, Status.FAIL)):
        path.write_text(MODULE.format(row=row, column=column, error=error), encoding="utf-8")
        (layer,) = check_targets([Target(path)], CheckOptions(inputs, Settings(shrink=False, diagnose=False))).layers
        assert layer.status is status
        assert layer.sensitivity is not None and layer.sensitivity < 1e-6
    (finding,) = layer.findings
    assert (finding.code, finding.argument, finding.index) == ("GC201", "w", (row, column))
    wrong = {argument.name: (argument.wrong, argument.total) for argument in layer.arguments}
    assert wrong == {"x": (0, 32 * 1024), "w": (1, 1024 * 1024), "b": (0, 1024)}


@pytest.mark.skipif(not THOROUGH, reason="the same of a file is asked above")
def test_one_element_off_by_a_millionth_is_found_by_check() -> None:
    report = with_errors(planted([123 * 1024 + 456], 1e-6), shrink=True)
    (finding,) = report.layers[0].findings
    assert (finding.argument, finding.index) == ("w", (123, 456))
    assert not report.passed


@pytest.mark.skipif(not THOROUGH, reason="`benchmarks/sensitivity.py` asks far more")
def test_the_stated_sensitivity_is_true() -> None:
    """Errors just above it are found in every element, and above the typical one in 19 of 20, as it says."""
    right = with_errors(planted([], 0.0))
    assert right.passed
    (layer,) = right.layers
    assert layer.sensitivity is not None and layer.typical_sensitivity is not None
    assert layer.typical_sensitivity < 1e-10
    # that of every element is that of the one nearest to zero among a million
    assert layer.typical_sensitivity < layer.sensitivity < 1e-3
    rng = np.random.default_rng(0)
    many = rng.choice(SIZES["D"] * SIZES["M"], 2000, replace=False)
    for error, least in ((1.01 * layer.sensitivity, 1.0), (-1.01 * layer.typical_sensitivity, 0.94)):
        found = {argument.name: argument.wrong for argument in with_errors(planted(many, error)).layers[0].arguments}
        assert least * len(many) <= found["w"] <= len(many)
        assert found["x"] == found["b"] == 0
    for place in rng.choice(many, 2):
        (failing,) = with_errors(planted([place], 1.01 * layer.sensitivity)).layers
        assert failing.status is Status.FAIL
        assert all(finding.argument == "w" for finding in failing.findings)
