"""A derivative without an upstream gradient may be meant at the output: `sigmoid_grad(x)` that is x * (1 - x)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets, diagnosing
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Status

MODULE = """
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_grad(TAKES):
    return RETURNS
"""


def checked(folder: Path, takes: str, returns: str, *, diagnose: bool = False) -> LayerReport:
    path = folder / "mylayer.py"
    path.write_text(MODULE.replace("TAKES", takes).replace("RETURNS", returns), encoding="utf-8")
    options = CheckOptions(InputOptions(draws=2), Settings(shrink=False, diagnose=diagnose))
    (layer,) = check_targets([Target(path)], options).layers
    return layer


def test_what_is_right_at_the_output_alone_is_undecided(tmp_path: Path) -> None:
    layer = checked(tmp_path, "x", "x * (1 - x)")
    (argument,) = layer.arguments
    assert (layer.status, argument.status, layer.findings) == (Status.INCONCLUSIVE, Status.INCONCLUSIVE, ())
    assert argument.why == (
        "`sigmoid_grad` is right where it is given what `sigmoid` returns, and wrong where it is given what `sigmoid` "
        "takes: if the first is meant, call its parameter `y`"
    )


@pytest.mark.parametrize(("takes", "returns"), [("y", "y * (1 - y)"), ("x", "sigmoid(x) * (1 - sigmoid(x))")])
def test_what_says_which_and_is_right_passes(tmp_path: Path, takes: str, returns: str) -> None:
    assert checked(tmp_path, takes, returns).status is Status.PASS


@pytest.mark.parametrize(
    ("takes", "returns"),
    [("x", "x * (1 + x)"), ("y", "sigmoid(y) * (1 - sigmoid(y))"), ("dout, x", "dout * x * (1 - x)")],
)
def test_what_is_right_at_neither_or_says_which_fails(tmp_path: Path, takes: str, returns: str) -> None:
    assert checked(tmp_path, takes, returns).status is Status.FAIL


@pytest.mark.parametrize(("returns", "times"), [("x * (1 - x)", 0), ("x * (1 + x)", 1)])
def test_why_it_fails_is_asked_only_where_it_fails_at_the_output_too(
    returns: str, times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(diagnosing, "diagnosed", lambda *given: asked.append(given) or ())
    checked(tmp_path, "x", returns, diagnose=True)
    assert len(asked) == times
