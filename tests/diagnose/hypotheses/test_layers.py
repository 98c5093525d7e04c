"""Layers end to end: what a run says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.report.model import Finding
from tests.diagnose.test_blocks import checked

AFFINE = '''
import numpy as np


def affine_forward(x, w, b):
    """
    - x: of shape (N, D)
    - w: of shape (D, M)
    - b: of shape (M,)
    """
    out = x @ w + b
    return out, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    dx = dout @ w.T
    dw = x.T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db
'''


def findings(folder: Path, *slips: tuple[str, str], source: str = AFFINE) -> dict[str, Finding]:
    """What is found, by argument, where the first text of each slip is replaced by the second."""
    for old, new in slips:
        assert source.count(old) == 1
        source = source.replace(old, new)
    return {finding.argument or "": finding for finding in checked(folder, source).findings}


SLIPS = {
    "mean": (("db = dout.sum(axis=0)", "db = dout.mean(axis=0)"), "b", "GC206", "a mean over N where the sum belongs"),
    "sign": (("dx = dout", "dx = -dout"), "x", "GC203", "your `dx` has the wrong sign"),
    "order": (("dw = x.T @ dout", "dw = (dout.T @ x).reshape(w.shape)"), "w", "GC204", "read in the order of M and D"),
    "loop": (("db = dout.sum(axis=0)", "db = dout[:-1].sum(axis=0)"), "b", "GC211", "the last of `dout` along N"),
    "overwritten": (("db = dout.sum(axis=0)", "db = 1 * dout[-1]"), "b", "GC206", "the sum over N is missing"),
    "border": (
        ("db = dout", "dx[:, 0] = 0\n    db = dout"),
        "x",
        "GC211",
        "wrong only in the first place along D, where",
    ),
}


@pytest.mark.parametrize("what", SLIPS)
def test_a_slip_is_one_finding(what: str, tmp_path: Path) -> None:
    slip, argument, code, says = SLIPS[what]
    found = findings(tmp_path, slip)
    assert {name: finding.code for name, finding in found.items()} == {argument: code}
    assert says in found[argument].message
    assert f"; `d{argument}` is wrong in " in found[argument].message


def test_one_factor_of_all_gradients_is_one_finding(tmp_path: Path) -> None:
    found = findings(tmp_path, ("    x, w = cache\n", "    x, w = cache\n    dout = dout / 3\n"))
    assert list(found) == ["x"]
    assert found["x"].message.startswith("your `dx`, `dw` and `db` are 1/3 times their gradients")


def test_a_gradient_beside_one_of_the_wrong_shape_is_explained(tmp_path: Path) -> None:
    found = findings(tmp_path, ("dx = dout @ w.T", "dx = (dout @ w.T).T"), ("dw = x.T", "dw = 2 * x.T"))
    assert {name: finding.code for name, finding in found.items()} == {"x": "GC101", "w": "GC202"}


def test_what_another_finding_explains_keeps_it(tmp_path: Path) -> None:
    found = findings(tmp_path, ("dout.sum(axis=0)", "np.ones_like(dout).sum(axis=0)"), ("dx = dout", "dx = -dout"))
    assert {name: finding.code for name, finding in found.items()} == {"x": "GC203", "b": "GC207"}


def test_noise_stays_a_mismatch(tmp_path: Path) -> None:
    found = findings(tmp_path, ("dw = x.T @ dout", "dw = x.T @ dout + np.sin(9 * w)"))
    assert found["w"].code in ("GC201", "GC304")


UNTRACEABLE = '''
import json

import numpy as np


def scaled_forward(x, w):
    """
    - x: of shape (N, D)
    - w: of shape (D,)
    """
    out = np.tanh(np.array(json.loads(json.dumps((x * w).tolist()))))
    return out, (x, w, out)


def scaled_backward(dout, cache):
    x, w, out = cache
    g = dout * (1 - out**2)
    return g * w, (g * x).sum(axis=0)
'''


def test_a_gradient_judged_by_finite_differences_is_explained(tmp_path: Path) -> None:
    found = findings(tmp_path, ("(g * x).sum(axis=0)", "(g * x).mean(axis=0)"), source=UNTRACEABLE)
    assert {name: finding.code for name, finding in found.items()} == {"w": "GC206"}
    assert "finite diff" in found["w"].message
