"""A gate's local derivative left out or replaced, and a wrong mask: the line and what stands there are named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from gradcheck_cli.report.model import Finding
from tests.thorough import each

from .test_blocks import checked


@dataclass(frozen=True)
class Slip:
    """One layer `h = FORWARD` of `a = x @ w`, and a backward `da = dout * (WRONG)` in place of the right one.

    `words` are in the sentence; a helper may be defined before the layer.
    """

    forward: str
    wrong: str
    code: str
    words: str
    helper: str = ""


NUMPY = {
    "tanh left out": Slip("np.tanh(a)", "1", "GC208", "pass `np.tanh(a)` (line 10) unchanged"),
    "tanh of its input": Slip("np.tanh(a)", "1 - a**2", "GC208", "take 1 - a**2 for"),
    "tanh without the square": Slip("np.tanh(a)", "1 - h", "GC208", "take 1 - h for the local derivative of"),
    "sigmoid left out": Slip("1 / (1 + np.exp(-a))", "1", "GC208", "its local derivative, h * (1 - h)"),
    "half a sigmoid": Slip("1 / (1 + np.exp(-a))", "h", "GC208", "take h for the local derivative of"),
    "exponential left out": Slip(
        "np.exp(a)", "1", "GC208", "multiply the upstream gradient by its local derivative, h"
    ),
    "root of its input": Slip("np.sqrt(np.exp(a))", "np.exp(a) / (2 * np.exp(a))", "GC208", "`np.sqrt(np.exp(a))`"),
    "softplus left out": Slip("np.log1p(np.exp(a))", "1", "GC208", "its local derivative, sigmoid(a)"),
    "silu as a sigmoid": Slip(
        "a / (1 + np.exp(-a))",
        "1 / (1 + np.exp(-a)) * (1 - 1 / (1 + np.exp(-a)))",
        "GC208",
        "take sigmoid(a) * (1 - sigmoid(a)) for",
    ),
    "power not lowered": Slip("a**3", "3 * a**3", "GC208", "take 3 * a**3 for the local derivative of `a**3`"),
    "sharpness forgotten": Slip("np.tanh(2 * a)", "2 * (1 - np.tanh(a)**2)", "GC208", "at `a`: take it at `2 * a`"),
    "sine for cosine": Slip("np.sin(a)", "np.sin(a)", "GC208", "it is cos(a)"),
    "relu without mask": Slip("np.maximum(a, 0)", "1", "GC212", "through `np.maximum(a, 0)` (line 10) everywhere"),
    "relu inverted": Slip("np.maximum(a, 0)", "(a < 0)", "GC212", "where it is to be stopped"),
    "relu shifted": Slip("np.maximum(a, 0)", "(a > 0.75)", "GC212", "only above a bound of `a` between"),
    "leaky relu swapped": Slip("np.where(a > 0, a, 0.1 * a)", "np.where(a > 0, 0.1, 1)", "GC212", "branches swapped"),
    "clip ignored": Slip("np.clip(a, -1, 1)", "(a < 1)", "GC212", "the gradient through `np.clip(a, -1, 1)`"),
    "helper": Slip("gate(a)", "1", "GC208", "`1 / (1 + np.exp(-z))` (line 5) unchanged", "1 / (1 + np.exp(-z))"),
}

JAX = {
    "gelu of the other form": Slip(
        "jax.nn.gelu(a, approximate=False)",
        "jax.vmap(jax.vmap(jax.grad(jax.nn.gelu)))(a)",
        "GC208",
        "the derivative of GELU's tanh form",
    ),
    "softplus left out": Slip("jax.nn.softplus(a)", "1", "GC208", "`jax.nn.softplus(a)` (line 10) unchanged"),
    "relu without mask": Slip("jax.nn.relu(a)", "1", "GC212", "through `jax.nn.relu(a)` (line 10) everywhere"),
}


def source(slip: Slip, library: str = "np") -> str:
    imports = "import numpy as np" if library == "np" else "import jax"
    helper = f"def gate(z):\n    return {slip.helper}\n" if slip.helper else "\n\n"
    return (
        f"{imports}\n\n\n{helper}\ndef act_forward(x, w):\n"
        '    """x: of shape (N, D); w: of shape (D, M)"""\n'
        f"    a = x @ w\n    h = {slip.forward}\n    return h, (x, w, a, h)\n\n\n"
        "def act_backward(dout, cache):\n    x, w, a, h = cache\n"
        f"    da = dout * ({slip.wrong})\n    return da @ w.T, x.T @ da\n"
    )


def only(folder: Path, text: str) -> Finding:
    (finding,) = checked(folder, text).findings
    return finding


@pytest.mark.parametrize("name", each(2, list(NUMPY)))
def test_a_gate_is_named(name: str, tmp_path: Path) -> None:
    slip = NUMPY[name]
    finding = only(tmp_path, source(slip))
    assert finding.code == slip.code, finding.message
    assert slip.words in finding.message
    assert "`dx` and `dw`" in finding.message
    blame = finding.blame
    assert blame is not None
    assert (blame.line, blame.factor) == (5 if slip.helper else 10, None)
    assert blame.explains > 1 - 1e-9


@pytest.mark.parametrize("name", each(2, list(JAX)))
def test_a_gate_of_jax_is_named(name: str, tmp_path: Path) -> None:
    slip = JAX[name]
    finding = only(tmp_path, source(slip, "jax"))
    assert finding.code == slip.code, finding.message
    assert slip.words in finding.message


NOT_NAMED = {
    "a factor": ("np.tanh(a)", "2 * (1 - h**2)"),
    "the sign": ("np.tanh(a)", "h**2 - 1"),
    "noise": ("np.tanh(a)", "1 - h**2 + 0.1 * np.sin(9 * dout.sum())"),
    "a soft mask": ("np.maximum(a, 0)", "1 / (1 + np.exp(-5 * a))"),
}


@pytest.mark.parametrize("name", NOT_NAMED)
def test_no_gate_is_named(name: str, tmp_path: Path) -> None:
    forward, wrong = NOT_NAMED[name]
    for finding in checked(tmp_path, source(Slip(forward, wrong, "", ""))).findings:
        assert finding.code not in ("GC208", "GC212"), finding.message


@pytest.mark.parametrize("wrong", ["1 - h**2 + 0.1 * np.sin(9 * a)", "(1 - h**2) ** 1.5"])
def test_of_what_is_no_known_slip_the_numbers_are_read_out(wrong: str, tmp_path: Path) -> None:
    finding = only(tmp_path, source(Slip("np.tanh(a)", wrong, "", "")))
    assert finding.code == "GC208"
    assert "take other numbers for the local derivative of `np.tanh(a)` (line 10)" in finding.message


LAYER = '''import numpy as np


def scale_forward(x, gamma, v):
    """
    - x: of shape (N, D)
    - gamma: of shape (D,)
    - v: of shape (D, M)
    """
    mu = x.mean(axis=0)
    xc = x - mu
    std = np.sqrt((xc**2).mean(axis=0) + 1e-5)
    xhat = xc / std
    y = gamma * xhat
    return y @ v, (xc, std, xhat, gamma, y, v)


def scale_backward(dout, cache):
    xc, std, xhat, gamma, y, v = cache
    dv = y.T @ dout
    dy = dout @ v.T
    dgamma = (dy * xhat).sum(axis=0)
    dxhat = dy * gamma
    dxc = (dxhat - xhat * (dxhat * xhat).mean(axis=0)) / std
    return dxc - dxc.mean(axis=0), dgamma, dv
'''

PRODUCTS = {
    "the gain left out": ("dxhat = dy * gamma", "dxhat = dy", "x", "leaves out `gamma` of `gamma * xhat` (line 14)"),
    "the input for the normalised": (
        "(dy * xhat).sum(axis=0)\n    dxhat",
        "(dy * xc).sum(axis=0)\n    dxhat",
        "gamma",
        "uses `xc` where `xhat` belongs, in `gamma * xhat` (line 14)",
    ),
    "a value before the gain": ("dv = y.T", "dv = xhat.T", "v", "uses `xhat` where `y` belongs, in `y @ v` (line 15)"),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_the_other_factor_is_named(name: str, tmp_path: Path) -> None:
    right, wrong, argument, words = PRODUCTS[name]
    assert LAYER.count(right) == 1
    finding = only(tmp_path, LAYER.replace(right, wrong))
    assert (finding.code, finding.argument) == ("GC208", argument), finding.message
    assert words in finding.message


def test_a_right_layer_has_no_finding(tmp_path: Path) -> None:
    assert checked(tmp_path, LAYER).findings == ()


LOOP = '''import numpy as np


def rnn_forward(x, h0, u):
    """
    - x: of shape (T, N, D)
    - h0: of shape (N, D)
    - u: of shape (D,)
    """
    h = [h0]
    for t in range(len(x)):
        h.append(np.tanh(x[t] + u * h[-1]))
    return np.stack(h[1:]), (h, u)


def rnn_backward(dout, cache):
    h, u = cache
    dx, du, dh = np.zeros_like(dout), np.zeros_like(u), 0
    for t in reversed(range(len(dout))):
        dx[t] = (dout[t] + dh) * (1 - h[t + 1] ** 2)
        du += (dx[t] * h[t]).sum(axis=0)
        dh = dx[t] * u
    return dx, dh, du
'''


def test_a_gate_in_a_loop_is_named_once(tmp_path: Path) -> None:
    finding = only(tmp_path, LOOP.replace("(1 - h[t + 1] ** 2)", "(1 - h[t + 1])"))
    assert finding.code == "GC208", finding.message
    assert "`dx`, `dh0` and `du` take 1 - y (y its output) for the local derivative of `np.tanh(x[t] + u * h[-1])`" in (
        finding.message
    )


POOL = '''import numpy as np


def pool_forward(x):
    """x: of shape (N, D, 3)"""
    return x.max(axis=2), x


def pool_backward(dout, x):
    return dout[..., None] * (x == x.max(axis=2, keepdims=True))
'''


@pytest.mark.parametrize(
    ("mask", "words"),
    [("np.full(3, 1 / 3)", "to all alike, as a mean does"), ("np.arange(3) < 1", "to the first only")],
)
def test_a_maximum_is_named(mask: str, words: str, tmp_path: Path) -> None:
    wrong = POOL.replace("(x == x.max(axis=2, keepdims=True))", f"({mask})")
    assert wrong != POOL
    finding = only(tmp_path, wrong)
    assert finding.code == "GC212", finding.message
    assert words in finding.message


WRITTEN = '''import numpy as np


def relu_forward(x):
    """x: of shape (N, D)"""
    mask = x <= 0
    out = x.copy()
    out[mask] = 0
    return out, mask


def relu_backward(dout, mask):
    dx = dout.copy()
    dx[mask] = 0
    return dx
'''


def test_a_mask_that_is_written_is_named(tmp_path: Path) -> None:
    assert checked(tmp_path, WRITTEN).findings == ()
    finding = only(tmp_path, WRITTEN.replace("dx[mask] = 0", "dx[~mask] = 0"))
    assert finding.code == "GC212", finding.message
    assert "`dx` lets the gradient through only where the forward writes over `x`" in finding.message


def test_a_gradient_apart_from_the_others_is_named_alone(tmp_path: Path) -> None:
    right = source(Slip("np.tanh(a)", "1 - h**2", "", ""))
    finding = only(tmp_path, right.replace("return da @ w.T", "return dout @ w.T"))
    assert (finding.code, finding.argument) == ("GC208", "x")
    assert "your `dx` passes `np.tanh(a)` (line 10) unchanged" in finding.message
