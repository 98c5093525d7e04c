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

_DIGITS = 7
"""Decimals that values of size one have at most."""

_MOST_DECIMALS = 290
"""Beyond these no power of ten is a float64."""


def floats(
    generator: np.random.Generator,
    shape: tuple[int, ...],
    domain: str = "",
    dtype: Any = np.float64,
    magnitude: float = 1.0,
) -> Array:
    """Readable floats of `shape` in `domain` (`ArgumentShape.domain`).

    Without a domain: signs mixed, 0.05 ≤ |x| ≤ 1.74, three decimals up to 190 entries and more above. As long as
    there are few enough (190·10^k), no two entries are equal in size, and no entry, sum or difference of two entries
    is a multiple of 0.5, so that a maximum, an absolute value and a hinge with a margin of 1 are off their kinks.

    All of it is multiplied by `magnitude`, unless the domain fixes the size: inside 0..1, rows that sum to one.
    A complex dtype gets an imaginary part of the same kind, which a domain does not bind; a definite matrix is then
    Hermitian.
    """
    dtype = np.dtype(dtype)
    scaled = 1.0 if domain in SIZED else magnitude
    real = _real(generator, shape, domain)
    values = _times(real, scaled)
    if dtype.kind == "c" and domain != "one-hot":
        imaginary = _generic(generator, shape)
        if domain == "definite" and _is_square(shape):
            # Skew, and small enough that the diagonal of the real part, above 1, keeps the matrix definite.
            imaginary = np.round((imaginary - np.swapaxes(imaginary, -1, -2)) / (8 * shape[-1]), 3)
        return np.asarray(values + 1j * _times(imaginary, scaled)).astype(dtype)
    return np.asarray(values).astype(dtype)


SIZED = frozenset({"unit", "simplex", "one-hot"})
"""Domains that fix how large values are."""


def _is_square(shape: tuple[int, ...]) -> bool:
    return len(shape) >= 2 and shape[-1] == shape[-2]


def _real(generator: np.random.Generator, shape: tuple[int, ...], domain: str) -> NDArray[np.float64]:
    if domain == "one-hot":
        return one_hot(generator, shape).astype(np.float64)
    if domain == "definite" and _is_square(shape):
        factor = _generic(generator, shape)
        product = factor @ np.swapaxes(factor, -1, -2) / shape[-1] + np.eye(shape[-1])
        return np.asarray(np.round((product + np.swapaxes(product, -1, -2)) / 2, 3))
    if domain == "simplex" and shape:
        weights = np.abs(_generic(generator, shape)) + 0.1
        rows = np.round(weights / weights.sum(axis=-1, keepdims=True), 3)
        rows[..., -1] += 1.0 - rows.sum(axis=-1)
        return np.asarray(np.round(rows, 3))
    values = _generic(generator, shape)
    if domain in ("positive", "definite"):
        values = np.abs(values) + 0.1
    elif domain == "negative":
        values = -np.abs(values) - 0.1
    elif domain in ("unit", "simplex"):
        values = 0.05 + 0.9 * np.abs(values) / 1.74
        values = np.round(values, 3 if values.size <= 500 else 6)
    return np.asarray(values)


def _times(values: NDArray[np.float64], magnitude: float) -> NDArray[np.float64]:
    """The product, with no digit that the factors do not have: 0.123 · 1e-6 is 1.23e-07, not 1.2299999999999999e-07."""
    if magnitude == 1.0:
        return values
    decimals = _DIGITS - math.floor(math.log10(magnitude))
    product = values * magnitude
    if abs(decimals) > _MOST_DECIMALS:
        return product
    return np.asarray(np.round(product, decimals))


def integers(
    generator: np.random.Generator, shape: tuple[int, ...], bound: int, *, repeated: bool = False, dtype: Any = np.int64
) -> Array:
    """Integers in [0, bound). As many different ones as fit; with `repeated`, at least one occurs twice.

    A scatter that overwrites where it should add is right as long as no index occurs twice. Neither is at an end, where
    there is room: what is lost there could as well be the first or the last element that a loop misses.
    """
    count = math.prod(shape)
    rounds = -(-count // max(bound, 1))
    drawn = np.concatenate([generator.permutation(bound) for _ in range(rounds)] or [np.zeros(0, int)])[:count]
    if repeated and 1 < count <= bound:
        end = int(count > 3)
        drawn[count - 1 - end] = drawn[end]
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
        return _many(generator, count).reshape(shape)
    digits = 3 if count <= 190 else 4 if count <= 1_900 else 5
    scale = 10**digits
    offsets = generator.choice(np.arange(round(low * scale), round(high * scale)), count, replace=False) / scale
    centres = _LATTICE * generator.choice(4, count, p=(0.2, 0.3, 0.3, 0.2))
    # Around zero both sides have the same size, so that sizes stay different; elsewhere either side will do.
    sizes = np.where(centres == 0, offsets, centres + offsets * generator.choice((-1.0, 1.0), count))
    signs = generator.choice((-1.0, 1.0), count)
    return np.asarray(np.round(signs * sizes, digits)).reshape(shape)


def _many(generator: np.random.Generator, count: int) -> NDArray[np.float64]:
    """The same numbers, some of them alike, in a fifth of the time: what is chosen for each is looked up."""
    values = generator.uniform(*_OFF, count)
    chosen = generator.integers(0, len(_CHOICES), count, dtype=np.uint8)
    values *= _FACTORS[chosen]
    values += _CENTRES[chosen]
    return np.asarray(np.round(values, 6, out=values))


_CHOICES = [
    (sign, side, centre)
    for centre, often in ((0, 13), (1, 19), (2, 19), (3, 13))
    for sign in (-1.0, 1.0)
    for side in (-1.0, 1.0)
    for _ in range(often)
]
"""Sign, side of the centre and centre, each as often as it is to be met; 256, so that a random byte chooses."""
_FACTORS = np.array([sign * (side if centre else 1.0) for sign, side, centre in _CHOICES])
_CENTRES = np.array([sign * centre * _LATTICE for sign, _, centre in _CHOICES])
