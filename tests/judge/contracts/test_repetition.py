from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.report.model import Status
from tests.judge.contracts.reports import only, package, pair, report_on

CLASS = """
class Dense:
    def __init__(self, W):
        '''W: of shape (D, M)'''
        self.W = W
        self.dW = np.zeros_like(W)
        self.buffer = {{}}

    def forward(self, x):
        '''x: of shape (N, D)'''
        self.x = x
        {forward}
        return x @ self.W

    def backward(self, dout):
        {backward}

{more}
"""


def dense(backward: str, forward: str = "pass", more: str = "") -> str:
    return CLASS.format(backward=backward.replace("\n", "\n        "), forward=forward, more=more)


ADDS_UP = "self.dW += self.x.T @ dout\nreturn dout @ self.W.T"


def test_a_cache_that_the_backward_changes(tmp_path: Path) -> None:
    finding = only(report_on(tmp_path, pair("y = np.exp(x)\nreturn y, y.copy()", "cache *= dout\nreturn cache.copy()")))
    assert (finding.code, finding.argument) == ("GC303", "x")
    assert "a second backward on the same cache gave another `dx`" in finding.message or "cache" in finding.message


def test_a_second_backward_that_fails(tmp_path: Path) -> None:
    finding = only(report_on(tmp_path, pair("return x ** 2, [x]", "return 2 * cache.pop() * dout")))
    assert finding.code == "GC303"
    assert "IndexError" in finding.message


def test_a_class_may_use_up_what_it_keeps(tmp_path: Path) -> None:
    text = dense("x, self.x = self.x, None\nself.dW = x.T @ dout\nreturn dout @ self.W.T")
    assert report_on(tmp_path, text).status is Status.PASS


def test_gradients_that_add_up(tmp_path: Path) -> None:
    finding = only(report_on(tmp_path, dense(ADDS_UP)))
    assert (finding.code, finding.argument) == ("GC308", "W")


@pytest.mark.parametrize(
    ("name", "text"),
    {
        "zero_grad": dense(ADDS_UP, more="    def zero_grad(self):\n        self.dW[...] = 0"),
        "an update that sets back": dense(
            ADDS_UP, more="    def update(self):\n        self.dW = np.zeros_like(self.W)"
        ),
        "made anew by the forward": dense(ADDS_UP, forward="self.dW = np.zeros_like(self.W)"),
        "an optimiser": dense(ADDS_UP) + "\ndef step(layers):\n    for layer in layers:\n        layer.dW.fill(0)\n",
    }.items(),
)
def test_gradients_that_someone_sets_back_may_add_up(tmp_path: Path, name: str, text: str) -> None:
    layer = report_on(tmp_path, text)
    assert layer.status is Status.PASS, (name, layer.findings)


CELL = """
import numpy as np


class Cell:
    def __init__(self, n_in, n_out):
        self.W, self.U = np.random.randn(n_in, n_out), np.random.randn(n_out, n_out)
        self.dW, self.dU = np.zeros_like(self.W), np.zeros_like(self.U)

    def forward(self, x, h_prev):
        self.x, self.before = x, h_prev
        self.h = np.tanh(x @ self.W + h_prev @ self.U)
        return self.h

    def backward(self, dh):
        da = dh * (1 - self.h**2)
        self.dW += self.x.T @ da
        self.dU += self.before.T @ da
        return da @ self.W.T, da @ self.U.T
"""


@pytest.mark.parametrize(("state", "codes"), [("h_prev", set()), ("hidden", set()), ("other", {"GC308"})])
def test_those_of_a_recurrent_cell_add_up_over_time(tmp_path: Path, state: str, codes: set[str]) -> None:
    layer = report_on(tmp_path, CELL.replace("h_prev", state))
    assert {finding.code for finding in layer.findings} == codes


@pytest.mark.parametrize("where", [".", "../training"])
def test_an_optimiser_in_another_file_of_the_project(tmp_path: Path, where: str) -> None:
    folder = package(tmp_path) / where
    folder.mkdir(exist_ok=True)
    (folder / "optimiser.py").write_text(
        "from users_layers import Dense\n\ndef step(layer):\n    layer.dW[...] = 0\n", encoding="utf-8"
    )
    assert report_on(tmp_path, dense(ADDS_UP)).status is Status.PASS


def test_sums_in_the_module(tmp_path: Path) -> None:
    text = pair(
        "return 3 * x, None",
        "SUMS[dout.shape] = SUMS.get(dout.shape, 0) + 3 * dout\nreturn SUMS[dout.shape]",
        before="SUMS = {}",
    )
    assert only(report_on(tmp_path, text, draws=3)).code == "GC308"


@pytest.mark.parametrize(
    ("backward", "before"),
    [
        ("return 2 * dout * (1 + time.perf_counter_ns() % 997 / 1e5)", "import time"),
        ("return 2 * dout + 1e-3 * int.from_bytes(os.urandom(2), 'big')", "import os"),
        ("return 2 * dout * (np.random.rand(*dout.shape) > 0.5)", ""),
        ("CALLS[0] += 1\nreturn 2 * dout * (1.5 if CALLS[0] % 3 == 0 else 1)", "CALLS = [0]"),
    ],
)
def test_what_differs_from_call_to_call(tmp_path: Path, backward: str, before: str) -> None:
    finding = only(report_on(tmp_path, pair("return 2 * x, None", backward, before=before)))
    assert finding.code == "GC305"


def test_a_mask_that_the_forward_draws_is_the_same_each_time(tmp_path: Path) -> None:
    text = pair("mask = np.random.rand(*x.shape) > 0.5\nreturn x * mask, mask", "return dout * cache")
    layer = report_on(tmp_path, text)
    assert layer.status is Status.PASS
    assert "repeatable" in layer.checked


def test_a_buffer_that_is_returned(tmp_path: Path) -> None:
    backward = "out = BUFFERS.setdefault(dout.shape, np.empty(dout.shape))\nnp.multiply(2 * cache, dout, out=out)\n"
    text = pair("return x ** 2, x", backward + "return out", before="BUFFERS = {}")
    assert only(report_on(tmp_path, text)).code == "GC306"
    other = tmp_path / "copied"
    other.mkdir()
    text = pair("return x ** 2, x", backward + "return out.copy()", before="BUFFERS = {}")
    assert report_on(other, text).status is Status.PASS


def test_a_buffer_on_the_instance(tmp_path: Path) -> None:
    backward = (
        "self.dW = self.x.T @ dout\nout = self.buffer.setdefault(self.x.shape, np.empty_like(self.x))\n"
        "np.matmul(dout, self.W.T, out=out)\nreturn out"
    )
    finding = only(report_on(tmp_path, dense(backward)))
    assert (finding.code, finding.argument) == ("GC306", "x")
