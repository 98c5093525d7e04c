"""A forward whose loops unroll to many steps gets smaller draws, and says so; sizes that the user gave stay."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.checking.draws import UNROLLED
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Status
from tests.thorough import seeds

CONVOLUTION = '''
    import numpy as np
    def conv_forward(x, w, b, conv_param):
        """
        - x: of shape (N, C, H, W)
        - w: of shape (F, C, HH, WW)
        - b: of shape (F,)
        - conv_param: a dictionary with the keys:
          - 'stride': the step
          - 'pad': the margin
        """
        s, p = conv_param["stride"], conv_param["pad"]
        N, C, H, W = x.shape
        F, _, HH, WW = w.shape
        xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        out = np.zeros((N, F, 1 + (H + 2 * p - HH) // s, 1 + (W + 2 * p - WW) // s))
        for n, f, i, j in np.ndindex(*out.shape):
            out[n, f, i, j] = np.sum(xp[n, :, i * s : i * s + HH, j * s : j * s + WW] * w[f]) + b[f]
        return out, (x, w, b, conv_param)
    def conv_backward(dout, cache):
        x, w, b, conv_param = cache
        s, p = conv_param["stride"], conv_param["pad"]
        (H, W), (HH, WW) = x.shape[2:], w.shape[2:]
        xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        dxp, dw = np.zeros_like(xp), np.zeros_like(w)
        for n, f, i, j in np.ndindex(*dout.shape):
            window = (n, slice(None), slice(i * s, i * s + HH), slice(j * s, j * s + WW))
            dw[f] += dout[n, f, i, j] * xp[window]
            dxp[window] += dout[n, f, i, j] * w[f]
        return dxp[:, :, p : p + H, p : p + W], dw, dout.sum(axis=(0, 2, 3))
'''

SUM_OF_SQUARES = '''
    import numpy as np
    def squares_forward(x):
        """x: of shape (T, S)"""
        total = 0.0
        for t in range(x.shape[0]):
            for s in range(x.shape[1]):
                total = total + x[t, s] ** 2
        return total, x
    def squares_backward(dout, x):
        return 2 * x * dout
'''


JITTED = """
    import jax
    import jax.numpy as jnp
    @jax.jit
    def walk(x, w):
        h = jnp.zeros(x.shape[1:])
        for t in range(x.shape[0]):
            for _ in range(x.shape[1]):
                for _ in range(x.shape[2]):
                    h = jnp.tanh(h * w[t] + x[t])
        return h
    @jax.custom_vjp
    def walked(x, w):
        "x: of shape (T, N, D), w: of shape (T, D)"
        return walk(x, w)
    walked.defvjp(lambda x, w: (walk(x, w), (x, w)), lambda kept, g: jax.vjp(walk, *kept)[1](g))
"""


CONSTRUCTED = '''
import numpy as np


class Slow:
    def __init__(self, input_dim, output_dim):
        self.W = np.zeros((input_dim, output_dim))

    def forward(self, x):
        """x: (T, input_dim)"""
        self.x, out = x, 0.0
        for row in x:
            for _ in range(40):
                out = out + np.tanh(row @ self.W)
        return out

    def backward(self, dout):
        dz = 40 * dout * (1 - np.tanh(self.x @ self.W) ** 2)
        self.dW = self.x.T @ dz
        return dz @ self.W.T
'''


def checked(folder: Path, source: str, inputs: InputOptions | None = None) -> LayerReport:
    path = folder / "mylayer.py"
    path.write_text(textwrap.dedent(source), encoding="utf-8")
    (layer,) = check_targets(
        [Target(path)], CheckOptions(inputs or InputOptions(), Settings(shrink=False, diagnose=False))
    ).layers
    return layer


@pytest.mark.parametrize("seed", seeds(2))
def test_long_loops_get_smaller_draws(tmp_path: Path, seed: int) -> None:
    layer = checked(tmp_path, CONVOLUTION, InputOptions(seed=seed))
    assert layer.status is Status.PASS
    (note,) = (note for note in layer.notes if note.startswith("smaller draws: the forward unrolls to "))
    steps = int(note.split()[-2].replace(",", ""))
    assert UNROLLED < layer.equations < steps
    sizes = {argument.name: argument.shape for argument in layer.arguments}
    assert len(set(sizes["x"])) == 4, "axes of one array can be told apart by their sizes"
    assert len(set(sizes["w"])) == 4
    assert max(*sizes["x"], *sizes["w"]) <= 6


def test_smaller_draws_find_what_larger_ones_do(tmp_path: Path) -> None:
    for right, wrong in [
        ("xp[window]", "xp[(n, slice(None), slice(i, i + HH), slice(j, j + WW))]"),  # only with a stride
        ("dout.sum(axis=(0, 2, 3))", "dout[0].sum(axis=(1, 2))"),  # only with several examples
    ]:
        assert right in CONVOLUTION
        assert checked(tmp_path, CONVOLUTION.replace(right, wrong)).status is Status.FAIL, wrong


def test_sizes_that_a_constructor_takes_differ_in_smaller_draws(tmp_path: Path) -> None:
    layer = checked(tmp_path, CONSTRUCTED)
    assert layer.status is Status.PASS
    assert any("smaller draws" in note for note in layer.notes)
    (shape,) = (argument.shape for argument in layer.arguments if argument.name == "W")
    assert len(set(shape)) == 2, "of square weights the transpose is not told from them"


def test_sizes_that_the_user_gave_stay(tmp_path: Path) -> None:
    assert not checked(tmp_path, SUM_OF_SQUARES, InputOptions(dimensions={"T": 4, "S": 5})).notes
    layer = checked(tmp_path, SUM_OF_SQUARES, InputOptions(dimensions={"T": 11, "S": 13}))
    assert layer.status is Status.PASS
    assert layer.arguments[0].shape == (11, 13)
    assert layer.equations > UNROLLED
    assert not any("smaller draws" in note for note in layer.notes)


def test_steps_inside_a_jitted_function_count(tmp_path: Path) -> None:
    layer = checked(tmp_path, JITTED)
    assert layer.status is Status.PASS
    assert any("smaller draws" in note for note in layer.notes)


def test_short_loops_keep_the_usual_sizes(tmp_path: Path) -> None:
    layer = checked(tmp_path, SUM_OF_SQUARES)
    assert 0 < layer.equations <= UNROLLED
    assert not any("smaller draws" in note for note in layer.notes)
