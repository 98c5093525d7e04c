"""The numbers at a site that explain what is wrong, under all upstream gradients together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.sparse import csgraph

from gradcheck_cli.diagnose.recovery.models import Model, Part

Array = NDArray[Any]
Numbers = NDArray[np.intp]

DAMPING = 1e-13
"""Of the least squares, relative to columns of length one; taken back by `TURNS` of refinement."""

TURNS = 4

HOPELESS = 0.03
"""What is left after the first turn, as a share of the error, where more of them will not help."""

WELL_OVER = 3
"""So many times as many equations as unknowns tell a site that is the wrong one."""

TOGETHER = 32
"""Unknowns, from which on those that have no equation in common are solved for apart."""


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
    change, target = np.zeros(len(model.right)), wrongs[:, kept]
    most = (HOPELESS * float(np.linalg.norm(target))) ** 2
    parts = [_Kept.of(part, kept) for part in model.parts]
    unreached, groups = _apart(model, parts)
    left = float(np.linalg.norm(target[:, unreached])) ** 2
    for unknowns, elements in groups:
        if left > most:
            return None
        own = [part.only(one, elements) for part, one in zip(parts, _split(unknowns, model, parts))]
        found = _least(own, target[:, elements], model.is_shared, most - left)
        if found is None:
            return None
        change[unknowns], rest = found
        left += rest
    return Solved(change, float(np.sqrt(left)), float(np.linalg.norm(target))) if left <= most else None


def _apart(model: Model, parts: Sequence[_Kept]) -> tuple[NDArray[np.bool_], list[tuple[Numbers, Numbers]]]:
    """Elements that no unknown reaches; and groups of unknowns, with the elements that they reach and no others do."""
    counts = np.flatnonzero(model.counts)
    met = [part.meets for part in parts]
    pattern = sparse.csr_matrix(sum(met[1:], met[0]) if model.is_shared else sparse.vstack(met))[counts]
    unreached = np.asarray(pattern.getnnz(axis=0) == 0)
    if 2 * pattern.nnz > pattern.shape[0] * pattern.shape[1]:
        return unreached, [(counts, np.flatnonzero(~unreached))]
    label = csgraph.connected_components(sparse.bmat([[None, pattern], [pattern.T, None]]))[1]
    of_unknown, of_element = label[: len(counts)], label[len(counts) :]
    sizes = np.bincount(of_unknown, minlength=len(label))
    group = np.cumsum(sizes) // TOGETHER
    pairs = [
        (counts[group[of_unknown] == number], np.flatnonzero((group[of_element] == number) & ~unreached))
        for number in np.unique(group[of_unknown])
    ]
    return unreached, pairs


def _split(unknowns: Numbers, model: Model, parts: Sequence[_Kept]) -> list[Numbers]:
    """By part, the numbers of its own unknowns among these."""
    if model.is_shared:
        return [unknowns] * len(parts)
    ends = np.cumsum([0, *(part.unknowns for part in parts)])
    return [unknowns[(unknowns >= start) & (unknowns < end)] - start for start, end in pairwise(ends)]


def _least(parts: Sequence[_Kept], target: Array, is_shared: bool, most: float) -> tuple[Array, float] | None:
    """The changes that leave the least of the target, and its square; None where that is more than `most`."""
    if _is_hopeless(parts, target, is_shared, most):
        return None
    blocks = [[one.products(other) for other in parts] for one in parts]
    gram = np.asarray(sum(block for row in blocks for block in row) if is_shared else np.block(blocks))
    lengths = np.sqrt(np.diag(gram))
    lengths[lengths == 0] = 1.0
    scaled = gram / lengths[:, None] / lengths[None, :]
    try:
        factor = linalg.cho_factor(scaled + DAMPING * len(gram) * np.eye(len(gram)), check_finite=False)
    except linalg.LinAlgError:
        return None
    change, left = np.zeros(len(gram)), target
    ends = np.cumsum([part.unknowns for part in parts])[:-1]
    for _ in range(TURNS):
        along = [part.along(left) for part in parts]
        toward = np.sum(along, axis=0) if is_shared else np.concatenate(along)
        change += linalg.cho_solve(factor, toward / lengths, check_finite=False) / lengths
        changes = [change] * len(parts) if is_shared else np.split(change, ends)
        left = target - sum(part.effect(one) for part, one in zip(parts, changes))
        rest = float(np.linalg.norm(left)) ** 2
        if rest > most:
            return None
    return change, rest


def _is_hopeless(parts: Sequence[_Kept], target: Array, is_shared: bool, most: float) -> bool:
    """Whether a few upstream gradients alone leave too much: most sites are seen to be the wrong one by them."""
    unknowns = parts[0].unknowns if is_shared else sum(part.unknowns for part in parts)
    count = -(-WELL_OVER * unknowns // target.shape[1])
    work = sum(part.rows for part in parts) * (len(parts) if is_shared else 1)
    if 2 * count > len(target) or 2 * count * target.shape[1] > work:
        return False  # all of them together take no more
    equations = [part.equations(count) for part in parts]
    matrix = sum(equations[1:], equations[0]) if is_shared else np.concatenate(equations, axis=1)
    few = target[:count].reshape(-1)
    gram = matrix.T @ matrix
    gram[np.diag_indices_from(gram)] *= 1 + DAMPING * len(gram)
    try:
        left = few - matrix @ linalg.solve(gram, matrix.T @ few, assume_a="pos", check_finite=False)
    except linalg.LinAlgError:
        return False
    return float(np.linalg.norm(left)) ** 2 > most


@dataclass(frozen=True)
class _Kept:
    """One turn of a site, in the elements that are looked at.

    Attributes:
        above, spread: see `Part`.
        ways: by unknown, or by element of the target with `spread`.
    """

    above: Array
    ways: Array
    spread: Array | None

    @classmethod
    def of(cls, part: Part, kept: NDArray[np.bool_]) -> _Kept:
        """In these elements of the leaves."""
        ways = part.ways[:, kept] if part.to is None else part.ways[part.to][:, kept]
        return cls(part.above, ways, part.spread)

    def only(self, unknowns: Numbers, elements: Numbers) -> _Kept:
        """What is left of it for these unknowns and elements."""
        if len(unknowns) == self.unknowns and len(elements) == self.ways.shape[1]:
            return self
        if self.spread is None:
            return _Kept(self.above[:, unknowns], self.ways[np.ix_(unknowns, elements)], None)
        reaches = np.abs(self.spread[:, unknowns]).any(axis=(0, 1))
        return _Kept(self.above, self.ways[np.ix_(reaches, elements)], self.spread[:, unknowns][:, :, reaches])

    @property
    def unknowns(self) -> int:
        """How many there are."""
        return int(self.above.shape[1] if self.spread is None else self.spread.shape[1])

    @property
    def rows(self) -> int:
        """Of the matrices that are multiplied for the products of each two unknowns."""
        return int(self.ways.shape[1] if self.spread is None else len(self.spread) * self.spread.shape[2])

    @property
    def meets(self) -> Any:
        """Which unknowns come to which elements, as a sparse matrix."""
        ways = sparse.csr_matrix(self.ways != 0, dtype=np.int32)
        if self.spread is None:
            return ways
        return sparse.csr_matrix((self.spread != 0).any(axis=0), dtype=np.int32) @ ways

    def equations(self, count: int) -> Array:
        """What each unknown adds under the first upstream gradients: a row an element, a column an unknown."""
        if self.spread is None:
            rows = self.above[:count, None, :] * self.ways.T
        else:
            rows = (self.spread[:count] @ self.ways).swapaxes(1, 2)
        return np.asarray(rows.reshape(count * self.ways.shape[1], self.unknowns))

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
