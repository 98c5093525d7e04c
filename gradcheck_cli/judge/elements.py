"""Every element of a gradient against the reference, all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.noise.tolerance import Tolerance

BLOCK = 1 << 14
"""Elements handled together: few enough that the temporaries stay in the cache."""

MEANINGFUL = 10.0
"""A right element's relative error counts where its reference is this many tolerances away from zero."""

Flat = NDArray[np.int64]


@dataclass(frozen=True)
class Comparison:
    """Yours against a reference.

    Attributes:
        shape: of the leaf.
        wrong: positions in the flattened leaf of elements outside the tolerance, ascending; yours may be not finite.
        errors: |yours − reference| there; infinite where yours is not finite.
        unknown: positions where the reference is not finite, so that nothing can be said.
        max_abs_error: largest finite |yours − reference|; None where nothing was compared.
        max_rel_error: relative to |reference|, over elements whose reference is clearly not zero; None without any.
    """

    shape: tuple[int, ...]
    wrong: Flat
    errors: NDArray[np.float64]
    unknown: Flat
    max_abs_error: float | None
    max_rel_error: float | None

    @property
    def total(self) -> int:
        """How many elements the leaf has."""
        return int(np.prod(self.shape, dtype=np.int64))

    def worst_first(self, most: int) -> Flat:
        """At most `most` positions of wrong elements, the largest error first; of equals, the first in the array."""
        kept: Flat = np.arange(self.wrong.size)
        if self.wrong.size > most > 0:
            least = np.partition(self.errors, self.errors.size - most)[self.errors.size - most]
            above = np.flatnonzero(self.errors > least)
            kept = np.sort(np.concatenate([above, np.flatnonzero(self.errors == least)[: most - above.size]]))
        worst: Flat = self.wrong[kept][np.argsort(-self.errors[kept], kind="stable")][:most]
        return worst

    def index(self, position: int) -> tuple[int, ...]:
        """The index of a position."""
        return tuple(int(axis) for axis in np.unravel_index(position, self.shape)) if self.shape else ()


def compare(
    yours: NDArray[Any],
    reference: NDArray[Any],
    tolerance: Tolerance,
    bars: NDArray[np.float64] | None = None,
) -> Comparison:
    """Compare all elements; all arrays in the leaf's shape; `bars` is the reference's own error."""
    ours, theirs = yours.reshape(-1), reference.reshape(-1)
    flat_bars = None if bars is None else bars.reshape(-1)
    wrong, errors, unknown = list[Flat](), list[NDArray[np.float64]](), list[Flat]()
    largest, largest_relative = -1.0, -1.0
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        for start in range(0, theirs.size, BLOCK):
            part = slice(start, min(start + BLOCK, theirs.size))
            expected = theirs[part]
            error = np.abs(np.subtract(ours[part], expected, dtype=np.result_type(expected, np.float64)))
            magnitude = np.abs(expected)
            allowed = tolerance.at(magnitude, part)
            if flat_bars is not None:
                allowed += flat_bars[part]
            right = error <= allowed
            if right.all():
                largest = max(largest, float(error.max()))
                allowed *= MEANINGFUL
                meaningful = magnitude > allowed
            else:
                known = np.isfinite(expected)
                bad = np.flatnonzero(~right & known)
                wrong.append(bad + start)
                errors.append(np.where(np.isfinite(error[bad]), error[bad], np.inf))
                unknown.append(np.flatnonzero(~known) + start)
                finite = np.isfinite(error)
                largest = max(largest, float(error.max(initial=-1.0, where=finite)))
                meaningful = finite & (magnitude > np.where(right, MEANINGFUL, 1.0) * allowed)
            np.divide(error, magnitude, out=error)
            largest_relative = max(largest_relative, float(error.max(initial=-1.0, where=meaningful)))
    return Comparison(
        shape=reference.shape,
        wrong=np.concatenate(wrong) if wrong else np.zeros(0, np.int64),
        errors=np.concatenate(errors) if errors else np.zeros(0),
        unknown=np.concatenate(unknown) if unknown else np.zeros(0, np.int64),
        max_abs_error=None if largest < 0 else largest,
        max_rel_error=None if largest_relative < 0 else largest_relative,
    )
