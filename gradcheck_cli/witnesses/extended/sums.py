"""JAX's reductions, running sums, matrix products and convolutions, by NumPy in any floating dtype."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.witnesses.extended.moving import pad

Array = NDArray[Any]
Rule = Callable[..., Any]


def _reduce(function: Any) -> Rule:
    return lambda x, *, axes, **_: function(x, axis=tuple(axes))


def _cumulative(ufunc: Any) -> Rule:
    def running(x: Array, *, axis: int, reverse: bool) -> Array:
        x = np.flip(x, axis) if reverse else x
        result = ufunc.accumulate(x, axis=axis)
        return np.asarray(np.flip(result, axis) if reverse else result)

    return running


def _position(function: Any) -> Rule:
    return lambda x, *, axes, index_dtype: function(x, axis=axes[0]).astype(index_dtype)


def _dot_general(x: Array, y: Array, *, dimension_numbers: Any, **_: Any) -> Array:
    (x_summed, y_summed), (x_batch, y_batch) = dimension_numbers
    x_names, y_names = list(range(x.ndim)), [x.ndim + axis for axis in range(y.ndim)]
    for mine, other in zip((*x_summed, *x_batch), (*y_summed, *y_batch)):
        y_names[other] = x_names[mine]
    names = [x_names[axis] for axis in x_batch]
    names += [x_names[axis] for axis in range(x.ndim) if axis not in (*x_batch, *x_summed)]
    names += [y_names[axis] for axis in range(y.ndim) if axis not in (*y_batch, *y_summed)]
    return np.asarray(np.einsum(x, x_names, y, y_names, names))


def _convolve(
    x: Array,
    kernel: Array,
    *,
    window_strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int],
    rhs_dilation: Sequence[int],
    dimension_numbers: Any,
    feature_group_count: int,
    batch_group_count: int,
    **_: Any,
) -> Array:
    """XLA's convolution (a correlation): https://openxla.org/xla/operation_semantics#convwithgeneralpadding_convolution."""
    numbers = dimension_numbers
    x, kernel = np.transpose(x, numbers.lhs_spec), np.transpose(kernel, numbers.rhs_spec)
    zero = x.dtype.type(0)
    edges = [(low, high, dilation - 1) for (low, high), dilation in zip(padding, lhs_dilation)]
    x = pad(x, zero, padding_config=[(0, 0, 0), (0, 0, 0), *edges])
    wide = [(size - 1) * dilation + 1 for size, dilation in zip(kernel.shape[2:], rhs_dilation)]
    axes = tuple(range(2, x.ndim))
    windows = np.lib.stride_tricks.sliding_window_view(x, wide, axes)
    places = tuple(slice(None, None, stride) for stride in window_strides)
    taps = tuple(slice(None, None, dilation) for dilation in rhs_dilation)
    windows = windows[(slice(None), slice(None), *places, *taps)]
    spatial = len(wide)
    summed = ([1, *range(2 + spatial, 2 + 2 * spatial)], [1, *range(2, 2 + spatial)])
    groups = feature_group_count * batch_group_count
    parts = []
    for group, some in enumerate(np.split(kernel, groups, 0)):
        axis = 1 if feature_group_count > 1 else 0
        parts.append(np.tensordot(np.split(windows, groups, axis)[group], some, summed))
    result = np.moveaxis(np.concatenate(parts, -1), -1, 1)
    return np.transpose(result, np.argsort(numbers.out_spec))


def _sort(*operands: Array, dimension: int, is_stable: bool, num_keys: int) -> list[Array]:
    del is_stable  # a stable order is an order
    if num_keys != 1:
        raise LookupError("an order by several keys")
    order = np.argsort(operands[0], axis=dimension, kind="stable")
    return [np.take_along_axis(operand, order, dimension) for operand in operands]


SUMS: Mapping[str, Rule] = {
    "reduce_sum": _reduce(np.sum),
    "cumsum": _cumulative(np.add),
    "dot_general": _dot_general,
    "conv_general_dilated": _convolve,
}
"""Those that add products or terms: rounding is relative to the terms, not to the result."""

PRODUCTS: Mapping[str, Rule] = {"reduce_prod": _reduce(np.prod), "cumprod": _cumulative(np.multiply)}

CHOICES: Mapping[str, Rule] = {
    "reduce_max": _reduce(np.max),
    "reduce_min": _reduce(np.min),
    "reduce_and": _reduce(np.all),
    "reduce_or": _reduce(np.any),
    "cummax": _cumulative(np.maximum),
    "cummin": _cumulative(np.minimum),
    "argmax": _position(np.argmax),
    "argmin": _position(np.argmin),
    "sort": _sort,
}
