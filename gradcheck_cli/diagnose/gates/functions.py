"""Elementwise functions that people differentiate by hand: their derivatives, and the slips that are made with them.

A function is recognised by its values, so that a sigmoid is one however it is written. A derivative is said in terms of
its input x and its output y. Slips that are a number times the derivative are not among them: those are wrong factors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[Any]


def _gelu_slope(x: Array) -> Array:
    return np.asarray(special.ndtr(x) + x * _density(x))


def _density(x: Array) -> Array:
    return np.asarray(np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi))


def _inner(x: Array) -> Array:
    """What GELU's tanh form takes the place of Φ with (Hendrycks and Gimpel, 2016, eq. 2)."""
    return np.asarray(np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def _gelu_tanh_slope(x: Array) -> Array:
    t = _inner(x)
    return np.asarray(0.5 * (1 + t) + 0.5 * x * (1 - t**2) * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2))


_KNOWN = {
    **{name: getattr(np, name) for name in ("exp", "log", "sqrt", "tanh", "sin", "cos", "sign", "pi", "ones_like")},
    "sigmoid": special.expit,
    "Phi": special.ndtr,
    "phi": _density,
    "t": _inner,
    "slope_of_gelu": _gelu_slope,
    "slope_of_gelus_tanh_form": _gelu_tanh_slope,
}
"""What formulas are written with."""


@dataclass(frozen=True)
class Said:
    """A formula of this package's own in x and y, written as Python; `text` is how it is read, where that differs."""

    formula: str
    text: str = ""

    def __str__(self) -> str:
        return self.text or self.formula

    @property
    def is_of_output(self) -> bool:
        """Whether y stands in it."""
        return re.search(r"\by\b", self.formula) is not None

    def of(self, x: Array, y: Array) -> Array:
        """Its values."""
        with np.errstate(all="ignore"):
            found = eval(self.formula, {"__builtins__": {}}, {**_KNOWN, "x": x, "y": y})
        return np.broadcast_to(np.asarray(found, np.float64), np.shape(x))


@dataclass(frozen=True)
class Function:
    """One elementwise function.

    Attributes:
        value: from inputs to outputs.
        derivative: in x and y.
        slips: what is written for the derivative by mistake, the commonest first.
        is_mask: the derivative only says where the gradient passes.
    """

    value: Callable[[Array], Array]
    derivative: Said
    slips: tuple[Said, ...] = ()
    is_mask: bool = False


def _function(value: Callable[[Array], Array], derivative: str | Said, *slips: str | Said) -> Function:
    said = [one if isinstance(one, Said) else Said(one) for one in (derivative, *slips)]
    return Function(value, said[0], tuple(said[1:]))


def _power(n: int) -> Function:
    first = "2 * x" if n == 2 else f"{n} * x**{n - 1}"
    return _function(lambda x: x**n, first, f"{n} * x**{n}", f"{n}", f"x**{n}", *([f"{n} * x"] if n > 2 else []))


_LOGISTIC = "sigmoid(x) * (1 - sigmoid(x))"

