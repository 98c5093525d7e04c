"""Layers whose digits run out: right ones are never called wrong for it, and a mistake in them is found."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Status
from tests.thorough import seeds

NUMPY = '''
import numpy as np


def wave_forward(x):
    """
    - x: of shape (N, D)
    """
    return np.sin(x), x


def wave_backward(dout, x):
    dx = dout * np.cos(x)
    dx[0, 0] *= 1 + {error}
    return dx


def hidden_wave_forward(x):
    """
    - x: of shape (N, D)
    """
    return np.sin(np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape)), x


def hidden_wave_backward(dout, x):
    dx = dout * np.cos(x)
    dx[0, 0] *= 1 + {error}
    return dx


def saturated_forward(x):
    """
    - x: of shape (N, D)
    """
    y = np.tanh(x)
    return y, y


def saturated_backward(dout, y):
    return dout * (1 - y**2 + {error})


def soft_minimum_forward(x):
    """
    - x: of shape (N, D)
    """
    large = np.zeros(x.shape)
    large += x**2
    least = large.min(axis=1, keepdims=True)
    total = least - np.log(np.exp(least - large).sum(axis=1, keepdims=True))
    return total, (x, large, total)


def soft_minimum_backward(dout, cache):
    x, large, total = cache
    weights = np.zeros(x.shape)
    weights += np.exp((total + 1e9) - (large + 1e9))
    return dout * weights * 2 * x * (1 + {error})


def solved_forward(a, b):
    """
    - a: of shape (6, 3)
    - b: of shape (6,)
    """
    inverse = np.linalg.inv(a @ a.T + np.eye(6))
    return inverse @ b, (a, b, inverse)


def solved_backward(dout, cache):
    a, b, inverse = cache
    db = inverse.T @ dout
    dmatrix = -np.outer(db, inverse @ b)
    return (dmatrix + dmatrix.T) @ a * (1 + {error}), db


def density_forward(x):
    """
    - x: of shape (N, D)
    """
    return np.exp(-(x**2)), x


def density_backward(dout, x):
    return dout * -2 * x * np.exp(-(x**2)) * (1 + {error})


def exploding_forward(x):
    """
    - x: of shape (N, D)
    """
    return np.exp(x), x


def exploding_backward(dout, x):
    return dout * np.exp(x) * (1 + {error})


def floors_forward(x, y):
    """
    - x: of shape (N,)
    - y: of shape (N,)
    """
    return x * np.log(1 + y**2), (x, y)


def floors_backward(dout, cache):
    x, y = cache
    return dout * np.log(1 + y**2), dout * 2 * x * y / (1 + y**2) * (1 + {error})
'''

JAX = '''
import jax
import jax.numpy as jnp


@jax.custom_vjp
def attention(q, k, v):
    """
    q: shape (T, D)
    k: shape (T, D)
    v: shape (T, M)
    """
    return jax.nn.softmax(q @ k.T) @ v


def attention_fwd(q, k, v):
    scores = q @ k.T
    log_total = jax.nn.logsumexp(scores, axis=-1)
    return jnp.exp(scores - log_total[:, None]) @ v, (q, k, v, log_total)


def attention_bwd(residuals, g):
    q, k, v, log_total = residuals
    weights = jnp.exp((q * 0.7) @ (k.T / 0.7) - log_total[:, None])
    dweights = g @ v.T
    dscores = weights * (dweights - (weights * dweights).sum(axis=1, keepdims=True)) * (1 + {error})
    return dscores @ k, dscores.T @ q, weights.T @ g


attention.defvjp(attention_fwd, attention_bwd)


@jax.custom_jvp
def floors(x, y):
    """
    x: shape (N,)
    y: shape (N,)
    """
    return x * jnp.log(y**2 + 1)


floors.defjvps(
    lambda t, out, x, y: t * jnp.log(y**2 + 1),
    lambda t, out, x, y: t * 2 * x * y / (y**2 + 1) * (1 + {error}),
)


@jax.custom_vjp
def rollout(y, w):
    """
    y: shape (N, D)
    w: shape (D, D)
    """
    return rollout_fwd(y, w)[0]


def rollout_fwd(y, w):
    states = [y]
    for _ in range(4):
        states.append(states[-1] + jnp.sin(states[-1] @ w))
    return states[-1], (states[:-1], w)


def rollout_bwd(residuals, g):
    states, w = residuals
    dw = jnp.zeros_like(w)
    for y in reversed(states):
        da = g * jnp.cos(y @ w)
        dw = dw + y.T @ da
        g = g + da @ w.T
    return g * (1 + {error}), dw


rollout.defvjp(rollout_fwd, rollout_bwd)
'''


def run(folder: Path, source: str, name: str, error: float, seed: int, **inputs: Any) -> LayerReport:
    path = folder / "layers.py"
    path.write_text(textwrap.dedent(source).replace("{error}", repr(error)), encoding="utf-8")
    options = CheckOptions(InputOptions(draws=1, seed=seed, **inputs), Settings(shrink=False, diagnose=False))
    (layer,) = check_targets([Target(path, name)], options).layers
    return layer


def said(layer: LayerReport) -> list[str]:
    return [finding.message for finding in layer.findings] + [argument.why for argument in layer.arguments]


@pytest.mark.parametrize("magnitude", [1e3, 1e5, 1e6])
@pytest.mark.parametrize("name", ["wave", "hidden_wave"])
def test_an_oscillation_within_a_step_is_no_noise(tmp_path: Path, name: str, magnitude: float) -> None:
    for seed in seeds(3):
        right = run(tmp_path, NUMPY, name, 0.0, seed, magnitude=magnitude)
        assert right.status is Status.PASS, said(right)
        assert run(tmp_path, NUMPY, name, 1e-2, seed, magnitude=magnitude).status is Status.FAIL


def test_a_saturated_unit_is_off_by_its_own_rounding(tmp_path: Path) -> None:
    for seed in seeds(6):
        right = run(tmp_path, NUMPY, "saturated", 0.0, seed, magnitude=70.0)
        assert right.status is Status.PASS, said(right)
    for error in (1e-9, 1e-12):
        assert run(tmp_path, NUMPY, "saturated", error, 0, magnitude=70.0).status is Status.FAIL


def test_a_difference_of_large_numbers_is_its_own_rounding(tmp_path: Path) -> None:
    for seed in seeds(4):
        right = run(tmp_path, NUMPY, "soft_minimum", 0.0, seed, magnitude=2e4)
        assert right.status is not Status.FAIL, said(right)
    assert run(tmp_path, NUMPY, "soft_minimum", 1e-3, 0).status is Status.FAIL
    assert run(tmp_path, NUMPY, "soft_minimum", 1.0, 0, magnitude=2e4).status is Status.FAIL


def test_a_matrix_that_is_singular_to_all_digits_is_no_mistake(tmp_path: Path) -> None:
    for seed in seeds(4):
        right = run(tmp_path, NUMPY, "solved", 0.0, seed, magnitude=1e8)
        assert not any(finding.code.startswith("GC2") for finding in right.findings), said(right)
    assert run(tmp_path, NUMPY, "solved", 1e-6, 0).status is Status.FAIL


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_underflows_is_zero(tmp_path: Path, dtype: str) -> None:
    for seed in seeds(3):
        right = run(tmp_path, NUMPY, "density", 0.0, seed, magnitude=30.0, dtype=dtype)
        assert right.status is Status.PASS, said(right)
    assert run(tmp_path, NUMPY, "density", 0.5, 0, dtype=dtype).status is Status.FAIL


def test_where_the_forward_overflows_so_may_its_gradient(tmp_path: Path) -> None:
    right = run(tmp_path, NUMPY, "exploding", 0.0, 0, magnitude=150.0, dtype="float32")
    assert right.status is Status.INCONCLUSIVE and "the forward gives infinity" in said(right)[0]
    assert run(tmp_path, NUMPY, "exploding", 0.5, 0, dtype="float32").status is Status.FAIL


@pytest.mark.parametrize("magnitude", [1.0, 1e-4])
def test_a_function_that_stands_still_for_a_step_is_looked_at_from_farther_away(
    tmp_path: Path, magnitude: float
) -> None:
    for seed in seeds(3):
        right = run(tmp_path, NUMPY, "floors", 0.0, seed, magnitude=magnitude)
        assert right.status is Status.PASS, said(right)
    assert run(tmp_path, NUMPY, "floors", 1e-2, 0, magnitude=magnitude).status is Status.FAIL


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_compiled_and_step_by_step_may_round_apart(tmp_path: Path, dtype: str) -> None:
    for seed in seeds(3):
        right = run(tmp_path, JAX, "attention", 0.0, seed, magnitude=1e5, dtype=dtype)
        assert right.status is not Status.FAIL, said(right)
    assert run(tmp_path, JAX, "attention", 1e-2, 0, dtype=dtype).status is Status.FAIL


@pytest.mark.parametrize(
    ("source", "name", "before", "dtype", "magnitude"),
    [
        (NUMPY, "soft_minimum", "    weights = np.zeros(x.shape)\n", "float64", 2e4),
        (JAX, "attention", "    weights = jnp.exp((q", "float32", 1e5),
        (JAX, "attention", "    weights = jnp.exp((q", "float64", 1e5),
    ],
)
def test_a_broken_contract_is_found_where_the_layer_has_few_digits(
    tmp_path: Path, source: str, name: str, before: str, dtype: str, magnitude: float
) -> None:
    upstream = "dout = np.clip(dout, -0.5, 0.5)" if source is NUMPY else "g = jnp.clip(g, -0.5, 0.5)"
    assert source.count(before) == 1
    clipped = source.replace(before, f"    {upstream}\n{before}")
    for seed in seeds(2):
        layer = run(tmp_path, clipped, name, 0.0, seed, magnitude=magnitude, dtype=dtype)
        assert "GC304" in {finding.code for finding in layer.findings}, said(layer)


def test_a_tangent_in_float32_is_settled_in_float64(tmp_path: Path) -> None:
    for seed in seeds(3):
        right = run(tmp_path, JAX, "floors", 0.0, seed, magnitude=2e-2, dtype="float32")
        assert right.status is not Status.FAIL, said(right)
    assert run(tmp_path, JAX, "floors", 1e-2, 0, dtype="float32").status is Status.FAIL


def test_what_is_chaotic_is_not_called_wrong(tmp_path: Path) -> None:
    for seed in seeds(3):
        right = run(tmp_path, JAX, "rollout", 0.0, seed, magnitude=3e4, dtype="float32")
        assert right.status is not Status.FAIL, said(right)
    assert run(tmp_path, JAX, "rollout", 1e-2, 0, dtype="float32").status is Status.FAIL


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("source", "name"), [(NUMPY, "density"), (JAX, "rollout")])
@pytest.mark.parametrize("narrower", ["float16", "float32"])
def test_a_cast_inside_is_not_the_rounding_of_the_steps(
    tmp_path: Path, source: str, name: str, dtype: str, narrower: str
) -> None:
    if narrower == dtype:
        pytest.skip("that is no narrower")
    before = {"density": "np.exp(-(x**2)) * (1 + {error})", "rollout": "return g * (1 + {error})"}[name]
    assert before in source
    after = {
        "density": f"(np.exp(-(x**2))).astype('{narrower}').astype(x.dtype)",
        "rollout": f"return g.astype('{narrower}').astype(g.dtype)",
    }[name]
    for seed in seeds(3):
        layer = run(tmp_path, source.replace(before, after), name, 0.0, seed, dtype=dtype)
        assert layer.status is Status.FAIL, said(layer)
