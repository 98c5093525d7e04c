"""Patterns of extreme values: from a drawn array to one of its shape that is large, tiny, constant or nearly so."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LARGE = (1e3, 1e6)
TINY = 1e-6
SMALL_SHARE = 1e-3
"""What the other entries are, relative to a dominant one."""


@dataclass(frozen=True)
class Limits:
    """What a floating dtype holds.

    Attributes:
        logarithm: of its largest number: `exp` overflows above it.
        largest, smallest: positive numbers, the smallest normal one.
        epsilon: the spacing at one.
    """

    logarithm: float
    largest: float
    smallest: float
    epsilon: float


def limits(dtype: np.dtype[Any]) -> Limits:
    """The limits of a floating or complex dtype, bfloat16 and its kin included."""
    try:
        info: Any = np.finfo(dtype)
    except ValueError:
        import ml_dtypes

        info = ml_dtypes.finfo(dtype)
    largest = float(info.max)
    return Limits(math.log(largest), largest, float(info.smallest_normal), float(info.eps))


@dataclass(frozen=True)
class Pattern:
    """One kind of extreme values.

    Attributes:
        kind: what family it belongs to: `large`, `tiny`, `zero`, `equal`, `uneven`, `near`.
        words: for the report.
        values: (the drawn values in float64 or complex128, the magnitude) to the extreme ones.
        is_scaled: they are the magnitude times others.
    """

    kind: str
    words: str
    values: Callable[[Array, float], Array]
    is_scaled: bool = False

    def of(self, drawn: Array, magnitude: float | None) -> Array:
        """The extreme values, not yet in the array's own dtype."""
        wide = drawn.astype(np.complex128 if drawn.dtype.kind == "c" else np.float64)
        return np.asarray(self.values(wide, 1.0 if magnitude is None else magnitude)).reshape(drawn.shape)


Ranked = tuple[Pattern, float | None]


def patterns(domain: str, limits: Limits, *, chosen: bool, is_complex: bool, denormals: bool) -> Iterator[Ranked]:
    """The patterns of a domain (`ArgumentShape.domain`) with their magnitudes, the most ordinary first.

    Args:
        domain: which values are legal.
        limits: of the dtype that the values are in.
        chosen: the user chose the values: they are only made larger and smaller.
        is_complex: likewise, and made zero and equal.
        denormals: numbers below the smallest normal one too.
    """
    if domain == "one-hot":
        yield first_class(), None
    elif domain == "simplex":
        yield from ((pattern, magnitude) for pattern in (_NEARLY_CERTAIN,) for magnitude in _near(limits))
        yield _UNIFORM, None
    elif domain == "unit":
        yield from ((pattern, magnitude) for pattern in (_ENDS, _NEAR_ZERO, _NEAR_ONE) for magnitude in _near(limits))
        yield _BOUNDS, None
        yield _HALF, None
    elif domain in ("definite", "negative") or chosen:
        yield from ((_SCALED, magnitude) for magnitude in (LARGE[1], TINY) if magnitude < limits.largest / 10)
    else:
        yield from _free(domain, limits, is_complex, denormals)


def integers(low: int, high: int) -> Iterator[tuple[str, Pattern]]:
    """Integers from `low` to `high` at their bounds: all the first, all the last, and both by turns."""
    for words, values in (("all at their lower bound", (low,)), ("all at their upper bound", (high,))):
        yield words, Pattern("integer", words, _by_turns(*values))
    if high > low:
        words = "at both of their bounds"
        yield words, Pattern("integer", words, _by_turns(low, high))


def first_class() -> Pattern:
    """One-hot rows that all name the first class."""
    return Pattern("integer", "one label for all", lambda x, _: np.broadcast_to(np.eye(1, x.shape[-1]), x.shape))


def exponents(limits: Limits) -> tuple[float, float]:
    """Two sizes of logits: below the one where `exp` overflows, so that sums and products do, and above it."""
    return _one_digit(0.7 * limits.logarithm), _one_digit(1.4 * limits.logarithm)


def _free(domain: str, limits: Limits, is_complex: bool, denormals: bool) -> Iterator[Ranked]:
    below, above = exponents(limits)
    is_positive = domain == "positive"
    sizes = sorted({below, above, *(size for size in LARGE if size < limits.largest / 10)})
    yield from ((_SCALED, size) for size in sizes)
    if not is_positive:
        yield _ZERO, None
    yield _EQUAL, None
    if not is_complex:
        yield _ALTERNATING if not is_positive else _ALL_LARGE, above
        yield _ALL_LARGE, above
        if not is_positive:
            yield _ALL_NEGATIVE, above
        yield _DOMINANT, above
        offset = 10.0 ** round(-0.45 * math.log10(limits.epsilon))
        yield _OFFSET, offset
        yield _NEARLY_CONSTANT, 1 / offset
    yield from ((_TINY, size) for size in _tiny(limits, denormals))


