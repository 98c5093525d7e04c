"""Right layers pass in every dtype, at every magnitude, short and long, ill-conditioned; a small error is found."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Status
from tests.thorough import each, seeds

LAYERS = '''
import numpy as np


def affine_forward(x, w, b):
    """
    - x: of shape (N, D)
    - w: of shape (D, M)
    - b: of shape (M,)
    """
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    dw = x.T @ dout
    dw[1, 0] *= 1 + {error}
    return dout @ w.T, dw, dout.sum(axis=0)


def total_forward(x):
    """
    - x: of shape (N, D)
    """
    return x.sum(axis=0), x.shape


def total_backward(dout, shape):
    dx = np.broadcast_to(dout, shape).copy()
    dx[0, 0] *= 1 + {error}
    return dx


def softmax_forward(x):
    """
    - x: of shape (N, D)
    """
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    y = e / e.sum(axis=-1, keepdims=True)
    return y, y


def softmax_backward(dout, y):
    dx = y * (dout - (dout * y).sum(axis=-1, keepdims=True))
    dx[0, np.abs(dx[0]).argmax()] *= 1 + {error}
    return dx


def logarithm_forward(x):
    """
    - x: positive, of shape (N, D)
    """
    return np.log(x), x


def logarithm_backward(dout, x):
    dx = dout / x
    dx[0, 0] *= 1 + {error}
    return dx


def standardized_forward(x):
    """
    Rows that hardly differ from a constant, less their mean, over their standard deviation.

    - x: of shape (N, D)
    """
    rows = 1 + x / 1000
    centred = rows - rows.mean(axis=1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axis=1, keepdims=True))
    return centred / deviation, (centred / deviation, deviation)


def standardized_backward(dout, cache):
    y, deviation = cache
    dx = (dout - dout.mean(axis=1, keepdims=True) - y * (dout * y).mean(axis=1, keepdims=True)) / deviation / 1000
    dx[0, np.abs(dx[0]).argmax()] *= 1 + {error}
    return dx
'''

ERRORS = {
    "float64": 1e-11,
    "float32": 1e-3,
    "float16": 0.25,
    "bfloat16": 0.9,
    "complex128": 1e-11,
    "complex64": 1e-3,
}
"""What must be found in an element of ordinary size."""


def run(folder: Path, name: str, error: float, **inputs: Any) -> LayerReport:
    path = folder / "layers.py"
    path.write_text(textwrap.dedent(LAYERS).replace("{error}", repr(error)), encoding="utf-8")
    options = CheckOptions(InputOptions(draws=1, **inputs), Settings(shrink=False, diagnose=False))
    (layer,) = check_targets([Target(path, name)], options).layers
    return layer


def found(layer: LayerReport) -> list[tuple[str, str | None]]:
    return [(finding.code, finding.message) for finding in layer.findings]


@pytest.mark.parametrize("dtype", ERRORS)
def test_a_dtype(tmp_path: Path, dtype: str) -> None:
    right = run(tmp_path, "affine", 0.0, dtype=dtype)
    assert right.status is Status.PASS, found(right)
    wrong = run(tmp_path, "affine", ERRORS[dtype], dtype=dtype)
    assert [finding.code for finding in wrong.findings] == ["GC201"]
    assert {argument.name: argument.wrong for argument in wrong.arguments} == {"x": 0, "w": 1, "b": 0}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("magnitude", each(2, [1e-6, 1e-3, 1e6, 1e3]))
@pytest.mark.parametrize("name", ["affine", "softmax", "logarithm"])
def test_a_magnitude(tmp_path: Path, name: str, magnitude: float, dtype: str) -> None:
    right = run(tmp_path, name, 0.0, dtype=dtype, magnitude=magnitude)
    assert right.status is Status.PASS, found(right)
    if name != "softmax" or magnitude < 1:  # that of large logits is zero but for rounding
        wrong = run(tmp_path, name, ERRORS[dtype], dtype=dtype, magnitude=magnitude)
        assert wrong.status is Status.FAIL


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("terms", [1, 10, 100_000])
def test_a_sum(tmp_path: Path, terms: int, dtype: str) -> None:
    sizes = {"N": terms, "D": 3}
    right = run(tmp_path, "total", 0.0, dtype=dtype, dimensions=sizes)
    assert right.status is Status.PASS, found(right)
    wrong = run(tmp_path, "total", ERRORS[dtype], dtype=dtype, dimensions=sizes)
    assert wrong.status is Status.FAIL


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_long_product(tmp_path: Path, dtype: str) -> None:
    sizes = {"N": 20_000, "D": 2, "M": 2}
    right = run(tmp_path, "affine", 0.0, dtype=dtype, dimensions=sizes)
    assert right.status is Status.PASS, found(right)
    assert run(tmp_path, "affine", 10 * ERRORS[dtype], dtype=dtype, dimensions=sizes).status is Status.FAIL


@pytest.mark.parametrize("seed", seeds(3))
@pytest.mark.parametrize(("dtype", "error"), [("float64", 1e-8), ("float32", 0.3)])
def test_rows_that_are_nearly_constant(tmp_path: Path, dtype: str, error: float, seed: int) -> None:
    right = run(tmp_path, "standardized", 0.0, dtype=dtype, seed=seed)
    assert right.status in (Status.PASS, Status.INCONCLUSIVE), found(right)
    assert right.status is Status.PASS or dtype == "float32"
    assert run(tmp_path, "standardized", error, dtype=dtype, seed=seed).status is Status.FAIL


def test_the_magnitude_is_that_of_the_values_and_leaves_them_readable(tmp_path: Path) -> None:
    wrong = run(tmp_path, "affine", 1.0, magnitude=1e-6)
    assert wrong.failing_draw is not None
    x = np.asarray(wrong.failing_draw.arguments[0].value)
    assert 1e-8 < np.abs(x).max() < 2e-6
    assert all(len(repr(float(value))) <= len("-1.234e-06") for value in x.reshape(-1))


def test_right_in_float64_and_beyond_float16_is_inconclusive(tmp_path: Path) -> None:
    path = tmp_path / "layers.py"
    path.write_text(
        "import numpy as np\n\n\n"
        "def square_forward(x):\n    '''- x: of shape (N, D)'''\n    return np.hypot(x, 1), x\n\n\n"
        "def square_backward(dout, x):\n    return dout * x / np.hypot(x, 1)\n",
        encoding="utf-8",
    )
    options = CheckOptions(
        InputOptions(draws=1, dtype="float16", magnitude=10.0), Settings(shrink=False, diagnose=False)
    )
    (fine,) = check_targets([Target(path)], options).layers
    assert fine.status is Status.PASS
    path.write_text(path.read_text().replace("dout * x /", "dout * (x * x) / x /"), encoding="utf-8")
    options = CheckOptions(
        InputOptions(draws=1, dtype="float16", magnitude=200.0), Settings(shrink=False, diagnose=False)
    )
    (layer,) = check_targets([Target(path)], options).layers
    assert layer.status is Status.INCONCLUSIVE, found(layer)
    assert any("right in float64, and float16 does not hold it" in argument.why for argument in layer.arguments)
