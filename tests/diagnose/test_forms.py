"""Forms that a wrong path takes: second outputs, conditions, functions of JAX's own, factors of size, zeros."""

from __future__ import annotations

from pathlib import Path

import pytest

from .blocks import BATCHNORM, IDENTITY, RESNEXT
from .test_blocks import checked, only_finding

CELL = '''
import numpy as np


def cell_forward(x, h, c, W):
    """
    - x: (N, H)
    - h: (N, H)
    - c: (N, H)
    - W: (H, H)
    """
    f = 1 / (1 + np.exp(-(h @ W)))
    next_c = f * c + x
    next_h = np.tanh(next_c)
    return next_h, next_c, (h, c, W, f, next_h)


def cell_backward(dnext_h, dnext_c, cache):
    h, c, W, f, next_h = cache
    dc = BOTH
    da = dc * c * f * (1 - f)
    return dc, da @ W.T, dc * f, h.T @ da
'''

JAX = '''
import jax
import jax.numpy as jnp
from jax import lax


@jax.custom_vjp
def layer(x, w):
    """
    - x: (N, D)
    - w: (N, D)
    """
    return forward(x, w)


def forward(x, w):
    FORWARD


def layer_fwd(x, w):
    return forward(x, w), (x, w)


def layer_bwd(residuals, g):
    x, w = residuals
    BACKWARD


layer.defvjp(layer_fwd, layer_bwd)
'''


def test_the_upstream_of_a_second_output_is_named(tmp_path: Path) -> None:
    finding = only_finding(checked(tmp_path, CELL.replace("BOTH", "dnext_h * (1 - next_h**2)")))
    assert finding.code == "GC209"
    assert "no contribution from the upstream gradient `dnext_c`, of the output `f * c + x`" in finding.message
    assert finding.blame is not None and finding.blame.expression == "f * c + x"


def test_the_path_from_the_first_output_is_named(tmp_path: Path) -> None:
    finding = only_finding(checked(tmp_path, CELL.replace("BOTH", "-dnext_h * (1 - next_h**2) + dnext_c")))
    assert (finding.code, finding.blame and finding.blame.expression) == ("GC210", "np.tanh(next_c)")


def test_both_outputs_added_pass(tmp_path: Path) -> None:
    assert checked(tmp_path, CELL.replace("BOTH", "dnext_h * (1 - next_h**2) + dnext_c")).findings == ()


@pytest.mark.parametrize(
    ("forward", "backward", "expression"),
    [
        (
            "return lax.cond(x.sum() < 1e9, lambda: x * w + x, lambda: x)",
            "return g * w, g * x",
            "x * w + x",
        ),
        (
            "return lax.fori_loop(0, 3, lambda t, h: h * w + x, x)",
            "return g * w**3, g * (3 * x * w**2 + 2 * x * w + x)",
            "h * w + x",
        ),
        (
            "p = jax.nn.softmax(x, axis=1)\n    return p * w",
            "p = jax.nn.softmax(x, axis=1)\n    return p * g * w, g * p",
            "jax.nn.softmax(x, axis=1)",
        ),
    ],
    ids=["cond", "fori_loop", "softmax"],
)
def test_a_path_inside_is_named(forward: str, backward: str, expression: str, tmp_path: Path) -> None:
    source = JAX.replace("FORWARD", forward).replace("BACKWARD", backward)
    finding = only_finding(checked(tmp_path, source))
    assert finding.code == "GC209", finding.message
    assert finding.blame is not None
    assert finding.blame.expression == expression


def test_a_sum_for_a_mean_on_a_path_is_named_by_its_size(tmp_path: Path) -> None:
    source = BATCHNORM.source("np").replace("dxc.mean(axis=0)", "dxc.sum(axis=0)")
    finding = only_finding(checked(tmp_path, source))
    assert finding.code == "GC206"
    assert "takes N times the path through `x` in `x.mean(axis=0)`" in finding.message
    assert "a sum where the mean belongs" in finding.message


def test_a_path_with_a_size_as_its_factor_is_named(tmp_path: Path) -> None:
    finding = only_finding(checked(tmp_path, IDENTITY.source("np").replace("+ (dout)", "+ dout / len(x)")))
    assert (finding.code, finding.blame and finding.blame.operand) == ("GC210", "x")
    assert "takes 1/N times the path through `x` in `h @ W2 + x`" in finding.message


def test_a_gradient_of_zero_has_no_path_at_all(tmp_path: Path) -> None:
    finding = only_finding(checked(tmp_path, RESNEXT.source("np").replace("= h1.T @ dout,", "= 0 * V1,")))
    assert finding.code == "GC209"
    assert finding.message.startswith("your `dV1` is zero: nothing flows back through `V1` in `h1 @ V1` (line 17)")


def test_zero_in_some_elements_only_is_no_path(tmp_path: Path) -> None:
    source = RESNEXT.source("np").replace("= h1.T @ dout,", "= (h1.T @ dout) * (V1 > 0),")
    finding = only_finding(checked(tmp_path, source))
    assert (finding.code, finding.blame) == ("GC201", None)
