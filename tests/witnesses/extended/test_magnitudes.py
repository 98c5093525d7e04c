"""The size of a value's terms bounds what rounding does to it, however much of it cancels."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradcheck_cli.tracing.jax_setup import start
from gradcheck_cli.witnesses.extended.arithmetic import EXTENDED, Arithmetic
from gradcheck_cli.witnesses.extended.magnitudes import magnitudes

start("cpu")


def sizes(function, *arguments):
    closed = jax.make_jaxpr(function)(*arguments)
    return [
        (np.asarray(value, np.float64), np.asarray(size, np.float64))
        for value, size in magnitudes(closed.jaxpr, closed.consts, arguments, Arithmetic(EXTENDED))
    ]


def test_what_cancels_leaves_its_size():
    (value, size), *_ = sizes(lambda x: x.sum() - 3 * x[0], np.array([1e6, 1e6, 1e6]))
    assert value == 0
    assert size == 6e6


def test_products_multiply_sizes():
    x, w = np.array([[1.0, -1.0]]), np.array([[2.0], [2.0]])
    (value, size), *_ = sizes(lambda x, w: (x @ w) * -5.0, x, w)
    assert value == 0
    assert size == 20


def test_a_function_that_is_not_linear_starts_anew():
    (value, size), *_ = sizes(lambda x: jnp.exp(x - 1e6), np.array([1e6]))
    assert value == size == 1


@pytest.mark.parametrize("seed", range(5))
def test_float32_errs_by_a_few_roundings_of_it(seed):
    x = np.random.default_rng(seed).normal(size=(6, 7)) + 300

    def function(x):
        centered = x - x.mean(axis=1, keepdims=True)
        return (centered[:, 1:] * x[:, :1] - centered[:, :1] * 2).sum(axis=0)

    (value, size), *_ = sizes(function, x.astype(np.float32).astype(np.float64))
    own = np.asarray(function(jnp.asarray(x, jnp.float32)), np.float64)
    assert np.all(np.abs(own - value) <= 20 * np.finfo(np.float32).eps * size)
    assert np.any(np.abs(own - value) > 20 * np.finfo(np.float32).eps * np.abs(value))
