"""Sums within groups that run over all elements on the way back."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.report.model import Status

from .test_blocks import checked, only_finding

HEAD = '''import numpy as np


def edges_forward(s, segment):
    """
    - s: of shape (E,)
    - segment: integers, of shape (E,), where 0 <= segment[i] < 3
    """
'''

SCATTERED = f"""{HEAD}    e = np.exp(s - s.max())
    total = np.zeros(3)
    np.add.at(total, segment, e)
    w = e / total[segment]
    return w, (w, segment)


def edges_backward(dout, cache):
    w, segment = cache
    pulled = w * dout
    total = np.zeros(3)
    np.add.at(total, segment, pulled)
    return pulled - w * BACKWARD
"""

PRODUCT = f"""{HEAD}    same = (segment[:, None] == segment[None, :]) * 1.0
    n = same.sum(axis=1)
    return np.tanh(s) - same @ np.tanh(s) / n, (s, same, n)


def edges_backward(dout, cache):
    s, same, n = cache
    return (dout - BACKWARD / n) * (1 - np.tanh(s) ** 2)
"""

SLIPS = {
    "scattered": (SCATTERED, "total[segment]", "pulled.sum()", "`np.add.at(total, segment, e)` (line 11)"),
    "product": (PRODUCT, "(same @ dout)", "dout.sum()", "`same @ np.tanh(s)` (line 11)"),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_sum_over_all_groups_is_named(name: str, tmp_path: Path) -> None:
    layer, _, wrong, words = SLIPS[name]
    finding = only_finding(checked(tmp_path, layer.replace("BACKWARD", wrong)))
    assert finding.code == "GC206", finding.message
    assert f"adds up over all elements where {words} adds up within groups" in finding.message


@pytest.mark.parametrize("name", SLIPS)
def test_a_sum_within_groups_passes(name: str, tmp_path: Path) -> None:
    layer, right, _, _ = SLIPS[name]
    assert checked(tmp_path, layer.replace("BACKWARD", right)).status is Status.PASS


def test_another_sum_is_none_over_all_groups(tmp_path: Path) -> None:
    layer = checked(tmp_path, SCATTERED.replace("BACKWARD", "pulled.sum() ** 2"))
    assert not any("within groups" in finding.message for finding in layer.findings)
