"""The user's values as what is kept of them: plain arrays, the text of what is none, and a digest of all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.leaves import floating_kind, leaf_name, walk
from gradcheck_cli.saved.model import Held, KeptInput

Array = NDArray[Any]

_LONGEST_SHOWN = 2_000
"""Characters kept of how an argument shows itself that is no array."""

_DOUBLE, _DOUBLE_COMPLEX = 8, 16


def inputs_of(arguments: Mapping[str, Any], dimensions: Mapping[str, tuple[str, ...]]) -> Iterator[KeptInput]:
    """Every array of these, by its name; `dimensions` by those."""
    for argument, value in arguments.items():
        for path, leaf in walk(value):
            name = leaf_name(argument, path)
            array = plain(leaf) if hasattr(leaf, "dtype") else None
            if array is None:
                yield KeptInput(name, shown=_shown_text(leaf))
                continue
            named = dimensions.get(name, ())
            yield KeptInput(name, named if len(named) == array.ndim else (), array=Held(array))


def plain(value: Any) -> Array | None:
    """As an array of numbers that any NumPy can read, in its own byte order; None for what is none.

    Narrow dtypes of `ml_dtypes` become float32, long doubles float64.
    """
    try:
        array = np.asarray(value)
        if array.dtype.kind == "O":
            if not all(isinstance(item, Number) for item in array.flat):
                return None
            array = array.astype(np.complex128)
            array = array if np.any(array.imag) else array.real
        elif array.dtype.kind not in "biufc":
            if not floating_kind(array.dtype):
                return None
            array = array.astype(np.float32)
    except Exception:  # a stranger's __array__ and __complex__ may raise anything
        return None
    if array.dtype.kind == "f" and array.dtype.itemsize > _DOUBLE:
        array = array.astype(np.float64)
    elif array.dtype.kind == "c" and array.dtype.itemsize > _DOUBLE_COMPLEX:
        array = array.astype(np.complex128)
    # (`ascontiguousarray` would give an axis to what has none)
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def digest_of_draw(arguments: Mapping[str, Any], cotangents: Sequence[Any]) -> str:
    """Of all that goes into a draw."""
    return digest_of([*arguments.items(), *((f"{at}", each) for at, each in enumerate(cotangents))])


def digest_of(arguments: Iterable[tuple[str, Any]]) -> str:
    """Of all that goes in, so that two runs know whether they had the same."""
    digest = hashlib.sha256()
    for argument, value in arguments:
        for path, leaf in walk(value):
            array = plain(leaf) if hasattr(leaf, "dtype") else None
            said = _shown_text(leaf) if array is None else f"{array.dtype.str} {array.shape}"
            digest.update(f"{leaf_name(argument, path)} {said}\0".encode("utf-8", "backslashreplace"))
            if array is not None:
                digest.update(array.data if array.size else b"")
    return digest.hexdigest()


def _shown_text(value: Any) -> str:
    try:
        return repr(value)[:_LONGEST_SHOWN]
    except Exception:  # the user's own __repr__
        return f"<{type(value).__name__}>"
