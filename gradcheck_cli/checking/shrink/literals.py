"""Values as source text, short enough to copy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.checking.shrink.patterns import MOST, expression

_DECIMALS = 9
"""Decimals that drawn values have at most."""

_IMPLIED = ("float64", "int64", "bool", "complex128")
"""The dtypes that such literals have by themselves."""


class Unwritable(Exception):
    """There is no short text for this."""


def literal(value: Any) -> str:
    """`np.array([[1.0, -2.0]])`, `{'stride': 1}`; arrays of JAX's as `jnp.array(...)`.

    Raises:
        Unwritable: for what has no short text: a function, a long array without a pattern.
    """
    if value is None or type(value) in (bool, int, str, bytes):
        return repr(value)
    if type(value) in (float, complex):
        return _finite(repr(value))
    if isinstance(value, np.generic):
        return f"np.{value.dtype.name}({_finite(repr(value.item()))})"
    if isinstance(value, np.ndarray):
        return _array(value, "np")
    if hasattr(value, "dtype") and hasattr(value, "__array__"):
        return _of_jax(value)
    if type(value) is dict:
        return "{" + ", ".join(f"{key!r}: {literal(item)}" for key, item in value.items()) + "}"
    if type(value) is list:
        return "[" + ", ".join(map(literal, value)) + "]"
    if type(value) is tuple:
        return "(" + ", ".join(map(literal, value)) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, Mapping):
        raise Unwritable(f"a {type(value).__name__}")
    raise Unwritable(f"a {type(value).__name__}")


def _of_jax(value: Any) -> str:
    if str(value.dtype).startswith("key<"):
        import jax

        return f"jax.random.wrap_key_data({_array(np.asarray(jax.random.key_data(value)), 'jnp')})"
    return _array(np.asarray(value), "jnp")


def _array(array: NDArray[Any], library: str) -> str:
    name = str(array.dtype)
    if library == "np" and array.dtype.kind not in "biufc":
        raise Unwritable(f"NumPy has no {name}")
    array = _shortest(array)
    plain = name in _IMPLIED
    dtype = "" if plain else f", {library}.{'bool_' if name == 'bool' else name}"
    if array.size == 0:
        return f"{library}.zeros({array.shape}{dtype})"
    first = array.flat[0].item()
    repeated = array.dtype.kind in "fiu" and bool((array == first).all())
    if array.ndim and repeated and array.dtype.kind == "f" and first in (0.0, 1.0):
        return f"{library}.{'ones' if first else 'zeros'}({_shape(array)}{dtype})"
    if array.size > 3 and repeated:
        return f"{library}.full({_shape(array)}, {_finite(repr(first))}{dtype})"
    if array.size > 6 and array.dtype.kind == "f" and np.array_equal(array.ravel(), np.arange(1.0, array.size + 1)):
        return f"{library}.arange(1.0, {array.size + 1}{dtype}).reshape({_shape(array)})"
    if array.size > MOST:
        if (made := expression(array)) is None:
            raise Unwritable(f"{array.size} numbers")
        return _made(made, array.dtype, library)
    numbers = array.tolist() if array.dtype.itemsize >= 8 or array.dtype.kind != "f" else _few_digits(array)
    return f"{library}.array({_finite(repr(numbers))}{dtype})"


def _made(text: str, dtype: np.dtype[Any], library: str) -> str:
    if library == "jnp":
        return f"jnp.array({text}{'' if dtype.name in _IMPLIED else f', jnp.{dtype.name}'})"
    grouped = text if text.endswith(")") and " % " not in text else f"({text})"
    return text if dtype.name in _IMPLIED else f"{grouped}.astype(np.{dtype.name})"


def _shortest(array: NDArray[Any]) -> NDArray[Any]:
    """Without the last digit's rounding: 1.869 for 1.8690000000000002."""
    if array.dtype.kind != "f" or array.dtype.itemsize < 8:
        return array
    with np.errstate(all="ignore"):
        rounded = np.round(array, _DECIMALS)
        near = np.isclose(rounded, array, rtol=1e-15, atol=0, equal_nan=True)
    return np.where(near, rounded, array)


def _few_digits(array: NDArray[Any]) -> Any:
    """The numbers of a narrow dtype as Python's, with the digits that it has."""
    return np.array([float(str(number)) for number in array.ravel()]).reshape(array.shape).tolist()


def _shape(array: NDArray[Any]) -> str:
    return str(array.shape[0]) if array.ndim == 1 else str(array.shape)


def _finite(text: str) -> str:
    """`nan` and `inf` as NumPy spells them."""
    return re.sub(r"\b(nan|inf)\b", r"np.\1", text)
