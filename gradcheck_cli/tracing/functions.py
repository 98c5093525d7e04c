"""NumPy's functions other than the universal ones, on dual arrays.

One mechanism serves nearly all of them: NumPy computes the value; where that value is a view of an argument's memory it
is a view of the argument (`np.split`, `np.swapaxes`, `as_strided`); where it is not floating it is a constant; else
JAX's function of the same name computes the tracer. `rules` holds the few functions for which that is not so.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from types import FunctionType
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.leaves import floating_kind
from gradcheck_cli.tracing.dual import (
    DualArray,
    constant,
    holds_dual,
    is_floating,
    is_traced,
    new,
    tracer_of,
    value_of,
)
from gradcheck_cli.tracing.recorder import TraceError, current

# Functions whose list or tuple argument is a sequence of arrays, not an array written as a list.
_TAKES_SEQUENCES = frozenset(
    "concatenate concat stack hstack vstack dstack column_stack row_stack block multi_dot select choose "
    "broadcast_arrays lexsort ix_".split()
)

# Functions that look at shapes and dtypes only: their floating results are constants.
_VALUE_ONLY = frozenset("zeros_like ones_like empty_like".split())

# Keywords that steer NumPy's memory or algorithm and mean nothing to the tracer, which stays in float64.
_NUMPY_ONLY = frozenset("dtype out subok casting like kind optimize device".split())

# NumPy's modules, and SciPy's, beside the JAX module that has their functions.
_JAX_MODULES = {
    "numpy.linalg": "jax.numpy.linalg",
    "numpy.fft": "jax.numpy.fft",
    "scipy.special": "jax.scipy.special",
    "scipy.linalg": "jax.scipy.linalg",
    "scipy.signal": "jax.scipy.signal",
    "scipy.ndimage": "jax.scipy.ndimage",
    "scipy.stats": "jax.scipy.stats",
}

# NumPy 1's names of functions that NumPy 2 and JAX have under another.
_OLD_NAMES = {"round_": "round", "product": "prod", "cumproduct": "cumprod", "trapz": "trapezoid"}

Rule = Callable[..., Any]
RULES: dict[str, Rule] = {}


def call(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `function(*args, **kwargs)` gives, as dual arrays where it is floating.

    Raises:
        TraceError: JAX has no equal of a function that a gradient flows through.
    """
    if (rule := RULES.get(function.__name__)) is not None:
        return rule(*args, **kwargs)
    return follow(function, args, kwargs)


