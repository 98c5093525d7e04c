"""The arrays that reproduce a failure: small ones as text to copy, large ones by shape and statistics."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.numbers import brief
from gradcheck_cli.report.shapes import shape_text

MOST_COPIED = 60
"""Elements up to which an array is printed to be copied."""
_LONGEST_TEXT = 300
_IMPLIED = {"float64", "int64", "bool", "complex128"}
"""The dtypes that `np.array` gives such literals by itself."""


def assignment(name: str, value: object, dimensions: tuple[str, ...], width: int, most: int = MOST_COPIED) -> str:
    """`x = np.array([[1.2, ...]])`, or `x: float64 (N=32, D=64), from -2.1 to 2.3, mean 0.01` for a large array."""
    array = _as_array(value)
    if array is None:
        return f"{name} = {container_text(value)}"
    if array.size > most:
        return f"{name}: {statistics(array, dimensions)}"
    return f"{name} = {array_text(array, width, len(name) + 3)}"


def array_text(array: NDArray[Any], width: int, indent: int = 0) -> str:
    """`np.array(...)`, in lines of at most `width` columns that start under the first bracket."""
    suffix = "" if str(array.dtype) in _IMPLIED else f', dtype="{array.dtype}"'
    if array.ndim == 0:
        return f"np.array({_literals(repr(array.item()))}{suffix})"
    if array.size == 0:
        return f'np.empty({array.shape}, dtype="{array.dtype}")'
    beside = _nested(array, indent + len("np.array("), 10_000)
    first, *others = beside.split("\n")
    if max([indent + len("np.array(") + len(first), *map(len, others)]) + len(suffix) + 1 <= width:
        return f"np.array({beside}{suffix})"
    return f"np.array(\n    {_nested(array, 4, width - len(suffix) - 1)}{suffix})"


def _nested(array: NDArray[Any], margin: int, width: int) -> str:
    """The array as nested lists, every entry to the last digit that tells it apart, entries flush right."""
    longest = max(len(str(entry)) for entry in array.flat)
    text = np.array2string(
        array,
        separator=", ",
        prefix=" " * margin,
        max_line_width=max(width, margin + longest + 2 * array.ndim + 2),
        threshold=array.size + 1,
        formatter={"all": lambda entry: str(entry).rjust(longest)},
    )
    return _literals(text)


def statistics(array: NDArray[Any], dimensions: tuple[str, ...]) -> str:
    """Dtype, shape, range and mean of an array that is too large to print; how many entries are not finite."""
    head = f"{array.dtype} {shape_text(array.shape, dimensions)}"
    if array.dtype.kind not in "fiub" or array.size == 0:
        return head
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    if finite.size == 0:
        return f"{head}, nothing finite"
    middle = f", mean {brief(float(np.mean(finite, dtype=np.float64)), 3)}" if array.dtype.kind == "f" else ""
    lost = array.size - finite.size
    rest = f", {lost:,} not finite" if lost else ""
    return f"{head}, from {brief(float(finite.min()), 3)} to {brief(float(finite.max()), 3)}{middle}{rest}"


def container_text(value: object) -> str:
    """A configuration or a nest of arrays in one line, arrays inside it short enough to copy or by their shapes."""
    text = _container(value)
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT].rstrip() + " ..."


def _container(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{one_line(repr(key))}: {_container(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        opening, closing = ("[", "]") if isinstance(value, list) else ("(", ",)" if len(value) == 1 else ")")
        return opening + ", ".join(_container(item) for item in value) + closing
    array = _as_array(value)
    if array is None:
        return one_line(_safe_repr(value))
    if array.size <= MOST_COPIED // 4:
        return re.sub(r"\s*\n\s*", " ", array_text(array, 10_000))
    return f"<{statistics(array, ())}>"


def _as_array(value: object) -> NDArray[Any] | None:
    """NumPy and JAX arrays; plain numbers stay as they are."""
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "fiubc" or "float" in str(value.dtype) else None
    if hasattr(value, "dtype") and hasattr(value, "shape") and hasattr(value, "__array__"):
        try:
            return np.asarray(value)
        except Exception:  # a stranger's __array__ may raise anything, and a report must be shown all the same
            return None
    return None


def _literals(text: str) -> str:
    """`nan` and `inf` as NumPy spells them, so that the text can be pasted."""
    return re.sub(r"\b(nan|inf)\b", r"np.\1", text)


def _safe_repr(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # the user's own __repr__
        return f"<{type(value).__name__}>"
