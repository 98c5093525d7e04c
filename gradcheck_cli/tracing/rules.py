"""The NumPy functions that need a rule of their own on dual arrays: making, sorting, writing in place, calling back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from gradcheck_cli.layers.leaves import floating_kind
from gradcheck_cli.tracing.dual import DualArray, constant, holds_dual, is_traced, new, tracer_of, value_of
from gradcheck_cli.tracing.functions import RULES, array_of, bare, follow
from gradcheck_cli.tracing.recorder import current


def rule(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as the rule for these NumPy names."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        RULES.update(dict.fromkeys(names, function))
        return function

    return register


# -- making arrays ---------------------------------------------------------------------------------------------------


def _maker(name: str) -> Callable[..., Any]:
    copies = name in ("array", "copy")
    real = getattr(np, name)

    def make(item: Any, *args: Any, **kwargs: Any) -> Any:
        if not holds_dual(item):
            return constant(real(item, *args, **kwargs))
        dtype = kwargs.get("dtype", args[0] if args and name != "copy" else None)
        if not isinstance(item, DualArray):
            made = array_of(item, dtype)
        elif dtype is not None and np.dtype(dtype) != item.dtype:
            made = item.astype(dtype)
        elif copies and kwargs.get("copy", True):
            made = item.copy()
        else:
            made = DualArray(item.value, item.storage)  # `np.asarray` of a scalar is a 0-d array
        missing = kwargs.get("ndmin", 0) - made.ndim
        return made.reshape((1,) * missing + made.shape) if missing > 0 else made

    return make


for _name in ("array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "asarray_chkfinite", "copy"):
    RULES[_name] = _maker(_name)


@rule("full")
def _full(shape: Any, fill_value: Any, dtype: Any = None, **kwargs: Any) -> Any:
    made = constant(np.full(shape, bare(fill_value), dtype, **kwargs))
    if holds_dual(fill_value) and isinstance(made, DualArray):
        made[...] = fill_value
    return made


@rule("full_like")
def _full_like(like: Any, fill_value: Any, **kwargs: Any) -> Any:
    made = constant(np.full_like(value_of(like), bare(fill_value), **kwargs))
    if holds_dual(fill_value) and isinstance(made, DualArray):
        made[...] = fill_value
    return made


@rule("empty")
def _empty(shape: Any, dtype: Any = float, *args: Any, **kwargs: Any) -> Any:
    # What is never written would be garbage, different for every witness.
    return constant(np.zeros(shape, dtype))


@rule("fromiter")
def _fromiter(items: Any, dtype: Any, count: int = -1, **kwargs: Any) -> Any:
    listed = [item for _, item in zip(range(count), items)] if count >= 0 else list(items)
    return RULES["array"](listed, dtype=dtype)


@rule("fix")
def _fix(array: Any, *args: Any, **kwargs: Any) -> Any:
    return np.trunc(RULES["asarray"](array), *args, **kwargs)


@rule("meshgrid")
def _meshgrid(*arrays: Any, **kwargs: Any) -> Any:
    # NumPy flattens what it is given, JAX asks for vectors.
    return follow(np.meshgrid, tuple(np.ravel(RULES["asarray"](array)) for array in arrays), kwargs)


def _quantiles(name: str) -> Callable[..., Any]:
    real = getattr(np, name)

    def quantile(array: Any, q: Any, *args: Any, **kwargs: Any) -> Any:
        # JAX takes no integers for `q`.
        q = q if isinstance(q, DualArray) else np.asarray(bare(q), dtype=float)
        return follow(real, (array, q if np.ndim(q) else q[()], *args), kwargs)

    return quantile


for _name in ("quantile", "nanquantile", "percentile", "nanpercentile"):
    RULES[_name] = _quantiles(_name)


# -- selecting: where the value says which elements, the tracer follows ----------------------------------------------


def _along(array: Any, order: Any, axis: int | None) -> Any:
    if axis is None:
        return array.reshape(-1)[order]
    return np.take_along_axis(array, order, axis)


@rule("sort")
def _sort(array: Any, axis: int | None = -1, **kwargs: Any) -> Any:
    array = RULES["asarray"](array)
    return _along(array, np.argsort(value_of(array), axis=axis, kind="stable"), axis)


@rule("msort")
def _msort(array: Any) -> Any:
    return _sort(array, axis=0)


@rule("partition")
def _partition(array: Any, kth: Any, axis: int | None = -1, **kwargs: Any) -> Any:
    array = RULES["asarray"](array)
    return _along(array, np.argpartition(value_of(array), kth, axis=axis), axis)


@rule("unique")
def _unique(array: Any, *args: Any, **kwargs: Any) -> Any:
    array = RULES["asarray"](array)
    if not is_traced(array) or kwargs.get("axis") is not None:
        return _constants(np.unique(value_of(array), *args, **kwargs))
    _, first = np.unique(value_of(array), return_index=True)
    rest = np.unique(value_of(array), *args, **kwargs)
    unique = array.reshape(-1)[first]
    return (unique, *rest[1:]) if isinstance(rest, tuple) else unique


@rule("extract")
def _extract(condition: Any, array: Any) -> Any:
    return RULES["asarray"](array)[np.asarray(bare(condition)).astype(bool)]


@rule("compress")
def _compress(condition: Any, array: Any, axis: int | None = None, out: Any = None) -> Any:
    kept = np.flatnonzero(np.asarray(bare(condition)))
    array = RULES["asarray"](array)
    return array.reshape(-1)[kept] if axis is None else np.take(array, kept, axis=axis)


@rule("union1d")
def _union1d(first: Any, second: Any) -> Any:
    parts = [np.ravel(RULES["asarray"](part)) for part in (first, second)]
    return RULES["unique"](np.concatenate(parts))


@rule("setdiff1d")
def _setdiff1d(first: Any, second: Any, assume_unique: bool = False) -> Any:
    first = np.ravel(RULES["asarray"](first)) if assume_unique else RULES["unique"](first)
    return first[~np.isin(value_of(first), bare(second))]


def _constants(value: Any) -> Any:
    return tuple(constant(part) for part in value) if isinstance(value, tuple) else constant(value)


# -- writing in place ------------------------------------------------------------------------------------------------


def _writer(name: str, position: int) -> Callable[..., Any]:
    """The rule for a function that writes its argument at `position` into its first argument.

    Which element lands where is found by letting NumPy write the elements' numbers into an array of -1.
    """
    real = getattr(np, name)

    def write(target: Any, *args: Any, **kwargs: Any) -> None:
        given = list(args)
        item = RULES["asarray"](given[position - 1]) if not np.isscalar(given[position - 1]) else given[position - 1]
        if not isinstance(target, DualArray):
            if is_traced(item) and floating_kind(target.dtype):
                raise current().fail(
                    f"`np.{name}` writes a differentiable value into an array that NumPy did not make here"
                )
            real(target, *bare(given), **bare(kwargs))
            return
        old = target.copy()
        real(target.value, *bare(given), **bare(kwargs))
        if not (target.traced or is_traced(item)):
            return
        landed = np.full(target.shape, -1)
        given[position - 1] = np.arange(np.size(value_of(item))).reshape(np.shape(value_of(item)))
        real(landed, *bare(given), **bare(kwargs))
        source = jnp.ravel(jnp.asarray(tracer_of(item)))
        tracer = jnp.where(landed < 0, tracer_of(old), source[np.maximum(landed, 0)])
        written = new(target.value.copy(), tracer)
        target.write(target.value, target.storage.positions(target.value), written)

    return write


for _name, _position in {
    "copyto": 1,
    "put": 2,
    "place": 2,
    "putmask": 2,
    "fill_diagonal": 1,
    "put_along_axis": 2,
}.items():
    RULES[_name] = _writer(_name, _position)


# -- calling the user's function back --------------------------------------------------------------------------------


@rule("apply_along_axis")
def _apply_along_axis(function: Callable[..., Any], axis: int, array: Any, *args: Any, **kwargs: Any) -> Any:
    moved = np.moveaxis(RULES["asarray"](array), axis, -1)
    rows = [function(moved[index], *args, **kwargs) for index in np.ndindex(*moved.shape[:-1])]
    stacked = RULES["array"](rows)
    inner = stacked.shape[1:]
    result = stacked.reshape(moved.shape[:-1] + inner)
    places = range(len(moved.shape) - 1, len(moved.shape) - 1 + len(inner))
    return np.moveaxis(result, list(places), list(range(axis % moved.ndim, axis % moved.ndim + len(inner))))


@rule("piecewise")
def _piecewise(array: Any, conditions: Any, functions: Any, *args: Any, **kwargs: Any) -> Any:
    array = RULES["asarray"](array)
    masks = [np.asarray(bare(mask), dtype=bool) for mask in conditions]
    if len(functions) == len(masks) + 1:
        masks.append(~np.logical_or.reduce(masks))
    result = constant(np.zeros(array.shape, array.dtype))
    for mask, function in zip(masks, functions):
        result[mask] = function(array[mask], *args, **kwargs) if callable(function) else function
    return result


class DualVectorize:
    """`np.vectorize` on dual arrays: the function is called an element at a time."""

    def __init__(self, pyfunc: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self.pyfunc = pyfunc
        self.real = np.vectorize(pyfunc, *args, **kwargs)
        self.plain = not args and kwargs.keys() <= {"otypes"}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function's results, in the arguments' broadcast shape."""
        if not any(holds_dual(item) for item in args):
            return constant(self.real(*args, **kwargs))
        if not self.plain or kwargs:
            raise current().fail("`np.vectorize` with a signature or keywords cannot be followed")
        arrays = np.broadcast_arrays(*(RULES["asarray"](item) for item in args))
        shape = arrays[0].shape
        flat = [array.reshape(-1) for array in arrays]
        results = [self.pyfunc(*(array[position] for array in flat)) for position in range(int(np.prod(shape)))]
        return RULES["array"](results).reshape(shape)


