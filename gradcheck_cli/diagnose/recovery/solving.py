"""The numbers at a site that explain what is wrong, under all upstream gradients together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from gradcheck_cli.diagnose.recovery.models import Model, Part

Array = NDArray[Any]

DAMPING = 1e-13
"""Of the least squares, relative to columns of length one; taken back by `TURNS` of refinement."""

TURNS = 4

HOPELESS = 0.03
"""What is left after the first turn, as a share of the error, where more of them will not help."""


@dataclass(frozen=True)
class Solved:
    """What a backward must have used.

    Attributes:
        change: by unknown, added to the right number; 0 where it makes no difference.
        rest: what is left unexplained of the error, as a length.
        size: the error's length.
    """

    change: Array
    rest: float
    size: float


def solved(model: Model, wrongs: Array, kept: NDArray[np.bool_]) -> Solved | None:
    """The changes of the unknowns that leave the least unexplained; None where that is much.

    Args:
        wrongs: yours less the right gradient: (upstream gradients, elements of the leaves).
        kept: which of those elements are to be explained; the others are not looked at.
    """
    counts = np.flatnonzero(model.counts)
    parts = [_Kept(part, kept) for part in model.parts]
    blocks = [[one.products(other) for other in parts] for one in parts]
    whole = sum(block for row in blocks for block in row) if model.is_shared else np.block(blocks)
    gram = np.asarray(whole)[np.ix_(counts, counts)]
    lengths = np.sqrt(np.diag(gram))
    lengths[lengths == 0] = 1.0
    scaled = gram / lengths[:, None] / lengths[None, :]
    try:
        factor = linalg.cho_factor(scaled + DAMPING * len(counts) * np.eye(len(counts)), check_finite=False)
    except linalg.LinAlgError:
        return None
    target = wrongs[:, kept]
    change, left = np.zeros(len(model.right)), target
    ends = np.cumsum([part.unknowns for part in parts])[:-1]
    size = float(np.linalg.norm(target))
    for _ in range(TURNS):
        along = [part.along(left) for part in parts]
        toward = (np.sum(along, axis=0) if model.is_shared else np.concatenate(along))[counts]
        change[counts] += linalg.cho_solve(factor, toward / lengths, check_finite=False) / lengths
        changes = [change] * len(parts) if model.is_shared else np.split(change, ends)
        left = target - sum(part.effect(one) for part, one in zip(parts, changes))
        if float(np.linalg.norm(left)) > HOPELESS * size:
            return None
    return Solved(change, float(np.linalg.norm(left)), size)


class _Kept:
    """One turn of a site, in the elements that are looked at."""

    def __init__(self, part: Part, kept: NDArray[np.bool_]) -> None:
        self.above, self.spread = part.above, part.spread
        self.ways = part.ways[:, kept] if part.to is None else part.ways[part.to][:, kept]
        self.unknowns = part.above.shape[1] if part.spread is None else part.spread.shape[1]

    def products(self, other: _Kept) -> Array:
        """Of each unknown's column with each of the other's, over all upstream gradients."""
        ways = self.ways @ other.ways.T
        if self.spread is None and other.spread is None:
            return np.asarray((self.above.T @ other.above) * ways)
        assert self.spread is not None and other.spread is not None
        return np.asarray(sum(one @ ways @ two.T for one, two in zip(self.spread, other.spread)))

    def along(self, left: Array) -> Array:
        """Of each unknown's column with what is left."""
        toward = left @ self.ways.T
        if self.spread is None:
            return np.asarray((self.above * toward).sum(axis=0))
        return np.asarray(np.einsum("kbt,kt->b", self.spread, toward))

    def effect(self, change: Array) -> Array:
        """What these changes come to: (upstream gradients, elements)."""
        handed = self.above * change if self.spread is None else np.einsum("kbt,b->kt", self.spread, change)
        return np.asarray(handed @ self.ways)
