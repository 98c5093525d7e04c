"""JAX's primitives that move values without changing them, by NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Rule = Callable[..., Any]


def _reshape(x: Array, *, new_sizes: Sequence[int], dimensions: Any = None, **_: Any) -> Array:
    return (x if dimensions is None else np.transpose(x, dimensions)).reshape(new_sizes)


def _broadcast(x: Array, *, shape: Sequence[int], broadcast_dimensions: Sequence[int], **_: Any) -> Array:
    sizes = [1] * len(shape)
    for axis, size in zip(broadcast_dimensions, x.shape):
        sizes[axis] = size
    return np.broadcast_to(x.reshape(sizes), shape)


def _slice(x: Array, *, start_indices: Sequence[int], limit_indices: Sequence[int], strides: Any) -> Array:
    steps = strides or [1] * x.ndim
    return x[tuple(slice(*triple) for triple in zip(start_indices, limit_indices, steps))]


def _starts(x: Array, sizes: Sequence[int], starts: Sequence[Any]) -> list[int]:
    return [int(np.clip(int(start), 0, extent - size)) for start, extent, size in zip(starts, x.shape, sizes)]


def _dynamic_slice(x: Array, *starts: Array, slice_sizes: Sequence[int], **_: Any) -> Array:
    begins = _starts(x, slice_sizes, starts)
    return x[tuple(slice(begin, begin + size) for begin, size in zip(begins, slice_sizes))]


def _dynamic_update_slice(x: Array, update: Array, *starts: Array, **_: Any) -> Array:
    begins = _starts(x, update.shape, starts)
    result = np.array(x)
    result[tuple(slice(begin, begin + size) for begin, size in zip(begins, update.shape))] = update
    return result


def pad(x: Array, value: Any, *, padding_config: Sequence[tuple[int, int, int]]) -> Array:
    """XLA's pad: low and high (negative: cut off), and so many values between neighbours."""
    spread = [max(0, size + (size - 1) * inner) for size, (_, _, inner) in zip(x.shape, padding_config)]
    inside = np.full(spread, value, x.dtype)
    inside[tuple(slice(None, None, inner + 1) for _, _, inner in padding_config)] = x
    widths = [(max(low, 0), max(high, 0)) for low, high, _ in padding_config]
    result = np.pad(inside, widths, constant_values=value) if x.ndim else inside
    cuts = (slice(max(-low, 0), size - max(-high, 0)) for size, (low, high, _) in zip(result.shape, padding_config))
    return result[tuple(cuts)]


def _split(x: Array, *, sizes: Sequence[int], axis: int) -> list[Array]:
    return np.split(x, np.cumsum(sizes)[:-1], axis)


def _iota(*, dtype: Any, shape: Sequence[int], dimension: int, **_: Any) -> Array:
    sizes = [1] * len(shape)
    sizes[dimension] = shape[dimension]
    return np.broadcast_to(np.arange(shape[dimension]).astype(dtype).reshape(sizes), shape)


MOVING: Mapping[str, Rule] = {
    "reshape": _reshape,
    "broadcast_in_dim": _broadcast,
    "slice": _slice,
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update_slice,
    "pad": lambda x, value, *, padding_config: pad(x, value[()], padding_config=padding_config),
    "split": _split,
    "iota": _iota,
    "transpose": lambda x, *, permutation: np.transpose(x, permutation),
    "squeeze": lambda x, *, dimensions: np.squeeze(x, tuple(dimensions)),
    "expand_dims": lambda x, *, dimensions: np.expand_dims(x, tuple(dimensions)),
    "rev": lambda x, *, dimensions: np.flip(x, tuple(dimensions)),
    "tile": lambda x, *, reps: np.tile(x, tuple(reps)),
    "stack": lambda *parts, axis: np.stack(parts, axis),
    "unstack": lambda x, *, axis: list(np.moveaxis(x, axis, 0)),
    "concatenate": lambda *parts, dimension: np.concatenate(parts, dimension),
}
