"""A loss whose third draw is a batch of one, which tells little; a maximum, and a reversal, that are left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import Finding

SQUARED_HINGE = '''import numpy as np


def squared_hinge_loss(w, b, x, y, c=0.5):
    """
    - w: of shape (D,)
    - b: bias, of shape (1,)
    - x: of shape (N, D)
    - y: labels, integers of shape (N,), 0 <= y[i] < 2
    """
    s = 2 * y - 1
    margin = 1 - s * (x @ w + b)
    slack = np.maximum(0, margin)
    loss = np.mean(slack**2) + c * np.sum(w**2)
    dscore = -2 * s * slack / len(y)
    return loss, x.T @ dscore + 2 * c * w, np.array([dscore.sum()]), dscore[:, None] * w
'''

REVERSED = '''import numpy as np


def both_ways_forward(x, w):
    """
    - x: of shape (N, 3, D)
    - w: of shape (D, H)
    """
    states = [np.tanh(x[:, t] @ w) for t in range(3)]
    return np.concatenate((x, np.stack(states, axis=1)[:, ::-1]), axis=2), (x, w, states)


def both_ways_backward(dout, cache):
    x, w, states = cache
    dx, dw = dout[:, :, : x.shape[2]].copy(), np.zeros_like(w)
    dstates = dout[:, ::-1, x.shape[2] :]
    for t in range(3):
        da = dstates[:, t] * (1 - states[t] ** 2)
        dx[:, t] += da @ w.T
        dw += x[:, t].T @ da
    return dx, dw
'''


def _findings(folder: Path, source: str, draws: int) -> tuple[Finding, ...]:
    path = folder / "layer.py"
    path.write_text(source)
    (layer,) = check_targets([Target(path)], CheckOptions(InputOptions(draws=draws), Settings(shrink=False))).layers
    return layer.findings


@pytest.mark.parametrize("source", [SQUARED_HINGE, REVERSED])
def test_the_right_layer_passes(source: str, tmp_path: Path) -> None:
    assert _findings(tmp_path, source, 3) == ()


def test_a_gate_is_named_where_the_third_draw_is_a_batch_of_one(tmp_path: Path) -> None:
    wrong = SQUARED_HINGE.replace("-2 * s * slack /", "-s * (slack > 0) /")
    (finding,) = _findings(tmp_path, wrong, 3)
    assert finding.code == "GC208", finding.message
    assert "your `dw`, `db` and `dx` pass `slack**2` (line 14) unchanged" in finding.message


def test_a_reversal_that_is_left_out_is_no_transposition(tmp_path: Path) -> None:
    (finding,) = _findings(tmp_path, REVERSED.replace("dout[:, ::-1, x", "dout[:, :, x"), 2)
    assert finding.code == "GC213", finding.message


def test_a_maximum_that_is_left_out_of_a_square_is_named(tmp_path: Path) -> None:
    (finding,) = _findings(tmp_path, SQUARED_HINGE.replace("-2 * s * slack /", "-2 * s * margin /"), 2)
    assert finding.code == "GC212", finding.message
    through = "through `np.maximum(0, margin)` (line 13) everywhere, and what follows it takes `margin`"
    assert through in finding.message


def test_another_value_after_a_maximum_is_not_taken_for_that(tmp_path: Path) -> None:
    findings = _findings(tmp_path, SQUARED_HINGE.replace("-2 * s * slack /", "-2 * s * (margin + 0.3) /"), 2)
    assert findings
    assert not any(finding.code == "GC212" for finding in findings)
