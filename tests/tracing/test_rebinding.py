"""Live functions see the dual NumPy through their globals, their closures, their helpers and their classes."""

from __future__ import annotations

import math
from math import exp

import jax
import numpy as np
from numpy import sum as total

from gradcheck_cli.tracing.dual import new, tracer_of
from gradcheck_cli.tracing.rebinding import rebound

SCALE = np.array([1.0, 2.0, 3.0])


def helper(x):
    out = np.zeros(3)
    out[:] = x * SCALE
    return out


def forward(x):
    return total(helper(x) ** 2) + exp(x[0]) + math.sin(x[1])


def recursive(x, depth=3):
    return x if depth == 0 else recursive(np.tanh(x), depth - 1)


class Cell:
    """A class of the user's."""

    factor = 2.0

    @staticmethod
    def gate(x):
        buffer = np.empty(3)
        buffer[:] = 1 / (1 + np.exp(-x))
        return buffer

    def run(self, x):
        return self.gate(x) * self.factor


def through_a_class(x):
    return Cell().run(x)


def gradient_of(function, x):
    dual, _ = rebound(function)
    return np.asarray(jax.jacrev(lambda t: tracer_of(dual(new(x.copy(), t))))(x))


def differences(function, x, h=1e-6):
    return np.stack([(function(x + h * e) - function(x - h * e)) / (2 * h) for e in np.eye(3)], axis=-1)


def test_globals_helpers_recursion_and_classes():
    x = np.array([0.3, -0.7, 1.1])
    for function in (forward, recursive, through_a_class):
        np.testing.assert_allclose(gradient_of(function, x), differences(function, x), atol=1e-8)


def test_closures():
    weights = np.array([2.0, -1.0, 0.5])

    def closed(x):
        out = np.ones(3)
        out *= weights
        out += x**2
        return out

    x = np.array([0.3, -0.7, 1.1])
    np.testing.assert_allclose(gradient_of(closed, x), differences(closed, x), atol=1e-8)


def test_files_are_the_users():
    _, files = rebound(forward)
    assert files == {__file__}


def test_the_function_itself_is_untouched():
    rebound(forward)
    assert type(forward(np.ones(3))) is np.float64
    assert forward.__globals__["np"] is np
