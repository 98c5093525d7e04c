"""How finely a floating dtype resolves numbers, for NumPy's dtypes and for JAX's short ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcheck_cli.layers.inputs.patterns import limits

_SHORT_EPSILONS = {
    "bfloat16": 2.0**-7,
    "float8_e3m4": 2.0**-4,
    "float8_e4m3": 2.0**-3,
    "float8_e5m2": 2.0**-2,
    "float8_e4m3fn": 2.0**-3,
    "float8_e4m3fnuz": 2.0**-3,
    "float8_e5m2fnuz": 2.0**-2,
}
"""Spacing at one of the dtypes that `np.finfo` does not know: 2 to the minus (stored bits of the fraction)."""

DOUBLE_EPSILON = float(np.finfo(np.float64).eps)


def is_floating_dtype(dtype: np.dtype[Any]) -> bool:
    """Whether `dtype` is floating or complex, JAX's short ones included."""
    return dtype.kind in "fc" or str(dtype) in _SHORT_EPSILONS


def epsilon(dtype: np.dtype[Any]) -> float:
    """The spacing of the dtype's numbers at one; of a float64 for whatever is finer or not floating.

    Float64 is the floor because the reference itself is computed in it.
    """
    if str(dtype) in _SHORT_EPSILONS:
        return _SHORT_EPSILONS[str(dtype)]
    if dtype.kind not in "fc":
        return DOUBLE_EPSILON
    return max(float(np.finfo(dtype).eps), DOUBLE_EPSILON)


def underflow(dtypes: Sequence[np.dtype[Any]]) -> float:
    """Below this numbers have fewer digits than the narrowest of these dtypes: 2e-308 in float64, 6e-5 in float16."""
    return max((_smallest_normal(dtype) for dtype in dtypes if is_floating_dtype(dtype)), default=0.0)


def largest(dtype: np.dtype[Any] | None) -> float:
    """The largest number that a floating dtype holds; infinity for others."""
    return float("inf") if dtype is None or not is_floating_dtype(dtype) else limits(dtype).largest


def _smallest_normal(dtype: np.dtype[Any]) -> float:
    if dtype.kind in "fc":
        return float(np.finfo(dtype).smallest_normal)
    import ml_dtypes

    return float(ml_dtypes.finfo(dtype).smallest_normal)
