"""Each step once: the same values and gradients to the bit, fewer steps, and nothing merged that differs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxpr_as_fun

from gradcheck_cli.witnesses.reference.shared_steps import shared

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 6))
W = RNG.normal(size=(2, 3))


def unrolled_convolution(x: Any, w: Any) -> Any:
    """Windows are read once for each filter, from a flat buffer by constant indices, as a trace of NumPy does."""
    rows = []
    for scale in (1.0, 2.0, 3.0):
        for i in range(3):
            for j in range(4):
                indices = np.array([(i + a) * 6 + j + b for a in range(2) for b in range(3)])
                window = jnp.reshape(x, 24)[indices]
                rows.append(jnp.sum(jnp.reshape(window, (2, 3)) * w) * scale)
    return jnp.stack(rows)


def constants_that_differ(x: Any, w: Any) -> Any:
    flat = jnp.reshape(x, 24)
    return flat[np.array([0, 1])] + flat[np.array([0, 2])] + jnp.sum(w)


def parameters_that_differ(x: Any, w: Any) -> Any:
    return jnp.sum(x, axis=0)[:3] + jnp.sum(x, axis=1)[:3] + jnp.sum(w, axis=0)


def literals_that_differ(x: Any, w: Any) -> Any:
    return x * 2.0 + x * 3.0 + jnp.sum(w * 2.0)


def types_that_differ(x: Any, w: Any) -> Any:
    return x.astype(jnp.float32).astype(jnp.float64) + x.astype(jnp.float16).astype(jnp.float64) + jnp.sum(w)


def reshapes(x: Any, w: Any) -> Any:
    return jnp.reshape(jnp.reshape(jnp.reshape(x, 24), (2, 12)), (4, 6)) + jnp.sum(jnp.reshape(w, (2, 3)))


def output_twice(x: Any, w: Any) -> Any:
    return jnp.sin(x), jnp.sin(x), jnp.reshape(x, (4, 6)), jnp.sum(w)


def inner_programs(x: Any, w: Any) -> Any:
    return jax.jit(jnp.tanh)(x) + jax.lax.fori_loop(0, 3, lambda _, y: y * 1.5, x) + jnp.sum(w)


FORWARDS = (
    unrolled_convolution,
    constants_that_differ,
    parameters_that_differ,
    literals_that_differ,
    types_that_differ,
    reshapes,
    output_twice,
    inner_programs,
)


@pytest.mark.parametrize("forward", FORWARDS, ids=lambda forward: forward.__name__)
def test_values_and_gradients_are_the_same(forward: Any) -> None:
    closed = jax.make_jaxpr(forward)(X, W)
    fewer = shared(closed)
    assert fewer.in_avals == closed.in_avals
    assert fewer.out_avals == closed.out_avals
    assert len(fewer.jaxpr.eqns) <= len(closed.jaxpr.eqns)
    mine, vjp = jax.vjp(jaxpr_as_fun(fewer), X, W)
    theirs, other_vjp = jax.vjp(jaxpr_as_fun(closed), X, W)
    assert all(np.array_equal(a, b) for a, b in zip(mine, theirs))
    cotangents = [RNG.normal(size=output.shape) for output in theirs]
    for a, b in zip(vjp(cotangents), other_vjp(cotangents)):
        assert np.allclose(a, b, rtol=1e-13, atol=0)


def test_repeated_reads_become_one() -> None:
    closed = jax.make_jaxpr(unrolled_convolution)(X, W)
    before, after = (
        Counter(equation.primitive.name for equation in program.jaxpr.eqns) for program in (closed, shared(closed))
    )
    assert before["gather"] == 36
    assert after["gather"] == 12
    assert len(shared(closed).jaxpr.eqns) < 0.5 * len(closed.jaxpr.eqns)


def test_reshapes_that_cancel_are_gone() -> None:
    names = [equation.primitive.name for equation in shared(jax.make_jaxpr(reshapes)(X, W)).jaxpr.eqns]
    assert "reshape" not in names


def test_what_has_effects_is_kept() -> None:
    def talkative(x: Any, w: Any) -> Any:
        jax.debug.print("{}", w[0, 0])
        jax.debug.print("{}", w[0, 0])
        return x

    names = [equation.primitive.name for equation in shared(jax.make_jaxpr(talkative)(X, W)).jaxpr.eqns]
    assert sum("debug" in name for name in names) == 2
