"""Nets and losses as courses have them written: right ones pass, and the slips that students make are named."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from gradcheck_cli import check
from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Status

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "conventions"
SMALL = {"input_size": 2, "hidden_size": 4, "output_size": 3}


def checked(path: Path, name: str, *, diagnose: bool = True) -> LayerReport:
    options = CheckOptions(InputOptions(draws=2, dimensions=SMALL), Settings(shrink=False, diagnose=diagnose))
    return check_targets([Target(path, name)], options).layers[0]


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("dh.sum(axis=0)", "dh.mean(axis=0)", "GC206", "1/N times"),
        ("X.T @ dh + 2 * reg * W1", "X.T @ dh + reg * W1", "GC210", "half of the path through `W1` in `W1 * W1`"),
        (" * (h > 0)", "", "GC212", "`np.maximum(0, X @ W1 + b1)`"),
        ('        grads["b1"] = dh.sum(axis=0)\n', "", "GC103", "`grads['b1']`"),
    ],
)
def test_a_slip_is_named(tmp_path: Path, old: str, new: str, code: str, said: str) -> None:
    source = (EXAMPLES / "net.py").read_text()
    assert old in source
    wrong = tmp_path / "net.py"
    wrong.write_text(source.replace(old, new))
    report = checked(wrong, "TwoLayerNet")
    assert report.status is Status.FAIL
    assert [finding.code for finding in report.findings] == [code]
    assert said in report.findings[0].message


def test_right_ones_pass() -> None:
    report = checked(EXAMPLES / "net.py", "TwoLayerNet", diagnose=False)
    assert report.status is Status.PASS
    assert [one.name for one in report.arguments] == ["W1", "b1", "W2", "b2"]


def test_a_cost_that_comes_last(tmp_path: Path) -> None:
    source = (EXAMPLES / "loss.py").read_text()
    assert checked(EXAMPLES / "loss.py", "propagate", diagnose=False).status is Status.PASS
    wrong = tmp_path / "loss.py"
    wrong.write_text(source.replace("np.sum(A - Y) / m", "np.sum(A - Y)"))
    report = checked(wrong, "propagate")
    assert [finding.code for finding in report.findings] == ["GC206"]


def test_a_net_that_is_handed_over() -> None:
    net = runpy.run_path(str(EXAMPLES / "net.py"))["TwoLayerNet"]
    report = check(net, draws=1)
    assert [one.name for one in report.layers[0].arguments] == ["W1", "b1", "W2", "b2"]
    assert report.layers[0].status is Status.PASS
