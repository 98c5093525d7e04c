"""Values that a backward computes again without a step of the forward: that step is named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from gradcheck_cli.report.model import Status

from .test_blocks import checked, only_finding

HEAD = """import numpy as np


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


"""

ATTENTION = '''def attention_forward(q, k, v):
    """q: of shape (T, D); k: of shape (T, D); v: of shape (T, M)"""
    s = q @ k.T / 1.5
    s = np.where(np.tril(np.ones(s.shape, bool)), s, -1e9)
    return softmax(s) @ v, (q, k, v)


def attention_backward(dout, cache):
    q, k, v = cache
    s = AGAIN
    w = softmax(s)
    dw = dout @ v.T
    ds = w * (dw - (dw * w).sum(axis=1, keepdims=True)) / 1.5
    return ds @ k, ds.T @ q, w.T @ dout
'''

TEMPERATURE = '''def cool_forward(x):
    """x: of shape (N, C)"""
    return softmax(x / 2.5), x


def cool_backward(dout, x):
    w = softmax(AGAIN)
    return w * (dout - (dout * w).sum(axis=1, keepdims=True)) / 2.5
'''

GATE = '''def gate_forward(x, w, b):
    """x: of shape (N, D); w: of shape (D, M); b: of shape (M,)"""
    return np.tanh(x @ w + b) ** 2, (x, w, b)


def gate_backward(dout, cache):
    x, w, b = cache
    t = np.tanh(AGAIN)
    da = dout * 2 * t * (1 - t**2)
    return da @ w.T, x.T @ da, da.sum(axis=0)
'''

LOGARITHM = '''def shifted_forward(x):
    """x: of shape (N, D)"""
    a = np.exp(x)
    return np.log(a + 0.7) * x, x


def shifted_backward(dout, x):
    a = np.exp(x)
    s = AGAIN
    return dout * (np.log(s) + x * a / s)
'''


MIXTURE = '''def mixture_forward(a, b):
    """a: of shape (N, K); b: of shape (N, K)"""
    joint = a - b**2 - 0.3 * b
    return np.log(np.exp(joint).sum(axis=1)), (a, b, joint)


def mixture_backward(dout, cache):
    a, b, joint = cache
    g = dout[:, None]
    return g * softmax(joint), -g * softmax(AGAIN) * (2 * b + 0.3)
'''


@dataclass(frozen=True)
class Again:
    """What a backward computes again, right and wrong; the step that is left out, and its line."""

    layer: str
    right: str
    wrong: str
    words: str
    line: int
    code: str = "GC208"

    def source(self, written: str) -> str:
        """The text of the module with it."""
        return HEAD + self.layer.replace("AGAIN", written)


AGAIN = {
    "mask": Again(
        ATTENTION,
        "np.where(np.tril(np.ones((len(q), len(q)), bool)), q @ k.T / 1.5, -1e9)",
        "q @ k.T / 1.5",
        "your `dq`, `dk` and `dv` take values that were computed again without the mask of `np.where(",
        12,
        "GC212",
    ),
    "temperature": Again(TEMPERATURE, "x / 2.5", "x", "computed again without `2.5` of `x / 2.5` (line 11)", 11),
    "bias": Again(GATE, "x @ w + b", "x @ w", "computed again without `b` of `x @ w + b` (line 11)", 11),
    "shift": Again(LOGARITHM, "a + 0.7", "a", "computed again without `0.7` of `a + 0.7` (line 12)", 12),
    "terms": Again(MIXTURE, "joint", "a", "of `a` alone, where `a - b**2 - 0.3 * b` (line 11) belongs", 11),
}


@pytest.mark.parametrize("again", AGAIN.values(), ids=AGAIN.keys())
def test_a_step_that_is_left_out_is_named(again: Again, tmp_path: Path) -> None:
    finding = only_finding(checked(tmp_path, again.source(again.wrong)))
    assert finding.code == again.code, finding.message
    assert again.words in finding.message
    assert finding.blame is not None
    assert finding.blame.line == again.line


def test_what_is_computed_again_as_in_the_forward_passes(tmp_path: Path) -> None:
    for again in (AGAIN["mask"], AGAIN["bias"]):
        assert checked(tmp_path, again.source(again.right)).status is Status.PASS


@pytest.mark.parametrize(("name", "wrong"), [("temperature", "x / 2"), ("bias", "x @ w - b"), ("shift", "a + 0.5")])
def test_another_step_is_none_that_is_left_out(name: str, wrong: str, tmp_path: Path) -> None:
    layer = checked(tmp_path, AGAIN[name].source(wrong))
    assert layer.findings
    assert not any("computed again" in finding.message for finding in layer.findings)