def _tiny(limits: Limits, denormals: bool) -> list[float]:
    """Small; so small that squares underflow; and denormal."""
    squares = 1e-6 * 10.0 ** math.floor(math.log10(math.sqrt(limits.smallest)))
    sizes = [size for size in (TINY, squares) if size > limits.smallest] + [limits.smallest / 64] * denormals
    return sorted(sizes, reverse=True)


def _near(limits: Limits) -> list[float]:
    """How near to zero or one."""
    return sorted({max(TINY, 2 * limits.epsilon), 2 * limits.epsilon}, reverse=True)


def _one_digit(size: float) -> float:
    return float(f"{size:.1g}")


def _size(x: Array) -> float:
    largest = float(np.max(np.abs(x), initial=0.0))
    return largest if largest > 0 else 1.0


def _shares(x: Array) -> Array:
    """Two digits each, the largest 1: what is printed can be read."""
    shares = x / _size(x)
    return np.where(np.abs(shares) < 0.01, shares, np.round(shares, 2))


def _by_turns(*values: float) -> Callable[[Array, float], Array]:
    return lambda x, size: np.resize(np.array(values, dtype=np.float64) * size, x.size).reshape(x.shape)


def _dominant(x: Array, size: float) -> Array:
    """The largest entry (in every row, where there are rows) at this size, the rest small."""
    small = SMALL_SHARE * np.abs(_shares(x))
    if not x.size:
        return small
    rows = small.reshape(-1, x.shape[-1]) if x.ndim else small.reshape(1, 1)
    rows[np.arange(len(rows)), np.argmax(rows, axis=1)] = size
    return rows.reshape(x.shape)


def _nearly_certain(x: Array, away: float) -> Array:
    rows = np.full(x.shape, away / max(x.shape[-1] - 1, 1))
    np.put_along_axis(rows, np.argmax(x, axis=-1)[..., None], 1 - away, axis=-1)
    return rows


def _rows_equal(x: Array, _: float) -> Array:
    """Each row the value of its first entry: a row's variance is zero, and its maximum is everywhere."""
    return np.broadcast_to(x[..., :1], x.shape) if x.ndim else x


_SCALED = Pattern("large", "large", lambda x, size: size * _shares(x), is_scaled=True)
_TINY = Pattern("tiny", "tiny", lambda x, size: size * _shares(x), is_scaled=True)
_ZERO = Pattern("zero", "all zero", lambda x, _: np.zeros_like(x))
_EQUAL = Pattern("equal", "rows of equal entries", _rows_equal)
_ALL_LARGE = Pattern("uneven", "all equal and large", lambda x, size: np.full(x.shape, size), is_scaled=True)
_ALL_NEGATIVE = Pattern("uneven", "all equal, large and negative", lambda x, size: np.full(x.shape, -size))
_ALTERNATING = Pattern("uneven", "large, with alternating signs", _by_turns(1.0, -1.0), is_scaled=True)
_DOMINANT = Pattern("uneven", "small but for one large entry a row", _dominant)
_OFFSET = Pattern("uneven", "far from zero for their spread", lambda x, size: size + _shares(x))
_NEARLY_CONSTANT = Pattern("near", "nearly constant", lambda x, size: 1 + size * _shares(x))
_NEAR_ZERO = Pattern("near", "near 0", lambda x, size: size * _shares(x))
_NEAR_ONE = Pattern("near", "near 1", lambda x, size: 1 - size * _shares(x))
_ENDS = Pattern("near", "near 0 and 1", lambda x, size: np.resize(np.array([size, 1 - size]), x.size).reshape(x.shape))
_BOUNDS = Pattern("near", "0 and 1 themselves", _by_turns(0.0, 1.0))
_HALF = Pattern("equal", "all equal", lambda x, _: np.full(x.shape, 0.5))
_NEARLY_CERTAIN = Pattern("near", "nearly certain", _nearly_certain)
_UNIFORM = Pattern("equal", "all equal", lambda x, _: np.full(x.shape, 1 / max(x.shape[-1], 1)))
