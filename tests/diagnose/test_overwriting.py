"""Contributions that overwrite each other where they are to add up: the index, or the windows, are named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from gradcheck_cli.report.model import Status

from .test_blocks import checked, only_finding

HEAD = "import jax\nimport jax.numpy as jnp\nimport numpy as np\n\n\n"

EMBEDDING = '''def take_forward(w, ids):
    """
    - w: of shape (5, D)
    - ids: integers, of shape (N, 3), where 0 <= ids[i] < 5
    """
    return w[ids], (w, ids)


def take_backward(dout, cache):
    w, ids = cache
    dw = np.zeros_like(w)
    # BACKWARD
    return dw
'''

JAX_EMBEDDING = '''@jax.custom_vjp
def take(w, ids):
    """
    - w: of shape (5, D)
    - ids: integers, of shape (N, 3), where 0 <= ids[i] < 5
    """
    return jnp.tanh(w[ids])


def take_fwd(w, ids):
    return take(w, ids), (w, ids)


def take_bwd(residuals, g):
    w, ids = residuals
    da = g * (1 - jnp.tanh(w[ids]) ** 2)
    # BACKWARD
    return dw, None


take.defvjp(take_fwd, take_bwd)
'''

WINDOWS = '''def smooth_forward(x, w):
    """
    - x: of shape (N, 6)
    - w: of shape (3,)
    """
    out = np.zeros((len(x), 4))
    for i in range(4):
        out[:, i] = x[:, i : i + 3] @ w
    return out, (x, w)


def smooth_backward(dout, cache):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(4):
        # BACKWARD
        dw += dout[:, i] @ x[:, i : i + 3]
    return dx, dw
'''

DIFFERENCES = '''def roughness_forward(x):
    """x: of shape (N, T)"""
    d = x[:, 1:] - x[:, :-1]
    return d**2, d


def roughness_backward(dout, d):
    dd = 2 * d * dout
    dx = np.zeros((len(d), d.shape[1] + 1))
    # BACKWARD
    return dx
'''

POOLED = '''def pool_forward(x):
    """x: of shape (N, T, D)"""
    mean = x.mean(axis=1)
    return mean * x[:, -1], x


def pool_backward(dout, x):
    dx = np.zeros_like(x)
    dx += (dout * x[:, -1])[:, None] / x.shape[1]
    # BACKWARD
    return dx
'''


@dataclass(frozen=True)
class Slip:
    """A backward's own line, right and wrong; of the wrong one these words are said, and this line of the forward."""

    layer: str
    right: str
    wrong: str
    words: str
    line: int
    code: str = "GC209"

    def source(self, written: str) -> str:
        """The text of the module with it."""
        return HEAD + self.layer.replace("# BACKWARD", written)


ADD_AT = "np.add.at(dw, ids, dout)"
ONCE = "only the last contribution where an index of `w[ids]` (line 11) occurs more than once: they must add up"
SLIPS = {
    "index": Slip(EMBEDDING, ADD_AT, "dw[ids] += dout", ONCE, 11),
    "index, backwards": Slip(
        EMBEDDING,
        ADD_AT,
        "dw[ids[::-1, ::-1]] = dout[::-1, ::-1]",
        "only the first contribution where an index",
        11,
    ),
    "index, averaged": Slip(
        EMBEDDING,
        ADD_AT,
        f"{ADD_AT}; dw /= np.maximum(np.bincount(ids.ravel(), minlength=5), 1)[:, None]",
        "your `dw` averages the contributions where an index of `w[ids]` (line 11) occurs more than once",
        11,
        "GC206",
    ),
    "index in JAX": Slip(
        JAX_EMBEDDING,
        "dw = jnp.zeros_like(w).at[ids].add(da)",
        "dw = jnp.zeros_like(w).at[ids].set(da)",
        "only the last contribution where an index of `w[ids]` (line 12) occurs more than once",
        12,
    ),
    "windows": Slip(
        WINDOWS,
        "dx[:, i : i + 3] += dout[:, i, None] * w",
        "dx[:, i : i + 3] = dout[:, i, None] * w",
        "your `dx` keeps only the last contribution where windows of `x` overlap",
        13,
    ),
    "two parts": Slip(
        DIFFERENCES,
        "dx[:, 1:] += dd; dx[:, :-1] -= dd",
        "dx[:, 1:] = dd; dx[:, :-1] = -dd",
        "where windows of `x` overlap, in `x[:, 1:] - x[:, :-1]` (line 8): they must add up",
        8,
    ),
    "a part and the whole": Slip(
        POOLED,
        "dx[:, -1] += dout * x.mean(axis=1)",
        "dx[:, -1] = dout * x.mean(axis=1)",
        "only what comes through the part of `x` in `mean * x[:, -1]` (line 9) where other uses of it contribute, too",
        9,
    ),
}


@pytest.mark.parametrize("name", SLIPS)
def test_what_is_overwritten_is_named(name: str, tmp_path: Path) -> None:
    slip = SLIPS[name]
    finding = only_finding(checked(tmp_path, slip.source(slip.wrong)))
    assert finding.code == slip.code, finding.message
    assert slip.words in finding.message
    assert finding.blame is not None
    assert finding.blame.line == slip.line


@pytest.mark.parametrize("name", ["index in JAX", "windows", "a part and the whole"])
def test_what_adds_up_passes(name: str, tmp_path: Path) -> None:
    slip = SLIPS[name]
    assert checked(tmp_path, slip.source(slip.right)).status is Status.PASS


NOT_NAMED = {
    "another row": (EMBEDDING, "np.add.at(dw, (ids + 1) % 5, dout)"),
    "no index twice": (
        EMBEDDING.replace("w[ids]", "w[np.argsort(ids[0])]"),
        "dw[np.argsort(ids[0])] = np.sin(dout)",
    ),
    "windows beside each other": (
        WINDOWS.replace("i : i + 3", "i : i + 1").replace("(3,)", "(1,)"),
        "dx[:, i : i + 1] = np.sin(dout[:, i, None]) * w",
    ),
}


@pytest.mark.parametrize("name", NOT_NAMED)
def test_nothing_is_named_where_nothing_is_overwritten(name: str, tmp_path: Path) -> None:
    layer, written = NOT_NAMED[name]
    report = checked(tmp_path, Slip(layer, "", written, "", 0).source(written))
    assert report.status is Status.FAIL
    for finding in report.findings:
        assert "must add up" not in finding.message
