"""A Jacobian at one draw, beside the arrays that it may be made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ROUNDING = 1e-9
"""Of the largest entry: what is closer is the same."""


@dataclass(frozen=True)
class Named:
    """An array with the user's name and, where they are known, the names of its axes."""

    name: str
    value: Array
    dimensions: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return tuple(self.value.shape)

    def dimension(self, axis: int) -> str:
        """The axis's name, "" where it has none."""
        return self.dimensions[axis] if len(self.dimensions) == self.value.ndim else ""


@dataclass(frozen=True, eq=False)
class Seen:
    """One Jacobian at one draw.

    Attributes:
        matrix: (output elements × argument elements).
        arrays: every numeric array of the case, the argument among them.
        sizes: by dimension name.
        is_block: it is a block of another one: no products of two arrays are looked for in it.
        known: what was computed of it before.
    """

    matrix: Array
    output: Named
    argument: Named
    arrays: tuple[Named, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    is_block: bool = False
    known: dict[str, Any] = field(init=False, default_factory=dict, repr=False)

    @property
    def tensor(self) -> Array:
        """The matrix with the output's axes, then the argument's."""
        return self.matrix.reshape(self.output.shape + self.argument.shape)

    @property
    def upstream(self) -> str:
        """The letter of what is differentiated in the end: `e`, unless something here is called so."""
        return "L" if "e" in (self.output.name, self.argument.name) else "e"

    @property
    def scale(self) -> float:
        """The largest entry."""
        return float(np.abs(self.matrix).max(initial=0.0))

    def same(self, found: Array, expected: Array | float) -> bool:
        """Whether these agree up to rounding, on the scale of the largest entry."""
        return bool(np.all(np.abs(found - expected) <= ROUNDING * self.scale))


def number(value: float) -> str:
    """Four digits, as few as it needs: `0.37`, `-2`, `1.2e-05`."""
    return f"{value + 0.0:.4g}"


def constant(value: float, seen: Seen) -> str:
    """A factor as a student would write it: `1/N`, `2`, `-1/2`; four digits where it is none of those."""
    size = abs(value)
    sign = "-" if value < 0 else ""
    if _near(size, round(size)) and 1 <= size <= 1000:
        return f"{sign}{round(size)}"
    inverse = 1 / size if size else math.inf
    named = [(name, length) for name, length in seen.sizes.items() if length > 1]
    products = [*named, *((f"({a} {b})", m * n) for k, (a, m) in enumerate(named) for b, n in named[k + 1 :])]
    for name, length in products:
        if _near(inverse, length):
            return f"{sign}1/{name}"
        if _near(inverse * 2, length):
            return f"{sign}2/{name}"
    for upper in (1, 2, 3):
        lower = inverse * upper
        if _near(lower, round(lower)) and lower <= 1000:
            return f"{sign}{upper}/{round(lower)}"
    return number(value)


def _near(value: float, whole: float) -> bool:
    return math.isfinite(value) and abs(value - whole) <= 1e-9 * max(1.0, abs(whole))
