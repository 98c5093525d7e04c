"""A factor that is applied on the wrong side of a product, or of an index."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.report.model import Status

from .test_blocks import checked, only_finding

MEAN = '''import numpy as np


def mean_forward(A, x):
    """A: of shape (T, T); x: of shape (T, D)"""
    B = np.exp(A)
    total = B.sum(axis=1, keepdims=True)
    return (B @ x) / total, (B, x, total)


def mean_backward(dout, cache):
    B, x, total = cache
    dB = ((dout @ x.T) - (dout * (B @ x / total)).sum(axis=1, keepdims=True)) / total
    dx = BACKWARD
    return dB * B, dx
'''

GRAPH = '''import numpy as np


def graph_forward(h, source, target):
    """
    - h: of shape (V, D)
    - source: integers, of shape (E,), where 0 <= source[i] < V
    - target: integers, of shape (E,), where 0 <= target[i] < V
    """
    degree = np.bincount(target, minlength=len(h))[:, None] + 1.0
    total = np.zeros_like(h)
    np.add.at(total, target, h[source])
    out = np.tanh(total / degree)
    return out, (out, source, target, degree)


def graph_backward(dout, cache):
    out, source, target, degree = cache
    da = dout * (1 - out**2)
    dh = np.zeros_like(da)
    np.add.at(dh, source, BACKWARD)
    return dh
'''

SLIPS = {
    "product": (MEAN, "B.T @ (dout / total)", "(B.T @ dout) / total", "`total` of `(B @ x) / total` (line 8)"),
    "index": (
        GRAPH,
        "(da / degree)[target]",
        "da[target] / degree[source]",
        "`degree` of `total / degree` (line 13)",
    ),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_factor_on_the_wrong_side_is_named(name: str, tmp_path: Path) -> None:
    layer, _, wrong, words = SLIPS[name]
    finding = only_finding(checked(tmp_path, layer.replace("BACKWARD", wrong)))
    assert finding.code == "GC208", finding.message
    assert f"{words} into account too late" in finding.message


@pytest.mark.parametrize("name", SLIPS)
def test_a_factor_on_its_own_side_passes(name: str, tmp_path: Path) -> None:
    layer, right, _, _ = SLIPS[name]
    assert checked(tmp_path, layer.replace("BACKWARD", right)).status is Status.PASS


def test_another_factor_is_none_of_the_forward(tmp_path: Path) -> None:
    source = MEAN.replace("BACKWARD", "(B.T @ dout) / total**3")
    finding = only_finding(checked(tmp_path, source))
    assert "too late" not in finding.message