def follow(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`call` by the general mechanism, for a function without a rule and for a rule that has put its arguments right.

    Raises:
        TraceError: JAX has no equal of a function that a gradient flows through.
    """
    name: str = function.__name__
    if (out := kwargs.get("out")) is not None:
        out = out[0] if isinstance(out, tuple) else out
        return _into(out, call(function, args, {key: item for key, item in kwargs.items() if key != "out"}))
    if name not in _TAKES_SEQUENCES:
        args = tuple(array_of(item) if isinstance(item, (list, tuple)) and holds_dual(item) else item for item in args)
    elif name != "block" and args and isinstance(args[0], (list, tuple)):
        # `np.concatenate([[0.0], x])`: the parts are arrays, however they are written.
        parts = [array_of(part) if isinstance(part, (list, tuple)) else part for part in args[0]]
        args = (parts, *args[1:])
    duals = list(_duals(args)) + list(_duals(tuple(kwargs.values())))
    value = function(*bare(args), **bare(kwargs))
    traced = name not in _VALUE_ONLY and any(dual.traced for dual in duals)
    if not traced or not _needs_tracer(value, duals):
        return _wrapped(value, duals)
    if jax_function(function) is None and isinstance(function, FunctionType):
        # Written in Python on other functions of NumPy (`np.polynomial`): run on the dual arrays, it finds its own way.
        return function(*args, **kwargs)
    return _paired(value, _jax_result(function, args, kwargs), duals)


def array_of(item: Any, dtype: Any = None) -> Any:
    """`np.array(item)` for nested lists that hold dual arrays.

    Raises:
        TraceError: the parts' shapes do not make an array.
    """
    value = np.array(bare(item), dtype=dtype)
    parts = list(_array_leaves(item))
    if value.dtype == object:
        raise current().fail("a list of arrays of different shapes is made into one array")
    if not any(is_traced(part) for part in parts):
        return constant(value)
    flat = [jnp.ravel(jnp.asarray(tracer_of(part), dtype=_reference_dtype(value))) for part in parts]
    return new(value, jnp.concatenate(flat).reshape(value.shape))


def bare(item: Any) -> Any:
    """`item` with NumPy's values in place of dual arrays, through lists, tuples and dicts."""
    if isinstance(item, DualArray):
        return value_of(item)
    if isinstance(item, (list, tuple)) and holds_dual(item):
        parts = [bare(part) for part in item]
        return parts if isinstance(item, list) else tuple(parts)
    if isinstance(item, dict) and holds_dual(item):
        return {key: bare(part) for key, part in item.items()}
    return item


def jax_function(function: Any) -> Callable[..., Any] | None:
    """JAX's function of the same name, in the module that mirrors NumPy's; None where there is none."""
    name = _OLD_NAMES.get(function.__name__, function.__name__)
    found = getattr(_jax_module(function.__module__ or "numpy"), name, None)
    return found if callable(found) else None


@lru_cache(maxsize=64)
def _jax_module(name: str) -> Any:
    for prefix, target in _JAX_MODULES.items():
        if name == prefix or name.startswith(prefix + "."):
            return importlib.import_module(target)
    return jnp if name == "numpy" else None


def _jax_result(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    equal = jax_function(function)
    if equal is None:
        raise current().fail(f"`np.{function.__name__}` has no equal in JAX")
    options = {key: _tracers(item) for key, item in kwargs.items() if key not in _NUMPY_ONLY}
    if options.get("mode") == "raise":
        del options["mode"]
    if function.__name__ not in _TAKES_SEQUENCES:
        # Where NumPy takes a list of numbers for an array, JAX asks for the array; tuples are shapes and axes.
        args = tuple(np.asarray(item) if isinstance(item, list) else item for item in args)
    try:
        return equal(*_tracers(args), **options)
    except TraceError:
        raise
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise current().fail(f"`np.{function.__name__}` cannot be followed by JAX here: {first}") from error


def _tracers(item: Any) -> Any:
    if isinstance(item, (list, tuple)):
        parts = [_tracers(part) for part in item]
        return parts if isinstance(item, list) else tuple(parts)
    return tracer_of(item)


def _duals(items: Any) -> Iterator[DualArray]:
    for item in items:
        if isinstance(item, DualArray):
            yield item
        elif isinstance(item, (list, tuple)):
            yield from _duals(item)


def _array_leaves(item: Any) -> Iterator[Any]:
    if isinstance(item, (list, tuple)):
        for part in item:
            yield from _array_leaves(part)
    else:
        yield item


def _reference_dtype(value: NDArray[Any]) -> Any:
    return np.complex128 if value.dtype.kind == "c" else np.float64


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from _parts(part)
    else:
        yield value


def _owner(part: Any, duals: list[DualArray]) -> DualArray | None:
    if not isinstance(part, np.ndarray):
        return None
    return next((dual for dual in duals if dual.storage.owns(part) and part.dtype == dual.dtype), None)


def _needs_tracer(value: Any, duals: list[DualArray]) -> bool:
    return any(is_floating(part) and part.size and _owner(part, duals) is None for part in _parts(value))


def _rebuilt(value: Any, items: list[Any]) -> Any:
    return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)


def _wrapped(value: Any, duals: list[DualArray]) -> Any:
    if isinstance(value, (list, tuple)):
        return _rebuilt(value, [_wrapped(part, duals) for part in value])
    owner = _owner(value, duals)
    return constant(value) if owner is None else DualArray(value, owner.storage)


def _paired(value: Any, tracer: Any, duals: list[DualArray]) -> Any:
    if isinstance(value, (list, tuple)):
        return _rebuilt(value, [_paired(part, its, duals) for part, its in zip(value, tracer)])
    owner = _owner(value, duals)
    return new(value, tracer) if owner is None else DualArray(value, owner.storage)


def _into(out: Any, result: Any) -> Any:
    if not isinstance(out, DualArray) and is_traced(result) and floating_kind(out.dtype):
        raise current().fail("`out=` is an array that NumPy did not make here, so no gradient flows into it")
    out[...] = result if isinstance(out, DualArray) else value_of(result)
    return out