class DualNdenumerate:
    """`np.ndenumerate` on dual arrays."""

    def __init__(self, array: Any) -> None:
        self._array = RULES["asarray"](array)
        self._indices = iter(np.ndindex(*self._array.shape))

    def __iter__(self) -> Iterator[tuple[tuple[int, ...], Any]]:
        return self

    def __next__(self) -> tuple[tuple[int, ...], Any]:
        index = next(self._indices)
        return index, self._array[index]


class DualConcatenator:
    """`np.r_[...]` and `np.c_[...]` on dual arrays; their other uses are NumPy's."""

    def __init__(self, real: Any, name: str) -> None:
        self._real = real
        self._name = name

    def __getitem__(self, index: Any) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        if not any(holds_dual(part) for part in parts):
            return constant(self._real[index])
        if any(isinstance(part, str) for part in parts):
            raise current().fail(f"`np.{self._name}` with a directive cannot be followed")
        plain = [self._real[part] if isinstance(part, slice) else part for part in parts]
        arrays = [np.atleast_1d(RULES["asarray"](part)) for part in plain]
        if self._name == "c_":
            arrays = [array.reshape(-1, 1) if array.ndim == 1 else array for array in arrays]
            return np.concatenate(arrays, axis=-1)
        return np.concatenate(arrays, axis=0)
