"""When two gradients of one leaf, both the user's own, are not the same: beyond what rounding does to them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.noise.tolerance import unmeasured_rounding
from gradcheck_cli.judge.verdict import LeafVerdict
from gradcheck_cli.judge.words import index_text, pair
from gradcheck_cli.witnesses.conduct.situations import Gradients

Array = NDArray[Any]
Part = slice | NDArray[np.int64]


@dataclass(frozen=True)
class Apart:
    """Where two gradients part: how many elements, and the worst of them; `shapes` where even those differ."""

    count: int
    total: int
    index: tuple[int, ...]
    got: float | complex
    wanted: float | complex
    shapes: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    @property
    def numbers(self) -> str:
        """`3 of 12 elements, worst at [1, 2]: 0.5 against 0.25`."""
        if self.shapes is not None:
            return f"shape {self.shapes[0]} against {self.shapes[1]}"
        got, wanted = pair(self.got, self.wanted)
        place = f"worst at {index_text(self.index)}: " if self.index else ""
        among = f"{self.count:,} of {self.total:,} elements, " if self.total > 1 else ""
        return f"{among}{place}{got} against {wanted}"


@dataclass(frozen=True)
class Allowed:
    """How far elements may be apart: at least `least`, all of them; and by how much, those of a part of the array.

    Most comparisons are of gradients that are the same to the last digit, so that `least` is all that is asked for.
    """

    least: float
    at: Callable[[Part], NDArray[np.float64]]
    """Of a part of the flattened array."""

    def __rmul__(self, factor: float) -> Allowed:
        return Allowed(factor * self.least, lambda part: factor * self.at(part))

    def __add__(self, other: Allowed) -> Allowed:
        return Allowed(self.least + other.least, lambda part: self.at(part) + other.at(part))


def evenly(amount: float) -> Allowed:
    """The same for all elements."""
    return Allowed(amount, lambda _: np.array(amount))


def at_least(allowed: Allowed, own: NDArray[np.float64]) -> Allowed:
    """What is allowed, or, where that is more, what each element may be off by."""
    return Allowed(allowed.least, lambda part: np.fmax(allowed.at(part), own.reshape(-1)[part]))


def rounding(leaf: LeafVerdict, gradient: Array) -> Allowed:
    """How far the user's own gradient may move from one call to the next, by rounding alone.

    The tolerance of its values, and as much again relative to its largest element: what a wrong backward sums up
    inside has not the size of what the right one does.
    """
    dtypes = [leaf.received.leaf.value.dtype] + ([leaf.received.dtype] if leaf.received.dtype is not None else [])
    tolerance, largest = leaf.tolerance, _largest(gradient)
    measured = tolerance is not None and tolerance.measured
    relative = unmeasured_rounding(dtypes)
    if tolerance is not None and measured:
        relative = max(relative, tolerance.relative)
    of_values = tolerance if measured and gradient.shape == leaf.received.leaf.value.shape else None
    if gradient.shape != leaf.received.leaf.value.shape:
        # nothing was measured on a gradient of another shape: its backward may compute in single precision
        relative = max(relative, unmeasured_rounding([np.dtype(np.float32)]))

    def at(part: Part) -> NDArray[np.float64]:
        magnitude = np.abs(gradient.reshape(-1)[part]).astype(np.float64)
        finite = np.where(np.isfinite(magnitude), magnitude, 0.0)
        allowed: NDArray[np.float64] = relative * (finite + largest)
        if of_values is not None:
            allowed = allowed + of_values.at(finite, part)
        return np.where(np.isfinite(allowed), allowed, np.inf)

    return Allowed(relative * largest, at)


def _largest(gradient: Array) -> float:
    """The largest finite magnitude; 0 where there is none."""
    magnitude = np.abs(gradient)
    largest = float(magnitude.max(initial=0.0))
    return largest if math.isfinite(largest) else float(magnitude.max(initial=0.0, where=np.isfinite(magnitude)))


def apart(got: Array | None, wanted: Array | None, allowed: Allowed) -> Apart | None:
    """Where `got` is not `wanted` by more than is allowed; None where it is, or where one of the two is missing.

    NaN equals NaN. Elements that are not finite in `wanted` are passed over.
    """
    if got is None or wanted is None:
        return None
    if got.shape != wanted.shape:
        return Apart(int(wanted.size), int(wanted.size), (), 0.0, 0.0, (got.shape, wanted.shape))
    error = _error(got, wanted)
    if float(error.max(initial=0.0)) <= allowed.least:  # NaN is not
        return None
    with np.errstate(invalid="ignore"):
        differs = (~(error.reshape(-1) <= allowed.at(slice(None)))).reshape(wanted.shape) & np.isfinite(wanted)
    if not differs.any():
        return None
    scores = np.where(differs, np.where(np.isfinite(error), error, np.inf), -1.0)
    position = int(np.argmax(scores))
    index = tuple(int(axis) for axis in np.unravel_index(position, wanted.shape)) if wanted.shape else ()
    return Apart(int(differs.sum()), int(wanted.size), index, _number(got[index]), _number(wanted[index]))


def _error(got: Array, wanted: Array) -> Array:
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(np.abs(got - wanted))


def each_apart(
    leaves: tuple[LeafVerdict, ...], got: Gradients | None, wanted: Gradients, *, factor: float = 1.0
) -> list[tuple[LeafVerdict, Apart]]:
    """The leaves whose gradient `got` is not `wanted`, by `factor` times what rounding allows."""
    found = []
    for leaf, one, other in zip(leaves, got or (), wanted):
        if one is None or other is None:
            continue
        difference = apart(one, other, factor * rounding(leaf, other))
        if difference is not None:
            found.append((leaf, difference))
    return found


def equal(got: Array | None, wanted: Array | None, leaf: LeafVerdict) -> bool:
    """Whether two gradients are one, by rounding, and there."""
    if got is None or wanted is None or got.shape != wanted.shape:
        return False
    allowed = 2 * rounding(leaf, wanted)
    if wanted.size:
        error = _error(got, wanted).reshape(-1)
        worst = np.array([int(np.argmax(error))])
        if error[worst] > allowed.at(worst) and np.isfinite(wanted.reshape(-1)[worst]):
            return False  # as most that are not one are seen by their worst element
    return apart(got, wanted, allowed) is None


def _number(value: Any) -> float | complex:
    return complex(value) if np.iscomplexobj(value) else float(value)
