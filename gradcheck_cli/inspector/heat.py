"""How wrong each element of a gradient is, in one byte: greater is worse, and a block's worst is its maximum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.saved import model as marks

RIGHT, MENDED, UNKNOWN, EXCUSED = range(4)
"""Codes of elements that are not wrong. `MENDED`: it was wrong before."""

_FIRST = 4
LEVELS = 9
NOT_FINITE = _FIRST + 2 * LEVELS
"""Yours is NaN or infinite, and wrong."""

WORST_KEPT = 1000
"""So many of the worst elements are put in order."""

_CHUNK = 1 << 20
_SINGLE = 1e-3
"""Errors that lie so near to each other, as a share, have one level."""

Codes = NDArray[np.uint8]


@dataclass(frozen=True)
class Scale:
    """The levels of wrong elements, even in the logarithm of the error in tolerances.

    Attributes:
        low, high: the smallest and the largest finite error of a wrong element, in tolerances.
    """

    low: float = 1.0
    high: float = 1.0

    def levels(self, errors: NDArray[np.float64]) -> NDArray[np.uint8]:
        """1 to `LEVELS`, of errors between the smallest and the largest."""
        if self.high <= self.low * (1 + _SINGLE):
            return np.full(errors.shape, LEVELS, np.uint8)
        with np.errstate(divide="ignore"):
            share = np.log(errors / self.low) / math.log(self.high / self.low)
        return (1 + np.clip(np.rint(share * (LEVELS - 1)), 0, LEVELS - 1)).astype(np.uint8)

    def bound(self, level: int) -> float:
        """The error that a level stands for, in tolerances."""
        return float(self.low * (self.high / self.low) ** ((level - 1) / (LEVELS - 1)))


@dataclass(frozen=True)
class Heat:
    """The map of a gradient.

    Attributes:
        codes: in the gradient's shape.
        worst: positions in the flattened gradient, the worst first; at most `WORST_KEPT`.
        wrong: how many are.
    """

    codes: Codes
    scale: Scale
    worst: NDArray[np.int64]
    wrong: int

    @property
    def has_levels(self) -> bool:
        """Whether any element is wrong by so much or so much: not all are wrong that are not finite."""
        return bool(self.wrong and ((self.codes >= _FIRST) & (self.codes < NOT_FINITE)).any())

    def has(self, code: int) -> bool:
        """Whether any element has this code."""
        return bool((self.codes == code).any())


def level_of(code: int) -> int:
    """1 to `LEVELS`, 0 for what has no level."""
    return (code - _FIRST) // 2 + 1 if _FIRST <= code < NOT_FINITE else 0


def is_low(code: int) -> bool:
    """Yours is smaller than it should be."""
    return _FIRST <= code < NOT_FINITE and (code - _FIRST) % 2 == 1


def heat_of(
    yours: NDArray[Any],
    reference: NDArray[Any],
    tolerance: NDArray[Any],
    marked: NDArray[np.uint8],
    before: NDArray[np.uint8] | None = None,
) -> Heat:
    """The map of a gradient that was judged.

    Args:
        tolerance: of each element, or one for all.
        marked: `WRONG` and its fellows, of each element.
        before: those of an earlier check of the same inputs.
    """
    flat = _Flat(yours, reference, tolerance, marked)
    codes = np.zeros(marked.size, np.uint8)
    wrong = np.flatnonzero(flat.marks == marks.WRONG)
    codes[flat.marks == marks.UNKNOWN] = UNKNOWN
    codes[flat.marks == marks.EXCUSED] = EXCUSED
    if before is not None:
        codes[(before.reshape(-1) == marks.WRONG) & (flat.marks != marks.WRONG)] = MENDED
    scale = flat.scale(wrong)
    for start in range(0, wrong.size, _CHUNK):
        places = wrong[start : start + _CHUNK]
        codes[places] = flat.codes(places, scale)
    return Heat(codes.reshape(marked.shape), scale, flat.worst(codes, wrong), int(wrong.size))


class _Flat:
    """The arrays of a gradient, flattened."""

    def __init__(
        self, yours: NDArray[Any], reference: NDArray[Any], tolerance: NDArray[Any], marked: NDArray[np.uint8]
    ) -> None:
        self.marks = marked.reshape(-1)
        self._yours, self._reference = yours.reshape(-1), reference.reshape(-1)
        self._tolerance = tolerance.reshape(-1)

    def errors(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """In tolerances; NaN or infinite where yours is not finite."""
        tolerance = self._tolerance[places] if self._tolerance.size > 1 else self._tolerance
        with np.errstate(all="ignore"):
            error: NDArray[np.float64] = np.abs(self._difference(places)) / np.maximum(tolerance, np.finfo(float).tiny)
        return error

    def scale(self, wrong: NDArray[np.int64]) -> Scale:
        """From the smallest finite error to the largest."""
        low, high = math.inf, 0.0
        for start in range(0, wrong.size, _CHUNK):
            errors = self.errors(wrong[start : start + _CHUNK])
            errors = errors[np.isfinite(errors) & (errors > 0)]
            if errors.size:
                low, high = min(low, float(errors.min())), max(high, float(errors.max()))
        return Scale(low, high) if high else Scale()

    def codes(self, places: NDArray[np.int64], scale: Scale) -> Codes:
        """Of wrong elements."""
        errors = self.errors(places)
        difference = self._difference(places)
        low = np.where(difference.real != 0, difference.real, difference.imag) < 0
        finite = np.isfinite(errors)
        levels = scale.levels(np.where(finite, errors, scale.high))
        codes = _FIRST + 2 * (levels - 1) + low
        codes[~finite] = NOT_FINITE
        return codes.astype(np.uint8)

    def worst(self, codes: Codes, wrong: NDArray[np.int64]) -> NDArray[np.int64]:
        """Only those of the highest levels are put in order: there may be millions."""
        of_wrong = codes[wrong]
        counts = np.bincount(of_wrong, minlength=NOT_FINITE + 1)
        least = NOT_FINITE
        while least > _FIRST and counts[least:].sum() < WORST_KEPT:
            least -= 2  # both signs of a level
        found = wrong[of_wrong >= least]
        errors = np.nan_to_num(self.errors(found), nan=np.inf, posinf=np.inf)
        if found.size > WORST_KEPT:
            among = np.argpartition(-errors, WORST_KEPT)[:WORST_KEPT]
            among.sort()
            found, errors = found[among], errors[among]
        return found[np.argsort(-errors, kind="stable")]

    def _difference(self, places: NDArray[np.int64]) -> NDArray[Any]:
        with np.errstate(all="ignore"):
            difference: NDArray[Any] = self._yours[places] - self._reference[places].astype(
                np.result_type(self._reference, np.float64), copy=False
            )
        return difference
