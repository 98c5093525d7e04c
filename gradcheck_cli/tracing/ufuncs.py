"""NumPy's universal functions on dual arrays: `np.exp`, `+`, `np.add.reduce`, `np.add.at`, with `out=` and `where=`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special
import numpy as np

from gradcheck_cli.layers.leaves import floating_kind
from gradcheck_cli.tracing.dual import (
    DualArray,
    constant,
    detached,
    is_floating,
    is_traced,
    new,
    tracer_of,
    value_of,
)
from gradcheck_cli.tracing.recorder import current

# NumPy's names that JAX spells otherwise.
_RENAMED = {"absolute": "abs", "conjugate": "conj"}

_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "add": jnp.sum,
    "multiply": jnp.prod,
    "maximum": jnp.max,
    "minimum": jnp.min,
    "fmax": jnp.nanmax,
    "fmin": jnp.nanmin,
}

_ACCUMULATIONS: dict[str, Callable[..., Any]] = {
    "add": jnp.cumsum,
    "multiply": jnp.cumprod,
    "maximum": lambda x, axis: jax.lax.cummax(x, axis=axis % x.ndim),
    "minimum": lambda x, axis: jax.lax.cummin(x, axis=axis % x.ndim),
    "logaddexp": lambda x, axis: jax.lax.cumlogsumexp(x, axis=axis % x.ndim),
}

_SCATTERS: dict[str, str] = {
    "add": "add",
    "multiply": "multiply",
    "divide": "divide",
    "true_divide": "divide",
    "power": "power",
    "maximum": "max",
    "minimum": "min",
}


def jax_equal(ufunc: np.ufunc) -> Callable[..., Any] | None:
    """The JAX function that computes what this ufunc computes; SciPy's special functions are found too."""
    name = _RENAMED.get(ufunc.__name__, ufunc.__name__)
    for namespace in (jnp, jax.scipy.special):
        if callable(found := getattr(namespace, name, None)):
            return found  # type: ignore[no-any-return]
    return None


