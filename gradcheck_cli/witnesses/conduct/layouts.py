"""The same values in other memory: Fortran order, a slice of a larger array, reversed, read-only, stride zero."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.layer import Role
from gradcheck_cli.layers.leaves import fresh, rebuild

BETWEEN = 1e3
"""What lies in the gaps of a sliced array: code that reads memory in place of elements meets it."""


class Layout(StrEnum):
    """How an array lies in memory; the words are those of the report."""

    FORTRAN = "Fortran-ordered"
    SLICED = "sliced (every other element of a larger array)"
    REVERSED = "reversed (a view with negative strides)"
    READ_ONLY = "read-only"


def laid_out(array: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """A new array with the same values in this layout; a plain copy where the layout makes no difference."""
    if layout is Layout.READ_ONLY:
        copy = array.copy(order="K")
        copy.flags.writeable = False
        return copy
    if array.ndim == 0 or array.dtype.hasobject:
        return array.copy()
    if layout is Layout.FORTRAN:
        return np.array(array, order="F")
    if layout is Layout.REVERSED:
        backwards = (slice(None, None, -1),) * array.ndim
        turned: NDArray[Any] = array[backwards].copy()[backwards]
        return turned
    around = np.full((*array.shape[:-1], 2 * array.shape[-1]), BETWEEN if array.dtype.kind in "fc" else 0, array.dtype)
    inner: NDArray[Any] = around[..., ::2]
    inner[...] = array
    return inner


def arguments_in(case: Case, layout: Layout, without: Collection[str] = ()) -> dict[str, Any]:
    """Copies of the case's arguments, those that hold arrays in this layout, but for `without` and configuration."""
    plain = {item.name for item in case.layer.arguments if item.role in (Role.CONFIG, Role.SIZE)}
    plain = (plain - set(case.differentiable)) | set(without)
    return {
        name: fresh(value) if name in plain else rebuild(value, _in(layout)) for name, value in case.arguments.items()
    }


def upstream_in(cotangents: tuple[Any, ...], layout: Layout) -> tuple[Any, ...]:
    """Copies of the upstream gradients in this layout."""
    return tuple(rebuild(cotangent, _in(layout)) for cotangent in cotangents)


def first_row(cotangents: tuple[Any, ...], *, view: bool) -> tuple[Any, ...]:
    """Upstream gradients that are the same along their first axis: as a view of stride zero, or written out."""

    def spread(_: Any, leaf: Any) -> Any:
        if not isinstance(leaf, np.ndarray) or leaf.ndim == 0 or leaf.size == 0:
            return fresh(leaf)
        spread_out = np.broadcast_to(leaf[:1].copy(), leaf.shape)
        return spread_out if view else spread_out.copy()

    return tuple(rebuild(cotangent, spread) for cotangent in cotangents)


def has_arrays(values: Mapping[str, Any] | tuple[Any, ...]) -> bool:
    """Whether any of these holds a NumPy array of at least one axis, whose memory can be laid out otherwise."""
    found: list[bool] = []
    for value in values.values() if isinstance(values, Mapping) else values:
        rebuild(value, lambda _, leaf: found.append(isinstance(leaf, np.ndarray) and leaf.ndim > 0))
    return any(found)


def _in(layout: Layout) -> Callable[[Any, Any], Any]:
    return lambda _, leaf: laid_out(leaf, layout) if isinstance(leaf, np.ndarray) else fresh(leaf)
