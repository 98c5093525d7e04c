"""When two gradients of one leaf, both the user's own, are not the same: beyond what rounding does to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.noise.tolerance import unmeasured_rounding
from gradcheck_cli.judge.verdict import LeafVerdict
from gradcheck_cli.judge.words import index_text, pair
from gradcheck_cli.witnesses.conduct.situations import Gradients

Array = NDArray[Any]


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


def rounding(leaf: LeafVerdict, gradient: Array) -> NDArray[np.float64]:
    """How far the user's own gradient may move from one call to the next, element by element, by rounding alone.

    The tolerance of its values, and as much again relative to its largest element: what a wrong backward sums up
    inside has not the size of what the right one does.
    """
    magnitude = np.abs(gradient).astype(np.float64)
    finite = np.where(np.isfinite(magnitude), magnitude, 0.0)
    dtypes = [leaf.received.leaf.value.dtype] + ([leaf.received.dtype] if leaf.received.dtype is not None else [])
    relative = unmeasured_rounding(dtypes)
    tolerance = leaf.tolerance
    if tolerance is not None and tolerance.measured:
        relative = max(relative, tolerance.relative)
    allowed: NDArray[np.float64] = relative * (finite + float(finite.max(initial=0.0)))
    if tolerance is not None and tolerance.measured and gradient.shape == leaf.received.leaf.value.shape:
        allowed = allowed + tolerance.at(finite.reshape(-1), slice(None)).reshape(gradient.shape)
    return np.where(np.isfinite(allowed), allowed, np.inf)


def apart(got: Array | None, wanted: Array | None, allowed: NDArray[np.float64] | float) -> Apart | None:
    """Where `got` is not `wanted` by more than `allowed`; None where it is, or where one of the two is missing.

    NaN equals NaN. Elements that are not finite in `wanted` are passed over.
    """
    if got is None or wanted is None:
        return None
    if got.shape != wanted.shape:
        return Apart(int(wanted.size), int(wanted.size), (), 0.0, 0.0, (got.shape, wanted.shape))
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(got - wanted)
        differs = ~(error <= allowed) & np.isfinite(wanted)
    if not differs.any():
        return None
    scores = np.where(differs, np.where(np.isfinite(error), error, np.inf), -1.0)
    position = int(np.argmax(scores))
    index = tuple(int(axis) for axis in np.unravel_index(position, wanted.shape)) if wanted.shape else ()
    return Apart(int(differs.sum()), int(wanted.size), index, _number(got[index]), _number(wanted[index]))


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
    return apart(got, wanted, 2 * rounding(leaf, wanted)) is None


def _number(value: Any) -> float | complex:
    return complex(value) if np.iscomplexobj(value) else float(value)
