"""A factor that is a number of the forward's own, and none of a size's: it is told as what the path leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.report.model import Status

from .test_blocks import checked, only_finding

SCORES = '''
import numpy as np


class Scores:
    def __init__(self, d_model, num_heads):
        self.d = d_model // num_heads
        self.Wq, self.Wk = np.zeros((d_model, d_model)), np.zeros((d_model, d_model))

    def forward(self, x):
        """x: (T, d_model)"""
        self.x = x
        self.q, self.k = x @ self.Wq, x @ self.Wk
        return SCALED

    def backward(self, ds):
        dq = ds @ self.k / np.sqrt(self.d)
        dk = KEYS
        self.dWq, self.dWk = self.x.T @ dq, self.x.T @ dk
        return dq @ self.Wq.T + dk @ self.Wk.T
'''

DIVIDED = "self.q @ self.k.T / np.sqrt(self.d)"
MULTIPLIED = "self.d**-0.5 * (self.q @ self.k.T)"


@pytest.mark.parametrize(
    ("forward", "keys", "said"),
    [
        (DIVIDED, "ds.T @ self.q", "`/ np.sqrt(self.d)` (line 14) is left out of it"),
        (DIVIDED, "ds.T @ self.q / self.d", "`/ np.sqrt(self.d)` (line 14) is in it twice"),
        (DIVIDED, "ds.T @ self.q * np.sqrt(self.d)", "`/ np.sqrt(self.d)` (line 14) is turned round in it"),
        (MULTIPLIED, "ds.T @ self.q", "`* self.d**-0.5` (line 14) is left out of it"),
    ],
)
def test_the_number_is_named(tmp_path: Path, forward: str, keys: str, said: str) -> None:
    finding = only_finding(checked(tmp_path, SCORES.replace("SCALED", forward).replace("KEYS", keys)))
    assert finding.code == "GC210"
    assert f"the path through `self.k.T` in `self.q @ self.k.T` (line 14): {said}" in finding.message


def test_a_number_that_is_not_the_forwards_is_not_named(tmp_path: Path) -> None:
    finding = only_finding(checked(tmp_path, SCORES.replace("SCALED", DIVIDED).replace("KEYS", "ds.T @ self.q / 3")))
    assert "np.sqrt" not in finding.message.partition(";")[0]


def test_the_right_one_passes(tmp_path: Path) -> None:
    right = SCORES.replace("SCALED", DIVIDED).replace("KEYS", "ds.T @ self.q / np.sqrt(self.d)")
    assert checked(tmp_path, right).status is Status.PASS
