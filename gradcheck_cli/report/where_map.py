"""Where the wrong elements are: a small 2-d map of a gradient, folded and binned where the gradient is larger."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MOST_ROWS = 12
_SPACED_COLUMNS = 24
"""Up to so many columns, marks stand apart and are easier to count."""


@dataclass(frozen=True)
class WhereMap:
    """A map of at most a screen's size.

    Attributes:
        share: for each block, the share of its elements that are wrong, 0 to 1.
        row_axis, column_axis: which axes of the gradient run down and across; None where it has no such axis.
        row_block, column_block: how many elements of those axes one mark stands for (the last may hold fewer).
        folded: the axes over which it was folded: a mark shows the share over all their elements.
    """

    share: NDArray[np.float64]
    row_axis: int | None
    column_axis: int | None
    row_block: int
    column_block: int
    folded: tuple[int, ...]


def where_map(wrong: NDArray[np.bool_], columns: int, rows: int = _MOST_ROWS) -> WhereMap | None:
    """The map of `wrong` within `columns` marks a line; None where it would say nothing (a scalar, an empty array).

    Of an n-d gradient it keeps the two axes along which the share of wrong elements varies most, in their own order.
    """
    if wrong.ndim == 0 or wrong.size == 0:
        return None
    if wrong.ndim == 1:
        kept: tuple[int, ...] = (0,)
    else:
        kept = tuple(sorted(_most_telling_axes(wrong)))
    folded = tuple(axis for axis in range(wrong.ndim) if axis not in kept)
    share = wrong.mean(axis=folded) if folded else wrong.astype(np.float64)
    if share.ndim == 1:
        share = share[np.newaxis, :]
    row_block = math.ceil(share.shape[0] / rows)
    column_block = math.ceil(share.shape[1] / max(1, columns))
    return WhereMap(
        share=_binned(share, row_block, column_block),
        row_axis=kept[0] if len(kept) == 2 else None,
        column_axis=kept[-1],
        row_block=row_block,
        column_block=column_block,
        folded=folded,
    )


def spaced(map_: WhereMap) -> bool:
    """Whether its marks can stand apart."""
    return int(map_.share.shape[1]) <= _SPACED_COLUMNS


def shade(share: float, shades: tuple[str, ...]) -> str:
    """The mark of a block: the first only where nothing is wrong, the last only where everything is."""
    if share <= 0:
        return shades[0]
    if share >= 1:
        return shades[-1]
    between = shades[1:-1]
    return between[min(int(share * len(between)), len(between) - 1)]


def _most_telling_axes(wrong: NDArray[np.bool_]) -> list[int]:
    """The two axes whose marginal share of wrong elements varies most; the later ones among equals."""

    def variation(axis: int) -> float:
        others = tuple(other for other in range(wrong.ndim) if other != axis)
        return float(np.var(wrong.mean(axis=others)))

    by_variation = sorted(range(wrong.ndim), key=lambda axis: (variation(axis), wrong.shape[axis] > 1, axis))
    return by_variation[-2:]


def _binned(share: NDArray[np.float64], row_block: int, column_block: int) -> NDArray[np.float64]:
    """Means over blocks; the last block of an axis may be smaller."""
    row_edges = np.arange(0, share.shape[0], row_block)
    column_edges = np.arange(0, share.shape[1], column_block)
    sums = np.add.reduceat(np.add.reduceat(share, row_edges, axis=0), column_edges, axis=1)
    heights = np.diff(np.append(row_edges, share.shape[0]))
    widths = np.diff(np.append(column_edges, share.shape[1]))
    means: NDArray[np.float64] = sums / np.outer(heights, widths)
    # A sum of ones divided by their number may miss 1 by rounding, and then "all" would read as "most".
    return np.where(np.isclose(means, 1.0, rtol=0, atol=1e-12), 1.0, means)
