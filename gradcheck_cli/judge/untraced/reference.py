"""What finite differences alone know of a draw: of its elements, and along random directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.dimensions.receiving import Received
from gradcheck_cli.judge.evidence.differencer import Place
from gradcheck_cli.judge.evidence.evidence import COST, WIDE, Evidence, slopes
from gradcheck_cli.judge.evidence.table import TELLING
from gradcheck_cli.judge.noise.tolerance import Tolerance, unmeasured_rounding
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.words import number

DIRECTIONS = 4


@dataclass(frozen=True)
class Reference:
    """What finite differences know about one leaf: NaN where it was not looked at."""

    values: NDArray[Any]
    bars: NDArray[np.float64]
    seen: NDArray[np.bool_]
    tolerance: Tolerance
    size: float

    def is_zero(self) -> bool:
        """Whether every element that was looked at is zero but for its error bar."""
        return bool(np.all((np.abs(self.values) <= self.bars + self.tolerance.floor) | ~self.seen))


def gather(leaves: Sequence[Received], evidence: Evidence, settings: Settings, rng: np.random.Generator) -> None:
    """Look at all elements where there is room, else at a sample and along random directions."""
    total = sum(received.leaf.value.size for received in leaves)
    if total * COST <= settings.max_evals:
        evidence.look_at_all()
        return
    evidence.look_along(DIRECTIONS)
    chosen: list[Place] = []
    share = max(1, min(evidence.room, WIDE) // max(1, len(leaves)))
    for position, received in enumerate(leaves):
        shape, size = received.leaf.value.shape, received.leaf.value.size
        flat = np.arange(size) if size <= share else np.unique(rng.integers(size, size=share))
        chosen.extend((position, tuple(int(axis) for axis in np.unravel_index(at, shape))) for at in flat)
    evidence.look_at(chosen)


def reference_of(
    position: int,
    received: Received,
    evidence: Evidence,
    given: Tolerance | None,
    dtypes: Sequence[np.dtype[Any]],
    natural: float,
) -> Reference:
    """One leaf's finite differences as arrays."""
    shape = received.leaf.value.shape
    is_complex = received.leaf.value.dtype.kind == "c"
    values = np.full(shape, np.nan, dtype=np.complex128 if is_complex else np.float64)
    bars, seen = np.zeros(shape), np.zeros(shape, dtype=np.bool_)
    for (leaf, index), difference in evidence.elements.items():
        if leaf == position:
            values[index], bars[index], seen[index] = difference.value, difference.error, True
    values[~np.isfinite(bars)] = np.nan
    known = np.abs(values[np.isfinite(values)])
    typical = float(known.mean()) if known.size else 0.0
    relative = unmeasured_rounding(dtypes)
    floor = relative * max(typical, natural)
    return Reference(values, bars, seen, given or Tolerance(relative, floor), max(typical, TELLING * natural))


def noisy(
    yours: NDArray[Any], reference: Reference, values: NDArray[Any], bars: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which elements were looked at with an error bar that is too wide to decide."""
    with np.errstate(invalid="ignore"):
        sizes = np.fmax(np.fmax(np.abs(values), np.abs(yours)), reference.size)
        return np.asarray(reference.seen & np.isfinite(values) & (bars > TELLING * sizes))


def contradiction_of(
    leaves: Sequence[Received], evidence: Evidence, tolerances: Sequence[Tolerance]
) -> tuple[str, bool]:
    """A sentence where yours is not the slope along a random direction; and whether any direction could tell."""
    yours = [received.usable for received in leaves]
    if any(gradient is None for gradient in yours) or not evidence.directions:
        return "", False
    telling = False
    relative = max(tolerance.relative for tolerance in tolerances)
    for slope in slopes([gradient for gradient in yours if gradient is not None], evidence.directions):
        difference = slope.difference
        allowed = difference.error + relative * slope.size
        if not np.isfinite(allowed) or not np.isfinite(difference.value):
            continue
        telling |= difference.error <= TELLING * slope.size
        if not abs(slope.value - difference.value) <= allowed:
            return (
                f"along a random direction of all inputs your gradients give the slope {number(slope.value, 6)}, "
                f"finite differences {number(difference.value, 6)} ± {number(difference.error, 1)}",
                True,
            )
    return "", telling
