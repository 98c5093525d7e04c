"""NumPy's evaluation of jaxprs is JAX's own, step by step, and goes on where float64 ends."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from gradcheck_cli.tracing.jax_setup import start
from gradcheck_cli.witnesses.extended import interpreter
from gradcheck_cli.witnesses.extended.arithmetic import EXTENDED, Arithmetic
from gradcheck_cli.witnesses.extended.interpreter import BeyondEvaluation, evaluate
from tests.compiled import compiled

start("cpu")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 5))
Y = RNG.normal(size=(4, 5))
W = RNG.normal(size=(5, 3))
POSITIVE = np.abs(X) + 0.5
IMAGES = RNG.normal(size=(2, 4, 6, 7))
INDICES = np.array([[3, 1], [0, 2], [3, 1]])


def run(function, *arguments, arithmetic=None):
    closed = jax.make_jaxpr(function)(*arguments)
    found = evaluate(closed.jaxpr, closed.consts, arguments, arithmetic or Arithmetic(EXTENDED))
    return [np.asarray(one) for one in found]


def agrees(function, *arguments):
    expected = jax.tree.leaves(compiled(function, *arguments))
    found = run(function, *arguments)
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine.astype(np.asarray(theirs).dtype), theirs, rtol=1e-12, atol=1e-12)


@pytest.fixture
def no_fallback(monkeypatch):
    def refuse(equation, *_):
        raise AssertionError(f"`{equation.primitive.name}` is not NumPy's")

    monkeypatch.setattr(interpreter, "_in_double", refuse)


ELEMENTWISE = {
    "arithmetic": lambda: (lambda x, y: (x + y * 2 - x / y, -x, abs(x), x**3, x**-2), X, Y),
    "exponentials": lambda: (lambda x: (jnp.exp(x), jnp.expm1(x), jnp.log1p(abs(x)), jnp.exp2(x)), X),
    "roots": lambda: (lambda x: (jnp.sqrt(x), lax.rsqrt(x), jnp.cbrt(x), jnp.log(x), x**0.3), POSITIVE),
    "circular": lambda: (lambda x: (jnp.sin(x), jnp.cos(x), jnp.tan(x), jnp.arctan2(x, 2.0), jnp.arctan(x)), X),
    "hyperbolic": lambda: (lambda x: (jnp.sinh(x), jnp.cosh(x), jnp.tanh(x), jax.nn.sigmoid(x), jnp.arcsinh(x)), X),
    "choices": lambda: (lambda x, y: (jnp.maximum(x, y), jnp.where(x > 0, x, y), jnp.clip(x, -0.5, 0.5)), X, Y),
    "steps": lambda: (lambda x: (jnp.floor(x), jnp.ceil(x), jnp.round(x), jnp.sign(x), jnp.fmod(x, 0.3)), X),
    "whole": lambda: (lambda i: (i // 2, i % 3, i & 1, i * i, ~i), np.arange(6)),
    "softplus": lambda: (jax.nn.softplus, X),
    "softmax": lambda: (jax.nn.log_softmax, X),
}
MOVING = {
    "shapes": lambda: (lambda x: (x.T, x.reshape(2, 10), x[::2, 1:4], x[:, ::-1], x[None, :, None]), X),
    "joined": lambda: (lambda x, y: (jnp.concatenate([x, y], 1), jnp.stack([x, y], 1), jnp.split(x, [2], 1)), X, Y),
    "padded": lambda: (lambda x: lax.pad(x, 0.5, ((1, -1, 1), (-1, 2, 0))), X),
    "dynamic": lambda: (
        lambda x, y: (lax.dynamic_slice(x, (1, 7), (2, 3)), lax.dynamic_update_slice(x, y[:2, :2], (3, 1))),
        X,
        Y,
    ),
    "repeated": lambda: (lambda x: (jnp.broadcast_to(x[:, None], (4, 3, 5)), jnp.tile(x, (2, 1))), X),
    "gathered": lambda: (lambda x: (x[INDICES], x[INDICES[:, 0], INDICES[:, 1]], jnp.take(x, INDICES, axis=1)), X),
    "out of bounds": lambda: (lambda x: (x.at[np.array([1, 9])].get(mode="clip"), x.at[np.array([1, 9])].add(1.0)), X),
    "scattered": lambda: (
        lambda x: (x.at[INDICES[:, 0]].add(2.0), x.at[1:3, ::2].set(0.0), x.at[INDICES[:, 0], 2].multiply(3.0)),
        X,
    ),
    "taken along": lambda: (lambda x: jnp.take_along_axis(x, jnp.argsort(x, 1), 1), X),
}
SUMS = {
    "reductions": lambda: (
        lambda x: (x.sum(0), x.max(1), x.min(), x.prod(1), x.mean(), x.argmax(1), (x > 0).any(0)),
        X,
    ),
    "running": lambda: (lambda x: (jnp.cumsum(x, 1), jnp.cumprod(x, 0), lax.cummax(x, 0, reverse=True)), X),
    "products": lambda: (
        lambda x, w: (x @ w, jnp.einsum("ij,kj->ik", x, x), jnp.einsum("bij,bjk->bik", x[None], w[None])),
        X,
        W,
    ),
    "sorted": lambda: (lambda x: (jnp.sort(x, 1), jnp.argsort(x, 0)), X),
}
CONVOLUTIONS = {
    "plain": {"window_strides": (1, 1), "padding": "SAME"},
    "strided": {"window_strides": (2, 3), "padding": ((1, 2), (0, 1))},
    "dilated": {"window_strides": (1, 1), "padding": "VALID", "rhs_dilation": (2, 1)},
    "transposed": {"window_strides": (1, 1), "padding": ((2, 2), (2, 1)), "lhs_dilation": (2, 2)},
    "channels last": {
        "window_strides": (1, 1),
        "padding": "VALID",
        "dimension_numbers": ("NCHW", "OIHW", "NHWC"),
    },
}


@pytest.mark.parametrize("name", [*ELEMENTWISE, *MOVING, *SUMS])
def test_values_are_jaxs(name, no_fallback):
    agrees(*{**ELEMENTWISE, **MOVING, **SUMS}[name]())


@pytest.mark.parametrize("name", [*ELEMENTWISE, *MOVING, *SUMS])
def test_gradients_are_jaxs(name):
    function, *arguments = {**ELEMENTWISE, **MOVING, **SUMS}[name]()
    if arguments[0].dtype.kind != "f":
        return

    def total(*values):
        floating = [one for one in jax.tree.leaves(function(*values)) if one.dtype.kind == "f"]
        return sum(jnp.sum(one * jnp.arange(1.0, one.size + 1).reshape(one.shape)) for one in floating)

    agrees(jax.grad(total, tuple(range(len(arguments)))), *arguments)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions_and_their_gradients(name, groups, no_fallback):
    kernel = RNG.normal(size=(6, 4 // groups, 3, 2))

    def convolve(x, w):
        return lax.conv_general_dilated(x, w, feature_group_count=groups, **CONVOLUTIONS[name])

    agrees(convolve, IMAGES, kernel)
    agrees(jax.grad(lambda x, w: jnp.sum(jnp.sin(convolve(x, w))), (0, 1)), IMAGES, kernel)


def test_loops_and_branches(no_fallback):
    def loops(x):
        carry, steps = lax.scan(lambda c, row: (c * 0.5 + row, c), x[0], x, reverse=True)
        counted = lax.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1] * 2), (0, x))[1]
        return carry, steps, counted, lax.cond(x[0, 0] > 0, jnp.sin, jnp.cos, x), jax.jit(jnp.tanh)(x)

    agrees(loops, X)
    agrees(jax.grad(lambda x: jnp.sum(lax.scan(lambda c, r: (jnp.tanh(c + r), c * r), x[0], x)[1])), X)


def test_what_numpy_does_not_have_is_done_in_float64():
    agrees(lambda x: (lax.erf(x), jax.scipy.special.gammaln(abs(x) + 1)), X)
    agrees(lambda x: jnp.linalg.cholesky(x @ x.T + 5 * jnp.eye(4)), X)


@pytest.mark.skipif(np.finfo(EXTENDED).maxexp <= 1024, reason="long double is float64 here")
def test_extended_precision_goes_on_where_float64_ends():
    def softmax(x):
        e = jnp.exp(x)
        return e / e.sum()

    x = np.array([800.0, 801.0])
    assert np.isnan(np.asarray(softmax(x))).all()
    assert run(softmax, x)[0] == pytest.approx([0.26894142136999512, 0.73105857863000488], rel=1e-15)
    variance = run(lambda x: (x**2).mean() - x.mean() ** 2, np.array([1e7, 1e7 + 1]))[0]
    assert float(variance) == pytest.approx(0.25, rel=1e-4)


def test_the_layers_own_dtype_ends_where_it_ends():
    values = run(jnp.exp, np.array([80.0, 90.0]), arithmetic=Arithmetic(np.dtype(np.float32), narrow=True))[0]
    assert values.dtype == np.float32
    assert np.isfinite(values[0])
    assert np.isinf(values[1])


def test_float64_cannot_stand_in_for_what_it_cannot_hold():
    if np.finfo(EXTENDED).maxexp <= 1024:
        pytest.skip("long double is float64 here")
    with pytest.raises(BeyondEvaluation):
        run(lambda x: lax.erf(jnp.exp(x)), np.array([1000.0]))


def test_noise_tells_how_far_a_value_can_be_trusted():
    def spread(function, x):
        runs = [run(function, x, arithmetic=Arithmetic(EXTENDED, np.random.default_rng(seed)))[0] for seed in range(5)]
        return float(np.ptp(runs) / abs(np.mean(runs)))

    x = np.array([1e7, 1e7 + 1, 1e7 + 3])
    epsilon = float(np.finfo(EXTENDED).eps)
    assert spread(lambda x: (x**2).sum(), x) < 10 * epsilon
    assert spread(lambda x: (x**2).mean() - x.mean() ** 2, x) > 1e12 * epsilon