def apply_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `ufunc.method(*inputs, **kwargs)` gives, as dual arrays where it is floating."""
    kwargs = dict(kwargs)
    out = kwargs.pop("out", None)
    targets: tuple[Any, ...] = out if isinstance(out, tuple) else () if out is None else (out,)
    inputs = tuple(_joined(item) for item in inputs)
    if method == "at":
        return _at(ufunc, *inputs)
    where = kwargs.get("where", True)
    traced = any(is_traced(item) for item in (*inputs, kwargs.get("initial")))
    operands = [_snapshot(item) for item in inputs] if targets else list(inputs)
    before = [detached(target) for target in targets]

    values = [value_of(item) for item in inputs]
    kwargs = {key: value_of(item) for key, item in kwargs.items()}
    if targets:
        kwargs["out"] = tuple(value_of(target) for target in targets)
    result = getattr(ufunc, method)(*values, **kwargs)
    results = result if isinstance(result, tuple) else (result,)

    tracers: tuple[Any, ...] = (None,) * len(results)
    if traced and any(is_floating(part) for part in results):
        tracers = _tracers(ufunc, method, operands, kwargs)
        if where is not True and method == "__call__":
            mask = value_of(where)
            kept = [tracer_of(old) for old in before] or [jnp.asarray(np.array(part)) for part in results]
            tracers = tuple(jnp.where(mask, tracer, old) for tracer, old in zip(tracers, kept))
    if not targets:
        made = tuple(new(part, tracer) for part, tracer in zip(results, tracers))
        return made if isinstance(result, tuple) else made[0]
    for target, tracer in zip(targets, tracers):
        _store(target, tracer)
    return targets if isinstance(result, tuple) else targets[0]


def _tracers(ufunc: np.ufunc, method: str, operands: list[Any], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    arguments = [tracer_of(item) for item in operands]
    if method == "reduce":
        return (_reduce(ufunc, arguments[0], arguments[1:], kwargs),)
    if method == "accumulate":
        axis = arguments[1] if len(arguments) > 1 else kwargs.get("axis", 0)
        if ufunc.__name__ not in _ACCUMULATIONS:
            raise current().fail(f"`np.{ufunc.__name__}.accumulate` has no equal in JAX")
        return (_ACCUMULATIONS[ufunc.__name__](arguments[0], axis=axis),)
    function = jax_equal(ufunc)
    if function is None:
        raise current().fail(f"`{ufunc.__name__}` has no equal in JAX")
    if method == "outer":
        first, second = (jnp.asarray(argument) for argument in arguments)
        return (function(first.reshape(first.shape + (1,) * second.ndim), second),)
    if method == "reduceat":
        return (_reduceat(ufunc, arguments, kwargs),)
    if method != "__call__":
        raise current().fail(f"`np.{ufunc.__name__}.{method}` has no equal in JAX")
    if ufunc.__name__ == "matmul" and "axes" in kwargs:
        raise current().fail("`np.matmul(..., axes=)` has no equal in JAX")
    answer = function(*arguments, **{key: kwargs[key] for key in ("axis", "keepdims") if key in kwargs})
    return tuple(answer) if isinstance(answer, (tuple, list)) else (answer,)


def _reduce(ufunc: np.ufunc, argument: Any, positional: list[Any], kwargs: dict[str, Any]) -> Any:
    names = ("axis", "dtype", "out", "keepdims", "initial", "where")
    options = {**dict(zip(names, positional)), **kwargs}
    chosen = {
        key: options[key]
        for key in ("keepdims", "initial", "where")
        if key in options and options[key] is not np._NoValue
    }
    if chosen.get("where") is True:
        del chosen["where"]
    axis = options.get("axis", 0)
    if ufunc.__name__ == "logaddexp":
        return jax.scipy.special.logsumexp(argument, axis=axis, keepdims=chosen.get("keepdims", False))
    if ufunc.__name__ not in _REDUCTIONS:
        raise current().fail(f"`np.{ufunc.__name__}.reduce` has no equal in JAX")
    return _REDUCTIONS[ufunc.__name__](argument, axis=axis, **chosen)


def _reduceat(ufunc: np.ufunc, arguments: list[Any], kwargs: dict[str, Any]) -> Any:
    argument, indices = arguments[0], [int(i) for i in np.asarray(arguments[1])]
    axis = arguments[2] if len(arguments) > 2 else kwargs.get("axis", 0)
    ends = [*indices[1:], argument.shape[axis]]
    pieces = []
    for start, end in zip(indices, ends):
        piece = jax.lax.slice_in_dim(argument, start, max(end, start + 1), axis=axis)
        pieces.append(_reduce(ufunc, piece, [], {"axis": axis, "keepdims": True}))
    return jnp.concatenate(pieces, axis=axis)


def _at(ufunc: np.ufunc, target: Any, index: Any, item: Any = None) -> None:
    """`np.add.at(target, index, item)`: unbuffered, repeated indices count each time."""
    index = tuple(value_of(part) for part in index) if isinstance(index, tuple) else value_of(index)
    operands = () if item is None else (value_of(item),)
    if not isinstance(target, DualArray):
        if is_traced(item):
            raise current().fail(f"`np.{ufunc.__name__}.at` writes a differentiable value into an array of integers")
        ufunc.at(target, index, *operands)
        return
    traced = target.traced or is_traced(item)
    if traced:
        old = target.tracer if target.traced else tracer_of(constant(target.value.copy()))
        spots = np.arange(target.size).reshape(target.shape)[index]
        flat = jnp.asarray(old).reshape(-1)
        if item is None:
            function = jax_equal(ufunc)
            if function is None:
                raise current().fail(f"`np.{ufunc.__name__}.at` has no equal in JAX")
            updated = flat.at[spots].set(function(flat[spots]))
        elif ufunc.__name__ == "subtract":
            updated = flat.at[spots].add(-jnp.asarray(tracer_of(item)))
        elif ufunc.__name__ in _SCATTERS:
            updated = getattr(flat.at[spots], _SCATTERS[ufunc.__name__])(tracer_of(item))
        else:
            raise current().fail(f"`np.{ufunc.__name__}.at` has no equal in JAX")
    ufunc.at(target.value, index, *operands)
    if traced:
        _store(target, updated.reshape(target.shape))


def _store(target: Any, tracer: Any) -> None:
    """`target`'s value was just written by NumPy; `tracer` is what it is now (None: a constant)."""
    if isinstance(target, DualArray):
        if tracer is not None:
            tracer = jnp.broadcast_to(tracer, target.shape)
            spare = np.array(target.value, copy=True)
            target.write(target.value, target.storage.positions(target.value), new(spare, tracer))
        else:
            target.write(target.value, target.storage.positions(target.value), None)
    elif tracer is not None and floating_kind(np.asarray(target).dtype):
        raise current().fail("a differentiable value is written into an array that another library made")


def _snapshot(item: Any) -> Any:
    """An operand as it is before NumPy writes the result, perhaps over it (`out += x`)."""
    if isinstance(item, DualArray) and not item.traced:
        return constant(item.value.copy())
    return item.copy() if isinstance(item, np.ndarray) else detached(item)


def _joined(item: Any) -> Any:
    from gradcheck_cli.tracing.dual import as_dual_or_plain

    item = as_dual_or_plain(item)
    if isinstance(item, jax.core.Tracer):
        raise current().fail("NumPy and jax.numpy are mixed: a NumPy function is given a jax.numpy array")
    return np.asarray(item) if isinstance(item, jax.Array) else item
