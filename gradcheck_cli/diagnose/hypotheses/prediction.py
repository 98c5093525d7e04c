"""What a hypothesis predicts for one leaf, and how well a multiple of it is what came back."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.hypotheses.factors import SIMPLE, Factor, names_of
from gradcheck_cli.diagnose.hypotheses.failing import Array, Failing, Gradient
from gradcheck_cli.diagnose.misfit import CLEAR

REST = 0.05
"""How much of the error may be left, at most, whatever the tolerances allow."""

LEAST = 0.5
"""The share of the elements that something is said about."""

FEW = 4
"""A gradient of fewer different numbers is many things times a number."""


@dataclass(frozen=True)
class Predicted:
    """Numbers for all elements of a leaf.

    Attributes:
        allowed: how far they may be off.
        counts: the elements it speaks of; None for all.
    """

    values: Array
    allowed: NDArray[np.float64]
    counts: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Prediction:
    """One hypothesis for one leaf: yours is c times these values.

    Attributes:
        key: the same for the same hypothesis in another case, whose arrays have other sizes.
        rank: how far-fetched it is.
        says: what yours is then, as a phrase: `the transpose of the gradient`.
        why: what was done wrong, as a sentence without a verb for who; "" where the phrase says it.
        mend: what to write, where it can be said.
        of: the values; computed only where they are looked at, None where the hypothesis says nothing here.
    """

    key: Hashable
    code: str
    rank: int
    says: str
    of: Callable[[], Predicted | None]
    why: str = ""
    mend: str | None = None
    needs_one: bool = False
    """Whether c must be one."""
    needs: int = 0
    """So many elements of both cases together must be wrong, where each is one of few numbers by chance."""


@dataclass(frozen=True)
class Fit:
    """A prediction that holds in one case.

    Attributes:
        factors: the names of c.
        slack: how well c is known, as a share.
        explains: the share of the error.
        tells: how many elements are predicted to be wrong.
    """

    prediction: Prediction
    factors: tuple[Factor, ...]
    slack: float
    explains: float
    tells: int


def fitted(gradient: Gradient, prediction: Prediction, failing: Failing) -> Fit | None:
    """The fit of c · prediction to yours; None where it does not hold to the tolerances."""
    predicted = prediction.of()
    if predicted is None or predicted.values.shape != gradient.yours.shape:
        return None
    counts = gradient.counts if predicted.counts is None else gradient.counts & predicted.counts
    if np.count_nonzero(counts) < LEAST * counts.size:
        return None
    yours, values, reference = gradient.yours[counts], predicted.values[counts], gradient.reference[counts]
    allowed = np.fmax(gradient.allowed[counts], predicted.allowed[counts])
    if not np.isfinite(values).all():
        return None
    size, tolerance = float(np.linalg.norm(values)), float(np.linalg.norm(allowed))
    error = float(np.linalg.norm(yours - reference))
    if not size > CLEAR * tolerance or not error > CLEAR * tolerance:
        return None
    c = float(np.real(np.vdot(values, yours))) / size**2
    slack = 4 * tolerance / size
    if prediction.needs_one or abs(c - 1) <= slack:
        c = 1.0
    if abs(c) * size <= CLEAR * tolerance:
        return None
    rest = np.abs(yours - c * values)
    if (rest > allowed * (1 + abs(c))).any() or np.linalg.norm(rest) > REST * error:
        return None
    all_of_it = float(np.linalg.norm(np.where(gradient.counts, gradient.yours - gradient.reference, 0.0)))
    explains = np.sqrt(max(error**2 - float(np.linalg.norm(rest)) ** 2, 0.0)) / all_of_it
    factors = names_of(c, slack, failing.sizes, failing.numbers)
    count = different(values)
    if max(count, different(reference)) < 2 and values.size > 1 and prediction.rank > 0:
        return None  # ones and zeros are in many places
    if count < FEW:
        factors = tuple(factor for factor in factors if factor.rank <= SIMPLE or (factor.sizes and count > 1))
    tells = int(np.count_nonzero(np.abs(c * values - reference) > allowed))
    return Fit(prediction, factors, slack, float(explains), tells) if factors else None


def different(values: Array) -> int:
    """How many different sizes there are among the numbers, up to `FEW`."""
    sizes = np.abs(values.reshape(-1)[:4096])
    sizes = sizes[sizes > 1e-9 * sizes.max(initial=0.0)]
    return int(min(FEW, np.unique(np.round(sizes / sizes.max(initial=1.0), 6)).size)) if sizes.size else 0
