"""What may have overflown on the way is no sign of a mistake: another order of summation would have held it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.verdict import LeafVerdict
from gradcheck_cli.layers.precision import largest

ROOM = 2.0**-24
"""Of the largest number of a dtype: what is above it may overflow on the way."""

SMALL = 1e6
"""A dtype whose largest number is below it (float16: 65,504) has no room at all."""


def held(leaf: LeafVerdict, gradient: NDArray[Any], wanted: NDArray[Any]) -> NDArray[Any]:
    """What is wanted of a leaf's gradient, NaN where the one that came may have overflown."""
    own, returned = leaf.received.leaf.value.dtype, leaf.received.dtype
    return held_in(own if largest(own) < largest(returned) else returned, gradient, wanted)


def held_in(dtype: np.dtype[Any] | None, got: NDArray[Any], wanted: NDArray[Any]) -> NDArray[Any]:
    """What is wanted, NaN where `got`, made in `dtype`, may have overflown, itself or on the way."""
    if got.shape != wanted.shape or (finite := np.isfinite(got)).all():
        return wanted
    most = largest(dtype)
    least = 0.0 if most < SMALL else ROOM * most
    return np.where(~finite & (np.abs(wanted) >= least), np.nan, wanted)
