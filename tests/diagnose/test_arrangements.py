"""Something inside a backward that is transposed, or in another place: the step is named, and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from gradcheck_cli.report.model import Status

from .test_blocks import checked

NETWORK = '''import numpy as np


def net_forward(x, w, v):
    """
    - x: of shape (N, D)
    - w: of shape (D, D)
    - v: of shape (D, M)
    """
    h = np.tanh(x @ w)
    return h @ v, (x, w, v, h)


def net_backward(dout, cache):
    x, w, v, h = cache
    da = (dout @ v.T) * (1 - h**2)
    return da @ w.T, x.T @ da, h.T @ dout
'''

MIXING = '''import numpy as np


def mix_forward(weights, v, c):
    """
    - weights: of shape (N, T, T)
    - v: of shape (N, T, D)
    - c: of shape (D, M)
    """
    return weights @ v @ c, (weights, v, c)


def mix_backward(dout, cache):
    weights, v, c = cache
    dmixed = dout @ c.T
    dv = weights.transpose(0, 2, 1) @ dmixed
    return dmixed @ v.transpose(0, 2, 1), dv, np.einsum("ntd,ntm->dm", weights @ v, dout)
'''

RECURRENCE = '''import numpy as np


def rnn_forward(x, u):
    """
    - x: of shape (4, N, D)
    - u: of shape (D, D)
    """
    h = [np.zeros_like(x[0])]
    for t in range(4):
        h.append(np.tanh(x[t] + h[-1] @ u))
    return np.stack(h[1:]), (h, u)


def rnn_backward(dout, cache):
    h, u = cache
    dx, du, dh = np.zeros_like(dout), np.zeros_like(u), np.zeros_like(dout[0])
    for t in reversed(range(4)):
        dx[t] = (dout[t] + dh) * (1 - h[t + 1] ** 2)
        du += h[t].T @ dx[t]
        dh = dx[t] @ u.T
    return dx, du
'''

HEADS = '''import numpy as np


def heads_forward(x, w):
    """
    - x: of shape (N, T, D)
    - w: of shape (D, 6)
    """
    N, T, _ = x.shape
    h = x @ w
    return h.reshape(N, T, 2, 3).transpose(0, 2, 1, 3), (x, w)


def heads_backward(dout, cache):
    x, w = cache
    dh = dout.transpose(0, 2, 1, 3).reshape(*x.shape[:2], 6)
    return dh @ w.T, np.einsum("ntd,nte->de", x, dh)
'''

TAPS = '''import numpy as np


def taps_forward(x, w):
    """
    - x: of shape (N, T, D)
    - w: of shape (3, D, M)
    """
    padded = np.pad(x, ((0, 0), (2, 0), (0, 0)))
    T = x.shape[1]
    return sum(padded[:, k : k + T] @ w[k] for k in range(3)), (padded, w)


def taps_backward(dout, cache):
    padded, w = cache
    T = dout.shape[1]
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for k in range(3):
        dpadded[:, k : k + T] += dout @ w[k].T
        dw[k] = np.einsum("ntd,ntm->dm", padded[:, k : k + T], dout)
    return dpadded[:, 2:], dw
'''

SUMS = '''import numpy as np


def sums_forward(table, ids):
    """
    - table: of shape (V, D)
    - ids: integers, of shape (N,), where 0 <= ids[i] < V
    """
    return np.cumsum(table[ids] ** 2, axis=0), (table, ids)


def sums_backward(dout, cache):
    table, ids = cache
    drows = np.cumsum(dout[::-1], axis=0)[::-1]
    dtable = np.zeros_like(table)
    np.add.at(dtable, ids, 2 * table[ids] * drows)
    return dtable
'''

INVERSE = '''import numpy as np


def inv_forward(A, b):
    """
    - A: of shape (3, 3)
    - b: of shape (3, M)
    """
    Y = np.linalg.inv(A)
    return Y @ b, (Y, b)


def inv_backward(dout, cache):
    Y, b = cache
    dY = dout @ b.T
    return -Y.T @ dY @ Y.T, Y.T @ dout


def inv_inputs(rng):
    return {"A": rng.normal(size=(3, 3)) + 3 * np.eye(3), "b": rng.normal(size=(3, 2))}
'''

POOL = '''import numpy as np


def pool_forward(x, g):
    """
    - x: of shape (N, 6, D)
    - g: of shape (D,)
    """
    return (x * g).reshape(len(x), 2, 3, -1).mean(axis=2), (x, g)


def pool_backward(dout, cache):
    x, g = cache
    dy = np.repeat(dout, 3, axis=1) / 3
    return dy * g, (dy * x).sum(axis=(0, 1))
'''

JAX = '''import jax
import jax.numpy as jnp
from jax import lax


@jax.custom_vjp
def conv(x, w):
    """
    x: shape (N, C, H, W)
    w: shape (F, C, 3, 3)
    """
    return lax.conv(x, w, (1, 1), "SAME")


def conv_fwd(x, w):
    return conv(x, w), (x, w)


def conv_bwd(cache, g):
    x, w = cache
    dx = lax.conv(g, jnp.flip(w, axis=(2, 3)).transpose(1, 0, 2, 3), (1, 1), "SAME")
    return dx, jax.vjp(lambda w: lax.conv(x, w, (1, 1), "SAME"), w)[1](g)[0]


conv.defvjp(conv_fwd, conv_bwd)
'''


SPECTRUM = '''import numpy as np


def filter_forward(x, k):
    """
    - x: of shape (N, 7)
    - k: of shape (7,)
    """
    return np.fft.irfft(np.fft.rfft(x) * np.fft.rfft(k), n=7), (x, k)


def filter_backward(dout, cache):
    x, k = cache
    g = np.fft.rfft(dout)
    dk = np.fft.irfft(g * np.conj(np.fft.rfft(x)), n=7).sum(axis=0)
    return np.fft.irfft(g * np.conj(np.fft.rfft(k)), n=7), dk
'''


@dataclass(frozen=True)
class Slip:
    """One change of a backward; `words` are in the sentence."""

    layer: str
    right: str
    wrong: str
    code: str
    line: int
    words: str

    @property
    def source(self) -> str:
        """The layer with the change in it."""
        assert self.layer.count(self.right) == 1
        return self.layer.replace(self.right, self.wrong)


SLIPS = {
    "matrix not transposed": Slip(
        NETWORK, "da @ w.T", "da @ w", "GC204", 10, "back through `x @ w` (line 10) with `w` where `w.T` is due"
    ),
    "neighbour's input": Slip(
        NETWORK, "x.T @ da", "np.roll(x, 1, axis=0).T @ da", "GC213", 10, "with `x` rolled by +1 along axis 0"
    ),
    "batch not transposed": Slip(
        MIXING, "weights.transpose(0, 2, 1) @", "weights @", "GC204", 10, "where its last two axes are to be exchanged"
    ),
    "in every turn of a loop": Slip(
        RECURRENCE, "dx[t] @ u.T", "dx[t] @ u", "GC204", 11, "`dx` and `du` go back through `h[-1] @ u` (line 11)"
    ),
    "reshape for a transpose": Slip(
        HEADS, "dout.transpose(0, 2, 1, 3).reshape", "dout.reshape", "GC204", 10, "by a reshape, which leaves the axes"
    ),
    "padding cut at the other end": Slip(
        TAPS, "dpadded[:, 2:]", "dpadded[:, :T]", "GC213", 9, "cuts the padding of `np.pad(x, "
    ),
    "window without its offset": Slip(
        TAPS, 'dm", padded[:, k : k + T]', 'dm", padded[:, :T]', "GC213", 11, "at the beginning of axis 1"
    ),
    "taps in reverse order": Slip(
        TAPS, "dout @ w[k].T", "dout @ w[-1 - k].T", "GC213", 11, "with `w[k]` of the turns in reverse order"
    ),
    "running sum forward": Slip(
        SUMS, "np.cumsum(dout[::-1], axis=0)[::-1]", "np.cumsum(dout, axis=0)", "GC213", 9, "in the forward's direction"
    ),
    "row before": Slip(SUMS, "dtable, ids", "dtable, np.maximum(ids - 1, 0)", "GC213", 9, "with each index -1"),
    "inverse not transposed": Slip(
        INVERSE, "-Y.T @ dY @ Y.T", "-Y @ dY @ Y", "GC204", 9, "takes `np.linalg.inv(A)` (line 9) where its"
    ),
    "tile for repeat": Slip(POOL, "np.repeat(dout, 3, axis=1)", "np.tile(dout, (1, 3, 1))", "GC213", 9, "tile what"),
    "spectrum not conjugated": Slip(
        SPECTRUM, "np.conj(np.fft.rfft(k))", "np.fft.rfft(k)", "GC213", 9, "where its complex conjugate is due"
    ),
    "state before for the new one": Slip(
        RECURRENCE, "h[t + 1] ** 2", "h[t] ** 2", "GC208", 11, "`h[-1]` for the output of"
    ),
    "kernel not flipped": Slip(
        JAX, "jnp.flip(w, axis=(2, 3))", "w", "GC213", 12, "with `w` flipped along axes 2 and 3"
    ),
}  # fmt: skip


ELSEWHERE = {
    "batch not transposed": "is the gradient for `weights` with axis 1 and axis 2 swapped",
    "reshape for a transpose": "are each the gradient for `dout` with its numbers written in the order of",
    "padding cut at the other end": "is the gradient shifted by +2 along T",
    "taps in reverse order": "is the gradient for `w` flipped along axis 0",
    "inverse not transposed": "is the gradient for `A` transposed",
    "kernel not flipped": "is the gradient for `w` flipped along axis 2 and axis 3",
}
"""What is said where it is the gradient for another input or upstream gradient: that is simpler than a place inside."""


@pytest.mark.parametrize("name", SLIPS)
def test_what_is_misplaced_is_named(name: str, tmp_path: Path) -> None:
    slip = SLIPS[name]
    (finding,) = checked(tmp_path, slip.source).findings
    assert finding.code == slip.code, finding.message
    if name in ELSEWHERE:
        assert ELSEWHERE[name] in finding.message
        return
    assert slip.words in finding.message
    blame = finding.blame
    assert blame is not None
    assert (blame.line, blame.factor) == (slip.line, None)
    assert blame.explains > 1 - 1e-9


NOT_NAMED = {
    "half transposed": (NETWORK, "da @ w.T", "da @ (w + w.T) / 2"),
    "sorted columns": (NETWORK, "da @ w.T", "da @ np.sort(w.T, axis=0)"),
    "turned in one turn only": (RECURRENCE, "dx[t] @ u.T", "dx[t] @ (u if t == 2 else u.T)"),
    "noise where the padding was cut": (TAPS, "dpadded[:, 2:]", "dpadded[:, 2:] + 0.1 * np.sin(dpadded[:, :T])"),
}


@pytest.mark.parametrize("name", NOT_NAMED)
def test_nothing_misplaced_is_named(name: str, tmp_path: Path) -> None:
    layer, right, wrong = NOT_NAMED[name]
    assert layer.count(right) == 1
    findings = checked(tmp_path, layer.replace(right, wrong)).findings
    assert findings
    for finding in findings:
        assert finding.code not in ("GC204", "GC213"), finding.message


def test_the_transpose_of_a_symmetric_matrix_is_that_matrix(tmp_path: Path) -> None:
    symmetric = NETWORK.replace("np.tanh(x @ w)", "np.tanh(x @ (w + w.T))").replace("x.T @ da,", "x.T @ da + da.T @ x,")
    right = symmetric.replace("da @ w.T", "da @ (w + w.T)")
    assert checked(tmp_path, right).status is Status.PASS
    (finding,) = checked(tmp_path, right.replace("da @ (w + w.T)", "2 * da @ (w + w.T)")).findings
    assert finding.code not in ("GC204", "GC213"), finding.message