FUNCTIONS: tuple[Function, ...] = (
    # the logistic function
    _function(
        special.expit, "y * (1 - y)", "y", "1 - y", "x * (1 - x)", "1 - y**2", "y**2", "y * (1 + y)",
        "sigmoid(y) * (1 - sigmoid(y))",
    ),
    _function(
        np.tanh, "1 - y**2", "1 - y", "1 - x**2", "y * (1 - y)", "1 + y**2", "1 - tanh(y)**2", "y", "y**2",
        "(1 - y)**2",
    ),
    Function(lambda x: np.maximum(x, 0), Said("x > 0", "1 where x > 0"), is_mask=True),
    _function(np.abs, "sign(x)", "x"),
    _function(np.exp, Said("y"), "x", "x * y", "y**2", "exp(y)"),
    _function(np.expm1, "exp(x)", "y"),
    _function(np.log, "1 / x", "1 / y", "y", "x", "1 / x**2"),
    _function(np.log1p, "1 / (1 + x)", "1 / x", "1 / y"),
    _function(np.sqrt, "1 / (2 * y)", "1 / (2 * x)", "1 / x", "y", "y / 2", "2 * y"),
    # the reciprocal of a root, and of a number
    _function(
        lambda x: 1 / np.sqrt(x), "-y**3 / 2", "-y**2 / 2", "-y / 2", "-y", "-y**2", "-1 / (2 * x**2)", "y / 2",
    ),
    _function(lambda x: 1 / x, "-1 / x**2", "-1 / x", "1 / x", "-1", "-1 / x**3"),
    # softplus
    _function(
        lambda x: np.logaddexp(0, x), "sigmoid(x)", _LOGISTIC, "sigmoid(y)", "1 - sigmoid(x)", "tanh(x)", "y", "exp(x)",
    ),
    # SiLU
    _function(
        lambda x: x * special.expit(x), "sigmoid(x) * (1 + x * (1 - sigmoid(x)))",
        _LOGISTIC, "y * (1 - y)", "y", "1 + x * (1 - sigmoid(x))", "sigmoid(x) * (1 + x * sigmoid(x))",
    ),
    # GELU, and its tanh form
    _function(
        lambda x: x * special.ndtr(x), Said("Phi(x) + x * phi(x)", "Φ(x) + x * φ(x)"),
        Said("slope_of_gelus_tanh_form(x)", "the derivative of GELU's tanh form"),
        Said("Phi(x) + phi(x)", "Φ(x) + φ(x)"), Said("phi(x)", "φ(x)"), Said("x > 0", "1 where x > 0"), "y",
    ),
    _function(
        lambda x: 0.5 * x * (1 + _inner(x)), Said("slope_of_gelus_tanh_form(x)", "the derivative of the tanh form"),
        Said("slope_of_gelu(x)", "Φ(x) + x * φ(x), the exact GELU's"), Said("Phi(x)", "Φ(x)"),
        Said("(1 + t(x)) / 2 + x / 2 * (1 - t(x)**2)", "a derivative without that of the tanh's argument"),
        Said("(1 + t(x)) / 2 + x / 2 * (1 - t(x)**2) * sqrt(2 / pi)", "a derivative without that of the cube"),
    ),
    _function(np.sin, "cos(x)", "y", "-y", "cos(y)"),
    _function(np.cos, "-sin(x)", "y", "-sin(y)"),
    _function(
        special.erf, "2 / sqrt(pi) * exp(-x**2)", "2 / sqrt(pi) * exp(-x**2 / 2)", "2 / sqrt(pi) * exp(-2 * x**2)",
        "1 - y**2",
    ),
    *(_power(n) for n in (2, 3, 4)),
)  # fmt: skip

OF_TWO: dict[tuple[str, int], tuple[Said, ...]] = {
    ("mul", 0): (Said("y**2"),),
    ("mul", 1): (Said("y**2"),),
    ("div", 0): (Said("1 / y**2"), Said("y")),
    ("div", 1): tuple(map(Said, ("-y / x", "1 / x**2", "-1 / x**2", "-y / x**3", "-y", "1 / x", "-1 / x"))),
    ("pow", 0): tuple(map(Said, ("y * x**y", "x**(y - 1)", "x**y", "y", "y / x"))),
    ("pow", 1): tuple(map(Said, ("log(y)", "y**x"))),
}
"""Slips of what has two operands, by JAX's primitive and the operand: x is that operand, y the other one."""


def recognised(inputs: Sequence[Array], outputs: Sequence[Array]) -> Function | None:
    """The function that has these outputs at these inputs; None where it is none of those."""
    x, y = (np.concatenate([one.reshape(-1) for one in ones]) for ones in (inputs, outputs))
    if x.size < 2 or x.dtype.kind != "f" or not np.isfinite(x).all() or (x == x[0]).all():
        return None
    with np.errstate(all="ignore"):
        for function in FUNCTIONS:
            if _is_close(function.value(x[:2]), y[:2]) and _is_close(function.value(x), y):
                return function
    return None


def _is_close(one: Array, other: Array) -> bool:
    return bool((np.abs(one - other) <= 1e-12 + 1e-9 * np.abs(other)).all())
