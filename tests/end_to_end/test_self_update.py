"""Layers whose backward updates their parameters: judged by the update, and left as they were."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Status
from tests.checking.shrink.test_shrinking import fails, outcome

RIGHT = (
    "dx = dout @ self.W.T",
    "dW = self.x.T @ dout",
    "self.W -= lr * dW",
    "self.b -= lr * dout.sum(axis=0)",
)
MADE = "n_in, n_out", "self.W = np.random.randn(n_in, n_out)", "self.b = np.zeros(n_out)"
GIVEN = "W, b", "self.W = W", "self.b = b"
KEPT = "n_in, n_out, lr=0.01", "self.lr = lr", *MADE[1:]


def dense(*backward: str, made: tuple[str, ...] = MADE, given: str = "dout, lr", text: str = "") -> str:
    lines = "\n        ".join((*backward, "return dx"))
    start = "\n        ".join(made[1:])
    return dedent(f"""\
import numpy as np
class Dense:
    def __init__(self, {made[0]}):
        {start}
    def forward(self, x):
        '''x: (N, D)'''
        self.x = x
        return x @ self.W + self.b
    def backward(self, {given}):
        {lines}
{text}""")


def checked(folder: Path, source: str, **settings: object) -> LayerReport:
    path = folder / "mine.py"
    path.write_text(source)
    options = CheckOptions(InputOptions(draws=2), Settings(**{"shrink": False, **settings}))  # type: ignore[arg-type]
    (layer,) = check_targets([Target(path)], options).layers
    return layer


def replaced(old: str, new: str) -> tuple[str, ...]:
    return tuple(line.replace(old, new) for line in RIGHT)


KINDS = {
    "required": {},
    "a default": {"given": "dout, lr=0.1"},
    "given": {"made": GIVEN},
    "on the object": {"made": KEPT, "given": "dout"},
}


def written(kind: str, lines: tuple[str, ...]) -> str:
    lines = tuple(line.replace("lr *", "self.lr *") for line in lines) if kind == "on the object" else lines
    return dense(*lines, **KINDS[kind])  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_the_right_one_passes_and_all_its_gradients_are_judged(tmp_path: Path, kind: str) -> None:
    layer = checked(tmp_path, written(kind, RIGHT))
    assert layer.status is Status.PASS, layer.findings
    assert {argument.name for argument in layer.arguments} == {"x", "W", "b"}
    assert any("the gradient is (before - after) / lr" in note for note in layer.notes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_one_is_found_and_its_cause_named(tmp_path: Path, kind: str) -> None:
    layer = checked(tmp_path, written(kind, replaced("self.x.T @ dout", "3 * self.x.T @ dout")))
    assert [(finding.code, finding.argument) for finding in layer.findings] == [("GC202", "W")]
    assert "`dW` is 3 times the gradient" in layer.findings[0].message


def test_a_wrong_sum_is_found(tmp_path: Path) -> None:
    layer = checked(tmp_path, dense(*replaced("dout.sum(axis=0)", "dout.mean(axis=0)")))
    assert [(finding.code, finding.argument) for finding in layer.findings] == [("GC206", "b")]


def test_an_update_that_comes_too_early_is_named_with_its_line(tmp_path: Path) -> None:
    layer = checked(tmp_path, dense(*RIGHT[1:], RIGHT[0]))
    (finding,) = layer.findings
    assert (finding.code, finding.argument, finding.line) == ("GC301", "x", 12)
    assert "updates `W` (line 12) before it uses it (line 14)" in finding.message


def test_what_is_wrong_beside_an_early_update_is_a_mismatch(tmp_path: Path) -> None:
    layer = checked(tmp_path, dense(*RIGHT[1:], "dx = 2 * dout @ self.W.T"), diagnose=False)
    assert "GC301" not in {finding.code for finding in layer.findings}
    assert layer.status is Status.FAIL


@pytest.mark.parametrize(
    "update",
    ["self.W -= lr * (dW + 0.1 * self.W)", "self.W -= lr * np.clip(dW, -0.1, 0.1)", "self.W -= lr * dW / len(dout)"],
)
def test_no_gradient_is_read_off_more_than_a_step(tmp_path: Path, update: str) -> None:
    layer = checked(tmp_path, dense(*replaced("self.W -= lr * dW", update)))
    assert layer.status is Status.PASS, layer.findings
    assert {argument.name for argument in layer.arguments} == {"x", "b"}
    assert any("`W` itself, and not by a plain step" in note for note in layer.notes)


@pytest.mark.parametrize(("dW", "status"), [("self.x.T @ dout", Status.PASS), ("2 * self.x.T @ dout", Status.FAIL)])
def test_a_first_layer_may_return_none_on_purpose(tmp_path: Path, dW: str, status: Status) -> None:
    lines = replaced("self.x.T @ dout", dW)[1:]
    layer = checked(tmp_path, dense(*lines).replace("return dx", "return None"), diagnose=False)
    assert layer.status is status and {argument.name for argument in layer.arguments} == {"W", "b"}
    assert any("no gradient of `x` checked" in note for note in layer.notes)


def test_a_return_that_is_forgotten_is_missed(tmp_path: Path) -> None:
    layer = checked(tmp_path, dense(*RIGHT).replace("        return dx", ""), diagnose=False)
    assert [finding.code for finding in layer.findings] == ["GC103"]


@pytest.mark.parametrize("kind", ["required", "given", "on the object"])
def test_the_script_shows_it_without_gradcheck(tmp_path: Path, kind: str) -> None:
    wrong = written(kind, replaced("self.x.T @ dout", "-self.x.T @ dout"))
    layer = checked(tmp_path, wrong, shrink=True, diagnose=False)
    assert fails(layer, tmp_path)
    assert f"dW = (W - layer.W) / {'layer.lr' if kind == 'on the object' else '1048576.0'}" in layer.script
    (tmp_path / "mine.py").write_text(written(kind, RIGHT))
    assert outcome(layer.script, tmp_path) == ""
