"""GC402 names the precision that a gradient has; a small mistake that stays is no rounding."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Status
from tests.thorough import seeds

NUMPY = '''
import numpy as np


def dense_forward(x, w):
    """
    - x: of shape (N, D)
    - w: of shape (D, M)
    """
    return {forward}, (x, w)


def dense_backward(dout, cache):
    x, w = cache
    {before}
    return {dx}, x.T @ dout
'''

RIGHT = {"forward": "x @ w", "before": "pass", "dx": "dout @ w.T"}


def run(folder: Path, seed: int = 0, dtype: str = "float64", **parts: str) -> LayerReport:
    path = folder / "layers.py"
    source = NUMPY
    for name, text in {**RIGHT, **parts}.items():
        source = source.replace("{" + name + "}", text)
    path.write_text(source, encoding="utf-8")
    options = CheckOptions(InputOptions(seed=seed, dtype=dtype, draws=1), Settings(shrink=False, diagnose=False))
    (layer,) = check_targets([Target(path)], options).layers
    return layer


def codes(layer: LayerReport) -> set[str]:
    return {finding.code for finding in layer.findings}


@pytest.mark.parametrize("seed", seeds(3))
@pytest.mark.parametrize(
    ("dtype", "narrow"),
    [("float64", "float32"), ("float64", "float16"), ("float32", "float16")],
)
def test_a_cast_in_the_backward(tmp_path: Path, seed: int, dtype: str, narrow: str) -> None:
    layer = run(tmp_path, seed, dtype, before=f"dout = dout.astype(np.{narrow}).astype(np.{dtype})")
    assert codes(layer) == {"GC402"}
    assert all(f"right to about {narrow} only" in finding.message for finding in layer.findings)
    assert {argument.status for argument in layer.arguments} == {Status.FAIL}


def test_one_gradient_alone(tmp_path: Path) -> None:
    layer = run(tmp_path, dx="(dout @ w.T).astype(np.float32).astype(np.float64)")
    assert [(finding.code, finding.argument) for finding in layer.findings] == [("GC402", "x")]


@pytest.mark.parametrize(
    "dx",
    [
        "dout @ w.T * (1 + 3e-8)",
        "dout @ w.T + 1e-8 * w[:, 0]",
        "dout @ w.T + 2e-8 * x * abs(dout).sum(axis=1, keepdims=True)",
    ],
)
@pytest.mark.parametrize("seed", seeds(3))
def test_a_small_mistake_is_no_rounding(tmp_path: Path, seed: int, dx: str) -> None:
    layer = run(tmp_path, seed, dx=dx)
    assert layer.status is Status.FAIL
    assert "GC402" not in codes(layer)


def test_a_large_mistake_beside_a_cast_is_a_mistake(tmp_path: Path) -> None:
    layer = run(tmp_path, dx="(1.01 * dout @ w.T).astype(np.float32).astype(np.float64)")
    assert layer.status is Status.FAIL
    assert "GC402" not in codes(layer)


def test_a_forward_that_computes_in_a_narrower_dtype(tmp_path: Path) -> None:
    layer = run(tmp_path, forward="(x.astype(np.float32) @ w.astype(np.float32)).astype(np.float64)")
    (finding,) = layer.findings
    assert finding.code == "GC402"
    assert "computes in float32 inside" in finding.message


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"forward": "x.astype(np.float32) @ w.astype(np.float32)"},
        {"forward": "x @ w * np.float32(0.5)", "before": "dout = dout * np.float32(0.5)"},
        {"forward": "x @ (w * np.ones(w.shape, np.float32))"},
    ],
)
def test_no_loss_where_nothing_is_rounded_or_the_output_says_so(tmp_path: Path, parts: dict[str, str]) -> None:
    assert "GC402" not in codes(run(tmp_path, **parts))


LOSS = '''
import numpy as np


def ridge_loss(x):
    """
    - x: of shape (N, D)
    """
    error = {error}
    dx = {dx}
    return 0.5 * (error**2).sum(), dx
'''


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("seed", seeds(3))
def test_a_losses_gradient_may_not_be_narrower_than_its_value(tmp_path: Path, dtype: str, seed: int) -> None:
    """Both are made in one function, and what is narrow on the gradient's way is not on the value's."""

    def checked(error: str, dx: str) -> LayerReport:
        path = tmp_path / "losses.py"
        path.write_text(LOSS.replace("{error}", error).replace("{dx}", dx), encoding="utf-8")
        return check_targets(
            [Target(path)], CheckOptions(InputOptions(seed=seed), Settings(shrink=False, diagnose=False))
        ).layers[0]

    assert checked("3 * x", "3 * error").status is Status.PASS
    narrow = checked("3 * x", f"(3 * error).astype('{dtype}').astype(float)")
    assert narrow.status is Status.FAIL, narrow
    assert narrow.findings[0].argument == "x"
    forward = checked(f"(3 * x).astype('{dtype}').astype(float)", "3 * error")
    assert [finding.code for finding in forward.findings] == ["GC402"]
    assert forward.findings[0].message.startswith("the forward of")
    assert forward.findings[0].argument is None


GAUSSIAN = """
import numpy as np


def gaussian_forward(log_variance, residual):
    \"\"\"
    - log_variance: of shape (N, D)
    - residual: of shape (N, D)
    \"\"\"
    precision = np.exp(-log_variance)
    return 0.5 * (log_variance + residual**2 * precision).sum() / len(residual), (residual, precision)


def gaussian_backward(dout, cache):
    residual, precision = cache
    term = residual**2 * precision
    ROUNDED
    scale = dout / len(residual)
    return 0.5 * scale * (1 - term), scale * residual * precision
"""


@pytest.mark.parametrize("seed", seeds(12))
def test_a_cast_of_one_term_is_not_taken_for_noise_by_the_elements_that_cross(tmp_path: Path, seed: int) -> None:
    """A few epsilons away one element in thirty is rounded to the next float16: that is no noise of all the others."""
    path = tmp_path / "gaussian.py"
    for dtype, expected in (("float16", Status.FAIL), ("float32", Status.PASS)):
        path.write_text(GAUSSIAN.replace("ROUNDED", f"term = term.astype(np.{dtype}).astype(np.float32)"))
        options = CheckOptions(InputOptions(seed=seed, dtype="float32"), Settings(shrink=False, diagnose=False))
        (layer,) = check_targets([Target(path)], options).layers
        assert layer.status is expected, (dtype, layer.findings)


@pytest.mark.parametrize("seed", seeds(6))
@pytest.mark.parametrize("offset", ["1e2", "1e3", "1e4"])
def test_own_rounding_that_stays_next_door_is_no_cast(tmp_path: Path, seed: int, offset: str) -> None:
    """`x + 1000` is rounded alike for all `x` that are close: in float32 that is what float32 does."""
    path = tmp_path / "offset.py"
    path.write_text(
        f'''
import numpy as np


def offset_forward(x):
    """x: of shape (N, D)"""
    moved = x + x.dtype.type({offset})
    return (moved - x.dtype.type({offset})) ** 2, moved


def offset_backward(dout, moved):
    return dout * 2 * (moved - moved.dtype.type({offset}))
'''
    )
    options = CheckOptions(InputOptions(seed=seed, dtype="float32"), Settings(shrink=False, diagnose=False))
    (layer,) = check_targets([Target(path)], options).layers
    assert layer.status in (Status.PASS, Status.INCONCLUSIVE), layer.findings
