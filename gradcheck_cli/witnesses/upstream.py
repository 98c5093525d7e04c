"""Random upstream gradients: readable numbers, every element another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.leaves import Path, is_floating, rebuild, walk
from gradcheck_cli.witnesses.gradients import Upstream

SMALLEST, LARGEST = 0.2, 2.0
"""Magnitudes of an upstream gradient's elements: none near zero, so that each output's gradient is felt."""

SPARE = 4
"""The grid of rounded values has at least this many times as many points as there are elements to tell apart."""

STREAM = 0x75
"""Sets this stage's random numbers apart from those of other stages under the same seed."""


def draw_upstream(layer: Layer, case: Case, outputs: tuple[Any, ...]) -> Upstream:
    """Draw cotangents for `outputs`, in their own structure, dtypes and kinds of container.

    Elements are rounded, have magnitudes from 0.2 to 2 and both signs, and no two are equal (as far as the output's
    dtype can tell them apart). Outputs that are not floating get zeros; for JAX's custom rules of dtype `float0`.
    Where `layer.unit_upstream`, every floating element is exactly 1. The same seed and draw give the same numbers.
    """
    floating = [leaf for _, leaf in walk(outputs) if is_floating(leaf)]
    elements = sum(np.size(leaf) * (2 if np.iscomplexobj(leaf) else 1) for leaf in floating)
    values = np.ones(elements) if layer.unit_upstream else _distinct(elements, (case.seed, case.draw, STREAM))
    supply = _Supply(values, unit=layer.unit_upstream)
    return upstream_from(
        layer, outputs, [supply.take(np.shape(leaf), is_complex=np.iscomplexobj(leaf)) for leaf in floating]
    )


def upstream_from(layer: Layer, outputs: tuple[Any, ...], values: Sequence[NDArray[Any]]) -> Upstream:
    """Cotangents for `outputs` with these values, one array a floating leaf, in their own structure and dtypes."""
    supply = iter(values)
    flat: list[NDArray[Any]] = []

    def cotangent(_: Path, leaf: Any) -> Any:
        if not is_floating(leaf):
            return _no_gradient(leaf, layer.is_rule)
        mine = like(leaf, next(supply))
        flat.append(np.array(widened(mine)))
        return mine

    return Upstream(rebuild(outputs, cotangent), tuple(flat))


def widened(leaf: Any) -> NDArray[Any]:
    """`leaf` as a float64 or complex128 array, whatever floating dtype it has; itself where it is one."""
    array = np.asarray(leaf)
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64, copy=False)


def like(leaf: Any, values: NDArray[Any]) -> Any:
    """`values` in the dtype and the kind of `leaf`: array, NumPy scalar, Python number or JAX array."""
    if isinstance(leaf, (float, complex)) and not isinstance(leaf, np.generic):
        return type(leaf)(values[()])
    if isinstance(leaf, np.generic):
        return leaf.dtype.type(values[()])
    if isinstance(leaf, np.ndarray):
        return values.astype(leaf.dtype)
    import jax.numpy as jnp

    return jnp.asarray(values.astype(leaf.dtype))


class _Supply:
    """Hands out `values` in order."""

    def __init__(self, values: NDArray[np.float64], *, unit: bool) -> None:
        self._values = values
        self._position = 0
        self._unit = unit

    def take(self, shape: tuple[int, ...], *, is_complex: bool) -> NDArray[Any]:
        real = self._next(shape)
        if not is_complex:
            return real
        # A unit upstream is the number one, not 1 + 1i.
        both: NDArray[np.complex128] = real + 1j * self._next(shape) * (not self._unit)
        return both

    def _next(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        start = self._position
        self._position += int(np.prod(shape, dtype=np.int64))
        return self._values[start : self._position].reshape(shape)


def _distinct(count: int, seed: tuple[int, ...]) -> NDArray[np.float64]:
    """`count` different rounded numbers of both signs, with 0.2 ≤ |number| ≤ 2, in random order.

    One number is taken from each of `count` equal parts of the grid of rounded numbers: linear in time and memory.
    """
    if count == 0:
        return np.zeros(0)
    rng = np.random.default_rng(seed)
    decimals = max(2, int(np.ceil(np.log10(SPARE * count / (2 * (LARGEST - SMALLEST))))))
    unit = 10**decimals
    low, high = round(SMALLEST * unit), round(LARGEST * unit)
    points = 2 * (high - low + 1)
    part = points // count
    chosen = (np.arange(count) * points) // count + rng.integers(0, part, count)
    negative = chosen >= points // 2
    magnitudes = low + np.where(negative, chosen - points // 2, chosen)
    values: NDArray[np.float64] = np.where(negative, -magnitudes, magnitudes) / unit
    rng.shuffle(values)
    if count == 1 and rng.random() < 0.5:
        values = -values
    return values


def _no_gradient(leaf: Any, custom_rule: bool) -> Any:
    if custom_rule and hasattr(leaf, "dtype"):
        import jax

        return np.zeros(np.shape(leaf), jax.dtypes.float0)
    if isinstance(leaf, np.ndarray):
        return np.zeros_like(leaf)
    if isinstance(leaf, (bool, int, np.generic)):
        return type(leaf)(0)
    if hasattr(leaf, "dtype"):
        import jax.numpy as jnp

        return jnp.zeros_like(leaf)
    return leaf
