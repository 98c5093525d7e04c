"""Numbers on a computation graph: a scalar by two decimals, a small array written out, a large one by its range."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.report.numbers import brief

Array = NDArray[Any]

MOST_WRITTEN = 4
"""Elements up to which an array is written out."""
_DIGITS = 3


def figure(array: Any) -> str:
    """`0.73`, `[2, -3, -3]`, `3×7 from -2.1 to 1.4`; a dash for None."""
    if array is None:
        return "–"
    known = np.asarray(array)
    if 0 < known.size <= MOST_WRITTEN:
        return _written(known)
    return _with_shape(known, _span(known))


def measure(array: Any) -> str:
    """The same where there is little room, a large array by its norm: `3×7 ‖2.1‖`."""
    if array is None:
        return "–"
    known = np.asarray(array)
    if 0 < known.size <= MOST_WRITTEN:
        return _written(known)
    return _with_shape(known, f"‖{brief(norm(known))}‖" if known.size and _has_numbers(known) else "")


def scalar(value: Any) -> str:
    """Two decimals from 0.01 to 1000, three significant digits beyond; whole numbers and truth values as they are."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (complex, np.complexfloating)):
        imaginary = scalar(float(value.imag))
        return f"{scalar(float(value.real))}{'' if imaginary.startswith('-') else '+'}{imaginary}j"
    try:
        real = float(value)
    except (TypeError, ValueError):
        return str(value)
    if 0.01 <= abs(real) <= 1000:
        return f"{real:.2f}"
    return brief(real, _DIGITS)


def shape_figure(shape: Sequence[int]) -> str:
    """`3×7`; `(7,)` for one axis, which alone would read as a number; "" for a scalar."""
    if len(shape) == 1:
        return f"({shape[0]},)"
    return "×".join(map(str, shape))


def is_number(formula: str) -> bool:
    """A local gradient in words that says the number itself: `1`, `-1`."""
    return formula.lstrip("-").replace(".", "", 1).isdigit()


def norm(array: Array) -> float:
    """The Euclidean norm of all elements, NaN where one is."""
    values = np.abs(_wide(array)).ravel()
    largest = float(values.max(initial=0.0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.sum((values / largest) ** 2)))  # squares alone may overflow


def _written(array: Array) -> str:
    wide = array if array.dtype.kind in "biufc" else _wide(array)
    if wide.ndim == 0:
        return scalar(wide[()])
    is_whole = wide.dtype.kind == "f" and bool(np.all(np.isfinite(wide) & (wide == np.round(wide)) & (abs(wide) < 1e6)))
    return _nested((wide.astype(np.int64) if is_whole else wide).tolist())


def _nested(values: Any) -> str:
    return "[" + ", ".join(map(_nested, values)) + "]" if isinstance(values, list) else scalar(values)


def _with_shape(array: Array, words: str) -> str:
    shape = shape_figure(array.shape)
    return f"{shape} {words}" if words else f"{shape} empty" if array.size == 0 else f"{shape} {array.dtype}"


def _span(array: Array) -> str:
    if array.size == 0 or not _has_numbers(array):
        return ""
    if array.dtype.kind == "c":
        return f"‖{brief(norm(array))}‖"
    wide = _wide(array)
    finite = wide[np.isfinite(wide)]
    if finite.size == 0:
        return "nothing finite"
    least, largest = float(finite.min()), float(finite.max())
    span = f"all {brief(least)}" if least == largest else f"from {brief(least)} to {brief(largest)}"
    lost = array.size - finite.size
    return f"{span}, {lost:,} not finite" if lost else span


def _has_numbers(array: Array) -> bool:
    return array.dtype.kind in "biufc" or "float" in str(array.dtype)


def _wide(array: Array) -> Array:
    """In float64 (complex128), so that sums of half-precision numbers do not overflow."""
    if array.dtype.kind == "c":
        return array.astype(np.complex128)
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError):
        return np.full(array.shape, np.nan)
