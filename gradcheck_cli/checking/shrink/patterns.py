"""Long arrays that one short expression makes: what a script can say of an input that is too long to be written out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST = 24
"""Elements up to which an array is written out; longer ones only where they follow a pattern."""
LARGEST = 1_000_000
"""Elements above which no pattern is looked for."""
_RANGES: dict[str, tuple[float, float]] = {"": (-2, 2), "positive": (0.5, 2), "unit": (0.1, 0.9)}
_SEEDS = range(6)


def scattered(shape: tuple[int, ...], domain: str = "", seed: int = 0) -> NDArray[np.float64]:
    """Numbers of two decimals all over a domain (`""`, `"positive"`, `"unit"`), others for each of a few seeds."""
    low, high = _RANGES[domain]
    return np.random.default_rng(seed % len(_SEEDS)).uniform(low, high, shape).round(2)


def cyclic(value: NDArray[Any]) -> NDArray[Any]:
    """Integers or truth values of the same range, one after the other, over and over: `0 1 2 0 1 2 0`."""
    counted = np.arange(value.size).reshape(value.shape)
    if value.dtype.kind == "b":
        return np.asarray(counted % 2 == 0)
    low, high = int(value.min()), int(value.max())
    return np.asarray(low + counted % (high - low + 1)).astype(value.dtype)


def expression(array: NDArray[Any]) -> str | None:
    """The text, without its dtype, that makes an array of one of these two kinds; None for any other."""
    if not MOST < array.size <= LARGEST:
        return None
    shape = str(array.shape[0]) if array.ndim == 1 else str(array.shape)
    reshaped = "" if array.ndim == 1 else f".reshape({shape})"
    if array.dtype.kind in "biu":
        if not np.array_equal(cyclic(array), array):
            return None
        counted = f"np.arange({array.size}){reshaped}"
        if array.dtype.kind == "b":
            return f"{counted} % 2 == 0"
        low, high = int(array.min()), int(array.max())
        text = counted if high - low + 1 >= array.size else f"{counted} % {high - low + 1}"
        return f"{low} + {text}" if low else text
    if array.dtype.kind not in "fV":
        return None
    for domain, ends in _RANGES.items():
        for seed in _SEEDS:
            if np.array_equal(scattered(array.shape, domain, seed).astype(array.dtype), array):
                return f"np.random.default_rng({seed}).uniform({ends[0]}, {ends[1]}, {shape}).round(2)"
    return None
