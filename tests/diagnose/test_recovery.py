"""Local derivatives that are read out of a backward, where they are none of the usual slips."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from gradcheck_cli.diagnose.gates.recovered import other_places
from gradcheck_cli.report.model import Finding

from .test_blocks import checked

RMS_NORM = '''import numpy as np


def norm_forward(x, g):
    """
    - x: of shape (N, D)
    - g: of shape (D,)
    """
    r = np.sqrt((x**2).mean(axis=1, keepdims=True) + 1e-6)
    return x / r * g, (x, g, r)


def norm_backward(dout, cache):
    x, g, r = cache
    d = dout * g
    dx = d / r - x * (d * x).mean(axis=1, keepdims=True) / r**3
    return dx, (dout * x / r).sum(axis=0)
'''

ATTENTION = '''import numpy as np


def attention_forward(q, k, v):
    """
    - q: of shape (T, D)
    - k: of shape (S, D)
    - v: of shape (S, M)
    """
    s = q @ k.T
    e = np.exp(s - s.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p @ v, (q, k, v, p)


def attention_backward(dout, cache):
    q, k, v, p = cache
    dp = dout @ v.T
    ds = p * (dp - (dp * p).sum(axis=1, keepdims=True))
    return ds @ k, ds.T @ q, p.T @ dout
'''

LOG_SOFTMAX = '''import numpy as np


def log_softmax_forward(x):
    """x: of shape (N, D)"""
    shifted = x - x.max(axis=1, keepdims=True)
    out = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return out, out


def log_softmax_backward(dout, out):
    return dout - np.exp(out) * dout.sum(axis=1, keepdims=True)
'''

ELU = '''import numpy as np


def elu_forward(x, alpha=0.7):
    """x: of shape (N, D)"""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))), (x, alpha)


def elu_backward(dout, cache):
    x, alpha = cache
    return dout * np.where(x > 0, 1, alpha * np.exp(x))
'''

GAIN = '''import numpy as np


def film_forward(x, gain):
    """
    - x: of shape (N, T, D)
    - gain: of shape (N, D)
    """
    return x * gain[:, None], (x, gain)


def film_backward(dout, cache):
    x, gain = cache
    return dout * gain[:, None], (dout * x).sum(axis=1)
'''

MIX = '''import numpy as np


def mix_forward(x, w):
    """
    - x: of shape (N, D)
    - w: of shape (D, H)
    """
    mixed = x - x.mean(axis=0)
    return mixed @ w, (x, mixed, w)


def mix_backward(dout, cache):
    x, mixed, w = cache
    dmixed = dout @ w.T
    return dmixed - dmixed.mean(axis=0), mixed.T @ dout
'''

TURNED = '''import numpy as np


def turn_forward(x, y, angle):
    """
    - x: of shape (T, D)
    - y: of shape (T, D)
    - angle: of shape (D,)
    """
    t = np.arange(len(x))[:, None] + 0.5
    c, s = np.cos(t * angle), np.sin(t * angle)
    return x * c - y * s, (t, x, y, c, s)


def turn_backward(dout, cache):
    t, x, y, c, s = cache
    return dout * c, -dout * s, (-dout * (x * s + y * c) * t).sum(axis=0)
'''

CENTRE = '''import numpy as np


def centre_forward(x):
    """x: of shape (N, D)"""
    return x - x.mean(axis=1, keepdims=True), x


def centre_backward(dout, x):
    return dout - dout.mean(axis=1, keepdims=True)
'''

SOFTMAX = '''import numpy as np


def softmax_forward(x):
    """x: of shape (N, D)"""
    e = np.exp(x - x.max(axis=1, keepdims=True))
    y = e / e.sum(axis=1, keepdims=True)
    return y, y


def softmax_backward(dout, y):
    return y * (dout - (dout * y).sum(axis=1, keepdims=True))
'''


@dataclass(frozen=True)
class Slip:
    """A layer with one text of its backward replaced; the code, the line (0: none) and words that are named."""

    layer: str
    right: str
    wrong: str
    code: str
    line: int
    words: str

    @property
    def text(self) -> str:
        """The wrong layer."""
        assert self.layer.count(self.right) == 1
        return self.layer.replace(self.right, self.wrong)


NAMED = {
    "a division left out in one path": Slip(
        RMS_NORM, "/ r**3", "/ r**2", "GC208", 10, "`dx` leaves out the division by `r` in `x / r` (line 10)"
    ),
    "a factor too many": Slip(
        ATTENTION, "ds @ k, ds.T @ q", "(ds * p) @ k, (ds * p).T @ q", "GC208", 10, "`dq` and `dk` take"
    ),
    "another function, where a maximum cancels": Slip(
        LOG_SOFTMAX,
        "np.exp(out) *",
        "np.sin(out) *",
        "GC208",
        7,
        "takes other numbers for the local derivative of `np.exp(shift",
    ),
    "another derivative of the whole": Slip(
        ELU, "alpha * np.exp(x)", "np.exp(x) - 0.3", "GC208", 6, "by other numbers"
    ),
    "a part of a sum": Slip(
        GAIN, "(dout * x).sum(axis=1)", "(dout * x)[:, ::3].sum(axis=1)", "GC206", 9, "only some of"
    ),
    "another operand": Slip(MIX, "mixed.T @ dout", "np.abs(mixed).T @ dout", "GC208", 10, "where `mixed` belongs"),
    "what is written twice": Slip(
        TURNED, "(x * s + y * c) * t)", "(x * s + y * c))", "GC208", 11, "dangle`: `t` is left out"
    ),
    "the diagonal alone": Slip(
        CENTRE,
        "dout - dout.mean(axis=1, keepdims=True)",
        "dout * (1 - 1 / dout.shape[1])",
        "GC209",
        6,
        "`dx` has what each element does to its own output, and nothing of what it does to the others",
    ),
    "the upstream gradient itself": Slip(
        LOG_SOFTMAX, "dout - np.exp(out) * dout.sum(axis=1, keepdims=True)", "dout + 0 * out", "GC209", 7, "`dx`"
    ),
}


def only(folder: Path, text: str) -> Finding:
    (finding,) = checked(folder, text).findings
    return finding


@pytest.mark.parametrize("name", NAMED)
def test_the_numbers_are_read_out(name: str, tmp_path: Path) -> None:
    slip = NAMED[name]
    finding = only(tmp_path, slip.text)
    assert finding.code == slip.code, finding.message
    assert slip.words in finding.message
    assert (finding.blame.line if finding.blame else 0) == slip.line


NOT_NAMED = {
    "numbers that follow the upstream gradient": (ELU, "alpha * np.exp(x)", "alpha * np.exp(x) + np.abs(dout)"),
    "two things at once": (ATTENTION, "dp = dout @ v.T", "dp = dout @ v.T + np.roll(dout, 1, axis=0) @ np.cos(v).T"),
    "noise": (RMS_NORM, "/ r**3", "/ r**3 * (1 + np.sin(1e3 * dout).sum() * 1e-2)"),
    "a term from elsewhere": (MIX, "mixed.T @ dout", "mixed.T @ dout + (x**2).T @ dout[:, ::-1]"),
    "a part of the diagonal": (
        SOFTMAX,
        "(dout * y).sum(axis=1, keepdims=True)",
        "dout * y**2 - dout.sum()",
    ),
}


@pytest.mark.parametrize("name", NOT_NAMED)
def test_other_mistakes_stay_unnamed(name: str, tmp_path: Path) -> None:
    layer, right, wrong = NOT_NAMED[name]
    assert layer.count(right) == 1
    findings = checked(tmp_path, layer.replace(right, wrong)).findings
    assert findings
    assert all(finding.code == "GC201" for finding in findings if finding.code.startswith("GC2")), findings


def test_the_elements_that_a_mask_mistakes_are_told() -> None:
    x = np.array([-2.0, -1.0, 0.5, 1.5, 3.0])
    right = np.array([0.0, 0.0, 1.0, 1.0, 1.0])
    used = np.array([0.0, 1.0, 1.0 + 1e-9, 0.0, 0.0])
    assert other_places(used, right, x, "`a`") == (
        "it passes 1 where `a` is -1; it is stopped at 2 where `a` is 1.5 to 3"
    )
    assert other_places(right, right, x, "`a`") == ""
