"""Values for one array: few digits, all different, off kinks, in the domain that the layer needs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_LATTICE = 0.5
"""Kinks sit at zero, at ±1 (a margin, a clip) and at halves: values, their sums and differences avoid its multiples."""

_OFF = (0.05, 0.24)
"""How far from the nearest multiple of the lattice a value lies."""


def floats(generator: np.random.Generator, shape: tuple[int, ...], domain: str = "", dtype: Any = np.float64) -> Array:
    """Readable floats of `shape` in `domain` (`ArgumentShape.domain`).

    Without a domain: signs mixed, 0.05 ≤ |x| ≤ 1.74, three decimals up to 190 entries and more above. As long as
    there are few enough (190·10^k), no two entries are equal in size, and no entry, sum or difference of two entries
    is a multiple of 0.5, so that a maximum, an absolute value and a hinge with a margin of 1 are off their kinks.
    """
    dtype = np.dtype(dtype)
    if dtype.kind == "c":
        real, imaginary = floats(generator, shape), floats(generator, shape)
        return np.asarray(real + 1j * imaginary).astype(dtype)
    if domain == "one-hot":
        return one_hot(generator, shape).astype(dtype)
    if domain == "definite" and len(shape) >= 2 and shape[-1] == shape[-2]:
        factor = _generic(generator, shape)
        product = factor @ np.swapaxes(factor, -1, -2) / shape[-1] + np.eye(shape[-1])
        return np.round((product + np.swapaxes(product, -1, -2)) / 2, 3).astype(dtype)
    if domain == "simplex" and shape:
        weights = np.abs(_generic(generator, shape)) + 0.1
        rows = np.round(weights / weights.sum(axis=-1, keepdims=True), 3)
        rows[..., -1] += 1.0 - rows.sum(axis=-1)
        return np.asarray(np.round(rows, 3)).astype(dtype)
    values = _generic(generator, shape)
    if domain in ("positive", "definite"):
        values = np.abs(values) + 0.1
    elif domain in ("unit", "simplex"):
        values = 0.05 + 0.9 * np.abs(values) / 1.74
        values = np.round(values, 3 if values.size <= 500 else 6)
    return np.asarray(values).astype(dtype)


def integers(
    generator: np.random.Generator, shape: tuple[int, ...], bound: int, *, repeated: bool = False, dtype: Any = np.int64
) -> Array:
    """Integers in [0, bound). As many different ones as fit; with `repeated`, at least one occurs twice.

    A scatter that overwrites where it should add is right as long as no index occurs twice.
    """
    count = math.prod(shape)
    rounds = -(-count // max(bound, 1))
    drawn = np.concatenate([generator.permutation(bound) for _ in range(rounds)] or [np.zeros(0, int)])[:count]
    if repeated and 1 < count <= bound:
        drawn[-1] = drawn[0]
    return drawn.reshape(shape).astype(dtype)


def booleans(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A mask with about two thirds True, and both values where there are two entries or more."""
    count = math.prod(shape)
    mask = np.arange(count) % 3 != 1
    return generator.permutation(mask).reshape(shape)


def one_hot(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Integers 0 and 1, exactly one 1 along the last axis."""
    if not shape:
        return np.ones((), np.int64)
    labels = integers(generator, shape[:-1], shape[-1])
    return np.eye(shape[-1], dtype=np.int64)[labels]


def _generic(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    count = math.prod(shape)
    low, high = _OFF
    if count > 19_000:
        offsets = generator.uniform(low, high, count)
        digits = 6
    else:
        digits = 3 if count <= 190 else 4 if count <= 1_900 else 5
        scale = 10**digits
        offsets = generator.choice(np.arange(round(low * scale), round(high * scale)), count, replace=False) / scale
    centres = _LATTICE * generator.choice(4, count, p=(0.2, 0.3, 0.3, 0.2))
    # Around zero both sides have the same size, so that sizes stay different; elsewhere either side will do.
    sizes = np.where(centres == 0, offsets, centres + offsets * generator.choice((-1.0, 1.0), count))
    signs = generator.choice((-1.0, 1.0), count)
    return np.round(signs * sizes, digits).reshape(shape)
