"""A sum over the wrong axes inside one path: of a mean, of a variance, of a softmax's normaliser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from gradcheck_cli.report.model import Finding

from .test_blocks import checked

LAYER_NORM = '''import numpy as np


def norm_forward(x, gamma):
    """
    - x: of shape (N, D)
    - gamma: of shape (D,)
    """
    mu = x.mean(axis=1, keepdims=True)
    std = np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    xhat = (x - mu) / std
    return gamma * xhat, (xhat, std, gamma)


def norm_backward(dout, cache):
    xhat, std, gamma = cache
    d = dout * gamma
    mean = d.mean(axis=1, keepdims=True)
    along = (d * xhat).mean(axis=1, keepdims=True)
    return (d - mean - xhat * along) / std, (dout * xhat).sum(axis=0)
'''

BATCH_NORM = '''import numpy as np


def norm_forward(x):
    """x: of shape (N, D)"""
    xc = x - x.mean(axis=0)
    var = (xc**2).mean(axis=0)
    std = np.sqrt(var + 1e-5)
    return xc / std, (xc, std)


def norm_backward(dout, cache):
    xc, std = cache
    dvar = (dout * xc).sum(axis=0) * -0.5 / std**3
    dxc = dout / std + 2 * xc * dvar / len(xc)
    return dxc - dxc.mean(axis=0)
'''

SOFTMAX = '''import numpy as np


def softmax_forward(x):
    """x: of shape (N, C)"""
    e = np.exp(x - x.max(axis=1, keepdims=True))
    y = e / e.sum(axis=1, keepdims=True)
    return y, y


def softmax_backward(dout, y):
    return y * (dout - (dout * y).sum(axis=1, keepdims=True))
'''

SQUARE = SOFTMAX.replace("(N, C)", "(T, T)")

ATTENTION = '''import jax
import jax.numpy as jnp


def attention_forward(q, k, v):
    """
    - q: of shape (H, T, D)
    - k: of shape (H, S, D)
    - v: of shape (H, S, D)
    """
    p = jax.nn.softmax(jnp.einsum("htd,hsd->hts", q, k), axis=-1)
    return p @ v, (q, k, v, p)


def attention_backward(dout, cache):
    q, k, v, p = cache
    dp = jnp.einsum("htd,hsd->hts", dout, v)
    ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True))
    return ds @ k, jnp.einsum("hts,htd->hsd", ds, q), jnp.einsum("hts,htd->hsd", p, dout)
'''


@dataclass(frozen=True)
class Slip:
    """A layer with one text of its backward replaced; these words are in the sentence, which blames that line."""

    layer: str
    right: str
    wrong: str
    line: int
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """The wrong layer."""
        assert self.layer.count(self.right) == 1
        return self.layer.replace(self.right, self.wrong)


NAMED = {
    "the mean over the batch": Slip(
        LAYER_NORM,
        "mean = d.mean(axis=1, keepdims=True)",
        "mean = d.mean(axis=0)",
        9,
        ("averages over N in the path through `x.mean(axis=1", "the forward reduces over D: use axis=-1 there"),
    ),
    "the mean over all": Slip(
        LAYER_NORM, "mean = d.mean(axis=1, keepdims=True)", "mean = d.mean()", 9, ("averages over N and D in the path",)
    ),
    "the variance over the batch": Slip(
        LAYER_NORM,
        "(d * xhat).mean(axis=1, keepdims=True)",
        "(d * xhat).mean(axis=0)",
        10,
        ("averages over N in the path through `x.var(axis=1",),
    ),
    "both over the batch": Slip(
        LAYER_NORM,
        "mean = d.mean(axis=1, keepdims=True)\n    along = (d * xhat).mean(axis=1, keepdims=True)",
        "mean = d.mean(axis=0)\n    along = (d * xhat).mean(axis=0)",
        9,
        ("averages over N in the paths through `x.mean(axis=1", "and `x.var(axis=1"),
    ),
    "the variance over the features": Slip(
        BATCH_NORM,
        "(dout * xc).sum(axis=0)",
        "(dout * xc).sum(axis=1, keepdims=True)",
        7,
        ("sums over D in the path through `(xc**2).mean(axis=0)`", "the forward reduces over N: use axis=0 there"),
    ),
    "the normaliser over the batch": Slip(
        SOFTMAX,
        "(dout * y).sum(axis=1, keepdims=True)",
        "(dout * y).sum(axis=0)",
        7,
        ("sums over N in the path through `e.sum(axis=1", "the forward reduces over C: use axis=-1 there"),
    ),
    "the normaliser's axis not kept": Slip(
        SQUARE,
        "(dout * y).sum(axis=1, keepdims=True)",
        "(dout * y).sum(axis=1)",
        7,
        ("spreads the sum over axis 1 along the wrong axes", "with keepdims=True"),
    ),
    "a plain mean": Slip(
        SOFTMAX,
        "(dout * y).sum(axis=1, keepdims=True)",
        "dout.mean(axis=1, keepdims=True)",
        7,
        ("takes a plain mean over C in the path through `e.sum(axis=1", "weight it by `y` and sum there"),
    ),
    "the queries for the keys": Slip(
        ATTENTION,
        "(dp * p).sum(axis=-1, keepdims=True)",
        "(dp * p).sum(axis=-2, keepdims=True)",
        11,
        ("`dq` and `dk` sum over T in the path through `jax.nn.softmax(", "the forward reduces over S: use axis=-1"),
    ),
}


def only(folder: Path, text: str) -> Finding:
    (finding,) = checked(folder, text).findings
    return finding


@pytest.mark.parametrize("name", NAMED)
def test_the_wrong_axes_are_named(name: str, tmp_path: Path) -> None:
    slip = NAMED[name]
    finding = only(tmp_path, slip.text)
    assert finding.code == "GC206", finding.message
    for words in slip.words:
        assert words in finding.message
    blame = finding.blame
    assert blame is not None
    assert (blame.line, blame.factor) == (slip.line, None)
    assert blame.explains > 1 - 1e-9


NOT_NAMED = {
    "another power": (LAYER_NORM, "mean = d.mean(axis=1, keepdims=True)", "mean = (d**3).mean(axis=0)"),
    "the wrong axis, and noise": (LAYER_NORM, "mean = d.mean(axis=1", "mean = np.sin(9 * d) * 1e-2 + d.mean(axis=0"),
    "the median": (LAYER_NORM, "mean = d.mean(axis=1, keepdims=True)", "mean = np.median(d, axis=0)"),
    "the maximum over the batch": (SOFTMAX, "(dout * y).sum(axis=1, keepdims=True)", "(dout * y).max(axis=0)"),
    "a path without its sum": (SOFTMAX, "(dout * y).sum(axis=1, keepdims=True)", "0"),
    "a path of the wrong sign": (BATCH_NORM, "* -0.5", "* 0.5"),
}


@pytest.mark.parametrize("name", NOT_NAMED)
def test_no_axes_are_named(name: str, tmp_path: Path) -> None:
    layer, right, wrong = NOT_NAMED[name]
    assert layer.count(right) == 1
    assert only(tmp_path, layer.replace(right, wrong)).code != "GC206"


@pytest.mark.parametrize("layer", [LAYER_NORM, BATCH_NORM, SQUARE, ATTENTION])
def test_a_right_layer_has_no_finding(layer: str, tmp_path: Path) -> None:
    assert checked(tmp_path, layer).findings == ()
