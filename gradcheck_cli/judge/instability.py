"""Yours against the truth in extended precision: what is not finite, or far off, where the true value is at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.verdict import LeafVerdict
from gradcheck_cli.report.model import Status
from gradcheck_cli.witnesses.extended.gradients import Precise
from gradcheck_cli.witnesses.upstream import widened

Array = NDArray[Any]

SHARE = 1e-3
"""An error counts above this share of the true value, or ε^¼ in narrow dtypes: nobody calls less unstable."""

ABOVE = 1e3
"""And when it is this many times what a rounding of the inputs does to the truth: the rest is the layer's own doing."""

BEYOND_DOUBT = 10.0
"""And this many times the truth's own error."""

DECISIVE = 100.0
"""How many error bars yours must lie off where a finite difference decides alone."""

RELIABLE = 1e-3
"""The truth's own error is at most this share of it."""


@dataclass(frozen=True)
class Symptom:
    """One array that is wrong at one case.

    Attributes:
        code: GC401 or GC403.
        leaf: whose gradient it is; None for an output of the forward.
        number: the output's number where `leaf` is None.
        index: of the first element that is not finite, or the one that is most wrong.
        yours, truth: at that element.
        count, total: how many elements are so.
        is_exact: the truth is of extended precision; otherwise the ordinary witnesses'.
    """

    code: str
    leaf: int | None
    number: int
    index: tuple[int, ...]
    yours: float | complex
    truth: float | complex
    count: int
    total: int
    is_exact: bool = True

    @property
    def is_finite(self) -> bool:
        """Whether yours is a number, though a wrong one."""
        return bool(np.isfinite(self.yours))


@dataclass(frozen=True)
class Scale:
    """What an error is measured against.

    Attributes:
        epsilon: of the narrowest dtype that the layer computes in.
        largest: number that the array's own dtype holds.
        typical: how large the same array is at moderate inputs, or its terms are by their units.
    """

    epsilon: float
    largest: float
    typical: float


@dataclass(frozen=True)
class Comparison:
    """Where yours is off; masks in the array's shape.

    Attributes:
        lost: yours is not finite, and the truth is.
        wrong: yours is finite, and far from the truth.
        unknown: yours is not finite, and the truth is not known to be.
    """

    lost: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    unknown: NDArray[np.bool_]


def compare(yours: Array, truth: Precise, at: int, scale: Scale) -> Comparison:
    """Array number `at` of `truth` beside yours."""
    value, rounding, drift = truth.values[at], truth.rounding[at], truth.drift[at]
    with np.errstate(all="ignore"):
        size = np.abs(value)
        largest = float(np.max(size, initial=0.0, where=np.isfinite(size)))
        floor = np.sqrt(scale.epsilon) * max(scale.typical, largest)
        known = np.isfinite(size) & (size <= scale.largest) & np.isfinite(drift)
        known &= rounding <= RELIABLE * np.maximum(size, floor)
        finite = np.isfinite(yours)
        error = np.abs(yours - value)
        allowed = np.maximum(max(SHARE, scale.epsilon**0.25) * size, floor)
        allowed = np.maximum(allowed, np.maximum(ABOVE * drift, BEYOND_DOUBT * rounding))
        wrong = known & finite & (error > allowed)
    return Comparison(known & ~finite, wrong, ~known & ~finite)


def symptom_of(
    yours: Array, truth: Array, where: NDArray[np.bool_], *, code: str, leaf: int | None, number: int = 0
) -> Symptom | None:
    """The elements at `where` as a symptom; None where there are none."""
    if not where.any():
        return None
    with np.errstate(all="ignore"):
        error = np.where(where, np.nan_to_num(np.abs(yours - truth), nan=np.inf, posinf=np.inf), -1.0)
    flat = int(np.argmax(error)) if error.size else 0
    index = tuple(int(axis) for axis in np.unravel_index(flat, error.shape)) if error.shape else ()
    return Symptom(
        code, leaf, number, index, plain(yours[index]), plain(truth[index]), int(where.sum()), int(where.size)
    )


def are_finite(truth: Precise, largest: Sequence[float]) -> bool:
    """Whether all true outputs are finite, and small enough for the dtypes of the layer's own."""
    return all(bool(np.all(np.isfinite(value) & (np.abs(value) <= most))) for value, most in zip(truth.values, largest))


def plain(value: Any) -> float | complex:
    """A number of Python's own."""
    with np.errstate(all="ignore"):
        return complex(value) if np.iscomplexobj(value) else float(value)


def from_verdict(at: int, verdict: LeafVerdict, typical: float, judged: bool) -> Symptom | None:
    """What the ordinary judge found wrong with leaf number `at`, where it leaves no doubt.

    Args:
        typical: the largest entry of the gradient at moderate inputs.
        judged: finite values count too.
    """
    yours, reference, comparison = verdict.yours, verdict.reference, verdict.comparison
    if verdict.status is not Status.FAIL or yours is None or reference is None or comparison is None:
        return None
    mask = np.zeros(comparison.shape, np.bool_)
    mask.reshape(-1)[comparison.wrong] = True
    own = np.asarray(widened(yours))
    lost = mask & ~np.isfinite(own)
    if lost.any():
        return symptom_of(own, reference, lost, code="GC401", leaf=at)
    if not judged:
        return None
    bars = np.zeros(comparison.shape) if verdict.bars is None else verdict.bars
    with np.errstate(all="ignore"):
        error = np.abs(own - reference)
        far = error > SHARE * np.maximum(np.abs(reference), typical) + DECISIVE * bars
    return symptom_of(own, reference, mask & far, code="GC403", leaf=at)
