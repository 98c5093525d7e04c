"""A function's pull-back, and the formulas that stand for it by mistake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.diagnose.gates.reverse import Array

ASYMMETRIC = "{leaves} out that the matrix of {place} is made symmetric", "make it symmetric: (S + S.T) / 2"
"""Of a gradient, and its mend."""

Back = Callable[[Array], tuple[Array, ...]]
"""From the gradient of a function's result to those of its operands."""


@dataclass(frozen=True)
class Formula:
    """A wrong pull-back.

    Attributes:
        ends: the operands that it is used for; the others get their right gradient.
        said, mend: as a `Slip` says them.
        code: of the rule; GC208 where a local derivative is replaced.
    """

    key: str
    back: Back
    said: str
    mend: str = ""
    ends: tuple[int, ...] = (0,)
    code: str = "GC208"


@dataclass(frozen=True)
class Pulled:
    """A function at one place: its pull-back there, and the wrong ones, the likeliest first."""

    name: str
    right: Back
    wrong: tuple[Formula, ...]


def of_one(back: Callable[[Array], Array]) -> Back:
    """The pull-back of a function with one operand."""
    return lambda above: (np.asarray(back(above)),)


def is_close(one: Array, other: Array) -> bool:
    """Whether the two are one but for rounding."""
    if one.shape != other.shape:
        return False
    size = float(np.abs(other).max(initial=0.0))
    # numbers that are all 0, as what has run out of digits, say nothing
    return 0 < size < np.inf and bool((np.abs(one - other) <= 1e-9 * size).all())


def symmetric(array: Array) -> Array:
    """The symmetric part of each matrix of a stack."""
    return np.asarray((array + turned(array)) / 2)


def turned(array: Array) -> Array:
    """Each matrix of a stack transposed."""
    return np.swapaxes(array, -1, -2)


def is_square(array: Array) -> bool:
    """Whether it is a matrix, or a stack of them, with as many rows as columns."""
    return array.ndim >= 2 and array.shape[-1] == array.shape[-2] > 1
