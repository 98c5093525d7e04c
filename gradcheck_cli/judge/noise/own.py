"""The noise of the user's own gradient, where it is held against itself: a few roundings of the inputs tell it.

Two calls that are the same in exact arithmetic (compiled, or under a sum of upstream gradients) differ by as much as
their steps are ill-conditioned. The reference does not show that of the user's steps; these do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.noise.tolerance import NEAR, ROUNDINGS, largest_epsilon
from gradcheck_cli.judge.verdict import DrawVerdict, LeafVerdict
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.conduct.nearby import nearby
from gradcheck_cli.witnesses.extended.gradients import sizes_of_gradient_terms
from gradcheck_cli.witnesses.subject import Subject

SAFETY = 8.0
"""Times the largest movement that was seen in a few tries."""


@dataclass(frozen=True)
class Loose:
    """What roundings of the inputs do to yours.

    Attributes:
        verdict: with each tolerance at least that.
        outputs: by output of the forward, how far its elements may move.
    """

    verdict: DrawVerdict
    outputs: tuple[NDArray[np.float64], ...]


def loosened(verdict: DrawVerdict, subject: Subject) -> Loose | None:
    """What roundings of the inputs do; None where the layer does not run next door."""
    dtypes = [leaf.value.dtype for leaf in subject.case.leaves]
    near = nearby(subject, NEAR * largest_epsilon(dtypes))
    if not near:
        return None
    terms = None
    if isinstance(subject.traced, Trace):
        terms = sizes_of_gradient_terms(subject.traced, subject.case, subject.upstream)
    leaves = tuple(
        _loosened(
            leaf,
            [each.gradients[position] for each in near],
            None if terms is None else ROUNDINGS * largest_epsilon(dtypes) * terms[position],
        )
        for position, leaf in enumerate(verdict.leaves)
    )
    first = near[0].outputs
    outputs = tuple(_spread(output, [each.outputs[at] for each in near[1:]]) for at, output in enumerate(first))
    return Loose(replace(verdict, leaves=leaves), outputs)


def _loosened(
    leaf: LeafVerdict, moved: Sequence[NDArray[Any] | None], terms: NDArray[np.float64] | None
) -> LeafVerdict:
    """`terms`: the rounding of what each element is made of; it may leave nothing of one that cancels."""
    tolerance, yours = leaf.tolerance, leaf.yours
    if tolerance is None or not tolerance.measured or yours is None or not leaf.received.has_right_shape:
        return leaf
    spread = _spread(yours, moved)
    if terms is not None and terms.shape == spread.shape:
        spread = np.fmax(spread, np.where(np.isfinite(terms), terms, 0.0))
    least = spread if tolerance.jitter is None else np.fmax(tolerance.jitter, spread)
    return replace(leaf, tolerance=replace(tolerance, jitter=least))


def _spread(value: NDArray[Any], moved: Sequence[NDArray[Any] | None]) -> NDArray[np.float64]:
    """How far each element moved, or the middle one did: what nearly cancels in one is rounding in all."""
    spread: NDArray[np.float64] = np.zeros(value.shape)
    for other in moved:
        if other is not None and other.shape == value.shape:
            with np.errstate(invalid="ignore", over="ignore"):
                spread = np.fmax(spread, np.abs(other - value))
    if not spread.size:
        return spread
    return np.asarray(SAFETY * np.where(np.isfinite(spread), np.fmax(spread, np.median(spread)), np.inf))
