"""Elementwise functions that people differentiate by hand: their derivatives, and the slips that are made with them.

A function is recognised by its values, so that a sigmoid is one however it is written. A derivative is said in terms of
its input x and its output y. Slips that are a number times the derivative are not among them: those are wrong factors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[Any]
OfBoth = Callable[[Array, Array], Array]
"""Of the input and the output."""


@dataclass(frozen=True)
class Said:
    """A formula in x and y: as it is read, and as it is computed."""

    text: str
    of: OfBoth


@dataclass(frozen=True)
class Function:
    """One elementwise function.

    Attributes:
        name: as a person calls it.
        value: from inputs to outputs.
        derivative: in x and y.
        slips: what is written for the derivative by mistake, the commonest first.
        is_mask: the derivative only says where the gradient passes.
    """

    name: str
    value: Callable[[Array], Array]
    derivative: Said
    slips: tuple[Said, ...] = ()
    is_mask: bool = False


def _sigmoid(x: Array) -> Array:
    return np.asarray(special.expit(x))


def _normal(x: Array) -> Array:
    return np.asarray(special.ndtr(x))


def _density(x: Array) -> Array:
    return np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


_C = math.sqrt(2 / math.pi)


def _inner(x: Array) -> Array:
    return np.asarray(np.tanh(_C * (x + 0.044715 * x**3)))


def _gelu_tanh_slope(x: Array, _: Array) -> Array:
    t = _inner(x)
    return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * _C * (1 + 3 * 0.044715 * x**2)


def _gelu_slope(x: Array, _: Array) -> Array:
    return _normal(x) + x * _density(x)


_SQUARED_OUTPUT = Said("1 - y²", lambda x, y: 1 - y**2)
_LOGISTIC_OUTPUT = Said("y (1 - y)", lambda x, y: y * (1 - y))
_OUTPUT = Said("y", lambda x, y: y)
_INPUT = Said("x", lambda x, y: x)
_OF_SIGMOID = Said("σ(x) (1 - σ(x))", lambda x, y: _sigmoid(x) * (1 - _sigmoid(x)))

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "sigmoid",
        _sigmoid,
        _LOGISTIC_OUTPUT,
        (
            _OUTPUT,
            Said("1 - y", lambda x, y: 1 - y),
            Said("x (1 - x)", lambda x, y: x * (1 - x)),
            _SQUARED_OUTPUT,
            Said("y²", lambda x, y: y**2),
            Said("y (1 + y)", lambda x, y: y * (1 + y)),
            Said("σ(y) (1 - σ(y))", lambda x, y: _sigmoid(y) * (1 - _sigmoid(y))),
        ),
    ),
    Function(
        "tanh",
        np.tanh,
        _SQUARED_OUTPUT,
        (
            Said("1 - y", lambda x, y: 1 - y),
            Said("1 - x²", lambda x, y: 1 - x**2),
            _LOGISTIC_OUTPUT,
            Said("1 + y²", lambda x, y: 1 + y**2),
            Said("1 - tanh(y)²", lambda x, y: 1 - np.tanh(y) ** 2),
            _OUTPUT,
            Said("y²", lambda x, y: y**2),
            Said("(1 - y)²", lambda x, y: (1 - y) ** 2),
        ),
    ),
    Function("ReLU", lambda x: np.maximum(x, 0), Said("1 where x > 0", lambda x, y: x > 0), (), is_mask=True),
    Function("absolute value", np.abs, Said("the sign of x", lambda x, y: np.sign(x)), (_INPUT,), is_mask=True),
    Function(
        "exponential",
        np.exp,
        _OUTPUT,
        (
            _INPUT,
            Said("x y", lambda x, y: x * y),
            Said("y - 1", lambda x, y: y - 1),
            Said("y²", lambda x, y: y**2),
            Said("1 / x", lambda x, y: 1 / x),
            Said("exp(y)", lambda x, y: np.exp(y)),
        ),
    ),
    Function("expm1", np.expm1, Said("exp(x)", lambda x, y: np.exp(x)), (_OUTPUT,)),
    Function(
        "logarithm",
        np.log,
        Said("1 / x", lambda x, y: 1 / x),
        (Said("1 / y", lambda x, y: 1 / y), _OUTPUT, _INPUT, Said("1 / x²", lambda x, y: 1 / x**2)),
    ),
    Function(
        "log1p",
        np.log1p,
        Said("1 / (1 + x)", lambda x, y: 1 / (1 + x)),
        (Said("1 / x", lambda x, y: 1 / x), Said("1 / y", lambda x, y: 1 / y)),
    ),
    Function(
        "square root",
        np.sqrt,
        Said("1 / (2 y)", lambda x, y: 1 / (2 * y)),
        (
            Said("1 / (2 x)", lambda x, y: 1 / (2 * x)),
            Said("1 / x", lambda x, y: 1 / x),
            _OUTPUT,
            Said("y / 2", lambda x, y: y / 2),
            Said("2 y", lambda x, y: 2 * y),
        ),
    ),
    Function(
        "reciprocal square root",
        lambda x: 1 / np.sqrt(x),
        Said("-y³ / 2", lambda x, y: -(y**3) / 2),
        (
            Said("-y² / 2", lambda x, y: -(y**2) / 2),
            Said("-y / 2", lambda x, y: -y / 2),
            Said("-1 / (2 x²)", lambda x, y: -1 / (2 * x**2)),
            Said("-y", lambda x, y: -y),
            Said("-y²", lambda x, y: -(y**2)),
            Said("1 / (2 sqrt(x))", lambda x, y: y / 2),
        ),
    ),
    Function(
        "reciprocal",
        lambda x: 1 / x,
        Said("-1 / x²", lambda x, y: -1 / x**2),
        (
            Said("-1 / x", lambda x, y: -1 / x),
            Said("1 / x", lambda x, y: 1 / x),
            Said("-1", lambda x, y: -np.ones_like(x)),
            Said("-1 / x³", lambda x, y: -1 / x**3),
        ),
    ),
    Function(
        "softplus",
        lambda x: np.logaddexp(0, x),
        Said("σ(x)", lambda x, y: _sigmoid(x)),
        (
            _OF_SIGMOID,
            Said("σ(y)", lambda x, y: _sigmoid(y)),
            Said("1 - σ(x)", lambda x, y: _sigmoid(-x)),
            Said("tanh(x)", lambda x, y: np.tanh(x)),
            _OUTPUT,
            Said("exp(x)", lambda x, y: np.exp(x)),
        ),
    ),
    Function(
        "SiLU",
        lambda x: x * _sigmoid(x),
        Said("σ(x) (1 + x (1 - σ(x)))", lambda x, y: _sigmoid(x) * (1 + x * _sigmoid(-x))),
        (
            _OF_SIGMOID,
            Said("y (1 - y)", lambda x, y: y * (1 - y)),
            _OUTPUT,
            Said("1 + x (1 - σ(x))", lambda x, y: 1 + x * _sigmoid(-x)),
            Said("σ(x) (1 + x σ(x))", lambda x, y: _sigmoid(x) * (1 + x * _sigmoid(x))),
            Said("y + σ(x)", lambda x, y: y + _sigmoid(x)),
        ),
    ),
    Function(
        "GELU",
        lambda x: x * _normal(x),
        Said("Φ(x) + x φ(x)", _gelu_slope),
        (
            Said("the slope of GELU's tanh form", _gelu_tanh_slope),
            Said("Φ(x) + φ(x)", lambda x, y: _normal(x) + _density(x)),
            Said("φ(x)", lambda x, y: _density(x)),
            Said("1 where x > 0", lambda x, y: x > 0),
            Said("y", lambda x, y: y),
        ),
    ),
    Function(
        "GELU (tanh form)",
        lambda x: 0.5 * x * (1 + _inner(x)),
        Said("the slope of its tanh form", _gelu_tanh_slope),
        (
            Said("Φ(x) + x φ(x), the exact GELU's", _gelu_slope),
            Said("Φ(x)", lambda x, y: _normal(x)),
            Said(
                "0.5 (1 + t) + 0.5 x (1 - t²), without the inner derivative",
                lambda x, y: 0.5 * (1 + _inner(x)) + 0.5 * x * (1 - _inner(x) ** 2),
            ),
            Said(
                "0.5 (1 + t) + 0.5 x (1 - t²) √(2/π), without that of the cube",
                lambda x, y: 0.5 * (1 + _inner(x)) + 0.5 * x * (1 - _inner(x) ** 2) * _C,
            ),
        ),
    ),
    Function(
        "sine",
        np.sin,
        Said("cos(x)", lambda x, y: np.cos(x)),
        (_OUTPUT, Said("-sin(x)", lambda x, y: -y), Said("cos(y)", lambda x, y: np.cos(y))),
    ),
    Function(
        "cosine",
        np.cos,
        Said("-sin(x)", lambda x, y: -np.sin(x)),
        (_OUTPUT, Said("-sin(y)", lambda x, y: -np.sin(y))),
    ),
    Function(
        "error function",
        lambda x: np.asarray(special.erf(x)),
        Said("2 exp(-x²) / √π", lambda x, y: 2 / math.sqrt(math.pi) * np.exp(-(x**2))),
        (
            Said("2 exp(-x² / 2) / √π", lambda x, y: 2 / math.sqrt(math.pi) * np.exp(-(x**2) / 2)),
            Said("2 exp(-2 x²) / √π", lambda x, y: 2 / math.sqrt(math.pi) * np.exp(-2 * x**2)),
            Said("1 - y²", lambda x, y: 1 - y**2),
        ),
    ),
    *(
        Function(
            {2: "square", 3: "cube"}.get(n, f"power {n}"),
            lambda x, n=n: x**n,  # type: ignore[misc]
            Said(f"{n} x" if n == 2 else f"{n} x^{n - 1}", lambda x, y, n=n: n * x ** (n - 1)),  # type: ignore[misc]
            (
                Said(f"{n} x^{n}", lambda x, y, n=n: n * x**n),  # type: ignore[misc]
                Said(str(n), lambda x, y, n=n: n * np.ones_like(x)),  # type: ignore[misc]
                Said(f"x^{n}", lambda x, y, n=n: x**n),  # type: ignore[misc]
                *([Said(f"{n} x", lambda x, y, n=n: n * x)] if n > 2 else []),  # type: ignore[misc]
            ),
        )
        for n in (2, 3, 4)
    ),
)


def recognised(inputs: Sequence[Array], outputs: Sequence[Array]) -> Function | None:
    """The function that has these outputs at these inputs; None where it is none of those."""
    x, y = (np.concatenate([one.reshape(-1) for one in ones]) for ones in (inputs, outputs))
    if x.size < 2 or x.dtype.kind != "f" or not np.isfinite(x).all() or (x == x[0]).all():
        return None
    with np.errstate(all="ignore"):
        for function in FUNCTIONS:
            few = function.value(x[:2])
            if np.allclose(few, y[:2], rtol=1e-9, atol=1e-12) and np.allclose(
                function.value(x), y, rtol=1e-9, atol=1e-12
            ):
                return function
    return None
