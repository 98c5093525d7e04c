"""The numbers at a site that explain what is wrong, under all upstream gradients together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from gradcheck_cli.diagnose.recovery.sites import Model

Array = NDArray[Any]

DAMPING = 1e-13
"""Of the least squares, relative to columns of length one; taken back by `TURNS` of refinement."""

TURNS = 4

UNIQUE = 1e-8
"""A number whose column is nearer to the others' than this cannot be told from theirs."""


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
    """The changes of the unknowns that leave the least unexplained.

    Args:
        wrongs: yours less the right gradient: (upstream gradients, elements of the leaves).
        kept: which of those elements are to be explained; the others are not looked at.
    """
    counts = np.flatnonzero(model.counts)
    target = wrongs[:, kept]
    gram = np.zeros((len(counts), len(counts)))
    columns = [_columns(model, number)[counts][:, kept] for number in range(len(wrongs))]
    for one in columns:
        gram += one @ one.T
    lengths = np.sqrt(np.diag(gram))
    lengths[lengths == 0] = 1.0
    scaled = gram / lengths[:, None] / lengths[None, :]
    try:
        factor = linalg.cho_factor(scaled + DAMPING * len(counts) * np.eye(len(counts)), check_finite=False)
    except linalg.LinAlgError:
        return None
    found, left = np.zeros(len(counts)), target.copy()
    for _ in range(TURNS):
        toward = sum((one @ row for one, row in zip(columns, left)), np.zeros(len(counts)))
        found += linalg.cho_solve(factor, toward / lengths, check_finite=False) / lengths
        left = target - np.array([found @ one for one in columns])
    change = np.zeros(len(model.right))
    change[counts] = found
    return Solved(change, float(np.linalg.norm(left)), float(np.linalg.norm(target)))


def _columns(model: Model, number: int) -> Array:
    return np.concatenate([part.column(number) for part in model.parts])


def joined(arrays: Sequence[Array]) -> Array:
    """By upstream gradient, all leaves' elements one after the other."""
    return np.concatenate(arrays, axis=1)
