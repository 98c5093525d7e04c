"""JAX's elementwise primitives by NumPy, for any floating dtype. Operands have one shape, or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Rule = Callable[..., Array]


def _round(x: Array, *, rounding_method: Any) -> Array:
    if int(rounding_method) == 1:
        return np.asarray(np.rint(x))
    return np.asarray(np.sign(x) * np.floor(np.abs(x) + 0.5))


def _integer_pow(x: Array, *, y: int) -> Array:
    power = x ** np.asarray(abs(y), x.dtype) if x.dtype.kind in "fc" else x ** abs(y)
    return np.asarray(power if y >= 0 else 1 / power)


def _pow(x: Array, y: Array) -> Array:
    return np.asarray(np.power(x, y.astype(x.dtype)))


def _divide(x: Array, y: Array) -> Array:
    if x.dtype.kind in "fc":
        return np.asarray(x / y)
    return np.asarray(np.trunc(x / np.where(y == 0, 1, y)))


def _select(which: Array, *cases: Array) -> Array:
    if which.dtype == np.bool_:
        return np.where(which, cases[1], cases[0])
    return np.asarray(np.choose(which, cases))


def _sign(x: Array) -> Array:
    return np.asarray(x / np.where(x == 0, 1, np.abs(x))) if x.dtype.kind == "c" else np.asarray(np.sign(x))


def _not(x: Array) -> Array:
    return np.asarray(np.logical_not(x) if x.dtype == np.bool_ else np.invert(x))


def _logistic(x: Array) -> Array:
    smaller = np.exp(-np.abs(x)) if x.dtype.kind != "c" else np.exp(-x)
    if x.dtype.kind == "c":
        return np.asarray(1 / (1 + smaller))
    return np.asarray(np.where(x >= 0, 1 / (1 + smaller), smaller / (1 + smaller)))


ROUNDED: Mapping[str, Rule] = {
    "add": np.add,
    "add_any": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": _divide,
    "exp": np.exp,
    "exp2": np.exp2,
    "log": np.log,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "cbrt": np.cbrt,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "logistic": _logistic,
    "pow": _pow,
    "integer_pow": _integer_pow,
    "square": np.square,
}
"""Those whose results are rounded."""

EXACT: Mapping[str, Rule] = {
    "neg": np.negative,
    "abs": np.abs,
    "sign": _sign,
    "max": np.maximum,
    "min": np.minimum,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": _round,
    "rem": np.fmod,
    "is_finite": np.isfinite,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "not": _not,
    "select_n": _select,
    "clamp": lambda low, x, high: np.minimum(np.maximum(x, low), high),
    "real": np.real,
    "imag": np.imag,
    "conj": np.conj,
    "complex": lambda real, imaginary: real + 1j * imaginary,
    "copy": lambda x: x,
    "copy_p": lambda x: x,
    "reduce_precision": lambda x: x,
    "stop_gradient": lambda x: x,
}
"""Those whose results are exact."""

PARAMETERS = frozenset({"rounding_method", "y"})
"""What these primitives can be told that changes their values; the rest says how XLA is to compute them."""
