"""The noise of the user's own gradient, where it is held against itself: a few roundings of the inputs tell it.

Two calls that are the same in exact arithmetic (compiled, or under a sum of upstream gradients) differ by as much as
their steps are ill-conditioned. The reference does not show that of the user's steps; these do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.noise.tolerance import NEAR, largest_epsilon
from gradcheck_cli.judge.verdict import DrawVerdict, LeafVerdict
from gradcheck_cli.witnesses.conduct.nearby import gradients_nearby
from gradcheck_cli.witnesses.conduct.situations import Gradients
from gradcheck_cli.witnesses.subject import Subject

SAFETY = 8.0
"""Times the largest movement that was seen in a few tries."""


def loosened(verdict: DrawVerdict, subject: Subject) -> DrawVerdict | None:
    """The verdict with each tolerance at least what roundings of the inputs do to yours; None where they do nothing."""
    dtypes = [leaf.value.dtype for leaf in subject.case.leaves]
    nearby = gradients_nearby(subject, NEAR * largest_epsilon(dtypes))
    leaves = tuple(_loosened(leaf, position, nearby) for position, leaf in enumerate(verdict.leaves))
    if all(new is old for new, old in zip(leaves, verdict.leaves)):
        return None
    return replace(verdict, leaves=leaves)


def _loosened(leaf: LeafVerdict, position: int, nearby: Sequence[Gradients]) -> LeafVerdict:
    tolerance, yours = leaf.tolerance, leaf.yours
    if tolerance is None or not tolerance.measured or yours is None or not leaf.received.has_right_shape:
        return leaf
    moved = [gradients[position] for gradients in nearby]
    spread: NDArray[np.float64] = np.zeros(yours.shape)
    for gradient in moved:
        if gradient is not None and gradient.shape == yours.shape:
            with np.errstate(invalid="ignore", over="ignore"):
                np.fmax(spread, np.abs(gradient - yours), out=spread)
    if not np.any(spread > 0):
        return leaf
    # What nearly cancels in one element is rounding in all that are made of the same terms.
    spread = SAFETY * np.where(np.isfinite(spread), np.fmax(spread, np.median(spread)), np.inf)
    least = spread if tolerance.jitter is None else np.fmax(tolerance.jitter, spread)
    return replace(leaf, tolerance=replace(tolerance, jitter=least))
