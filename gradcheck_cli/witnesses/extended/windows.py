"""XLA's gather and scatter by NumPy: both are one computation of positions.

The semantics are those of https://openxla.org/xla/operation_semantics#gather, as JAX uses them: index vectors lie along
the last axis of the indices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

FILL = ("FILL_OR_DROP",)
"""The mode in which windows that do not fit are filled, or dropped; in others their starts are moved until they fit."""


def _positions(
    extent: Sequence[int],
    indices: Array,
    sizes: Sequence[int],
    window_axes: Sequence[int],
    absent: Sequence[int],
    starts_of: Sequence[int],
    batching: Sequence[int],
    batching_indices: Sequence[int],
    fill: bool,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Flat positions in an array of this extent, with windows at `window_axes`; and which windows fit."""
    batch = indices.shape[:-1]
    starts = np.zeros((len(extent), *batch), np.int64)
    for number, axis in enumerate(starts_of):
        starts[axis] = indices[..., number]
    for axis, index_axis in zip(batching, batching_indices):
        shape = [1] * len(batch)
        shape[index_axis] = batch[index_axis]
        starts[axis] = np.arange(batch[index_axis]).reshape(shape)
    most = np.array([size - window for size, window in zip(extent, sizes)], np.int64).reshape(-1, *[1] * len(batch))
    fits = np.all((starts >= 0) & (starts <= most), axis=0)
    starts = np.where(fits, starts, 0) if fill else np.clip(starts, 0, most)
    windows = [axis for axis in range(len(extent)) if axis not in (*absent, *batching)]
    strides = np.cumprod([1, *reversed(extent)])[:-1][::-1]
    flat = np.tensordot(strides, starts, 1) if len(extent) else np.zeros(batch, np.int64)
    for axis in windows:
        flat = flat[..., None] + strides[axis] * np.arange(sizes[axis])
    fitting = np.broadcast_to(fits.reshape(fits.shape + (1,) * len(windows)), flat.shape)
    kept = [axis for axis in range(flat.ndim) if axis not in window_axes]
    order = [*kept, *window_axes]  # where each axis of `flat` goes
    return (np.moveaxis(flat, range(flat.ndim), order), np.moveaxis(fitting, range(flat.ndim), order))


def _is_filling(mode: Any) -> bool:
    return str(getattr(mode, "name", mode)).upper().endswith(FILL)


def gather(
    x: Array, indices: Array, *, dimension_numbers: Any, slice_sizes: Sequence[int], mode: Any, **options: Any
) -> Array:
    """XLA's gather."""
    numbers = dimension_numbers
    positions, fits = _positions(
        x.shape,
        indices,
        slice_sizes,
        numbers.offset_dims,
        numbers.collapsed_slice_dims,
        numbers.start_index_map,
        getattr(numbers, "operand_batching_dims", ()),
        getattr(numbers, "start_indices_batching_dims", ()),
        _is_filling(mode),
    )
    taken = x.reshape(-1)[positions]
    if fits.all() or not _is_filling(mode):
        return taken
    value = options.get("fill_value")
    if value is None:
        value = np.nan if x.dtype.kind in "fc" else np.iinfo(x.dtype).min if x.dtype.kind == "i" else 0
    return np.where(fits, taken, np.asarray(value, x.dtype))


def _scatter(combine: Callable[[Array, Array, Array], None]) -> Callable[..., Array]:
    def scatter(x: Array, indices: Array, updates: Array, *, dimension_numbers: Any, mode: Any, **_: Any) -> Array:
        numbers = dimension_numbers
        batching = getattr(numbers, "operand_batching_dims", ())
        sizes, remaining = [1] * x.ndim, iter(numbers.update_window_dims)
        for axis in range(x.ndim):
            if axis not in (*numbers.inserted_window_dims, *batching):
                sizes[axis] = updates.shape[next(remaining)]
        positions, fits = _positions(
            x.shape,
            indices,
            sizes,
            numbers.update_window_dims,
            numbers.inserted_window_dims,
            numbers.scatter_dims_to_operand_dims,
            batching,
            getattr(numbers, "scatter_indices_batching_dims", ()),
            fill=_is_filling(mode),
        )
        result = np.array(x).reshape(-1)
        chosen = fits if _is_filling(mode) else np.ones_like(fits)
        combine(result, positions[chosen], updates[chosen])
        return result.reshape(x.shape)

    return scatter


def _put(result: Array, positions: Array, updates: Array) -> None:
    result[positions] = updates


WINDOWS: Mapping[str, Callable[..., Array]] = {
    "gather": gather,
    "scatter": _scatter(_put),
    "scatter-add": _scatter(np.add.at),
    "scatter_add": _scatter(np.add.at),
    "scatter-mul": _scatter(np.multiply.at),
    "scatter_mul": _scatter(np.multiply.at),
    "scatter-min": _scatter(np.minimum.at),
    "scatter_min": _scatter(np.minimum.at),
    "scatter-max": _scatter(np.maximum.at),
    "scatter_max": _scatter(np.maximum.at),
}
