"""How small an error of one element would have been caught."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.noise.tolerance import SAMPLE, Tolerance

SENSITIVITY_QUANTILE = 0.95


@dataclass(frozen=True)
class Sensitivity:
    """The relative error of one element that would have been caught.

    Attributes:
        every: in whichever element, of those that are distinguishable from zero.
        typical: in 19 of 20 of them.
    """

    every: float
    typical: float


def sensitivity(
    tolerance: Tolerance, reference: NDArray[Any], bars: NDArray[np.float64] | None = None
) -> Sensitivity | None:
    """What an element of this leaf could have been wrong by at most, relative to itself, and pass.

    tolerance / |reference| over the elements whose reference is above its tolerance: of the others nobody can say that
    they are not zero. None where there is none.
    """
    ratios = []
    flat = reference.reshape(-1)
    for start in range(0, flat.size, SAMPLE):
        part = slice(start, min(start + SAMPLE, flat.size))
        magnitude = np.abs(flat[part]).astype(np.float64, copy=False)
        allowed = tolerance.at(magnitude, part)
        if bars is not None:
            allowed = allowed + bars.reshape(-1)[part]
        telling = np.isfinite(magnitude) & np.isfinite(allowed) & (magnitude > allowed)
        ratios.append(allowed[telling] / magnitude[telling])
    found = np.concatenate(ratios) if ratios else np.zeros(0)
    if not found.size:
        return None
    typical = found[:: max(1, found.size // SAMPLE)]
    return Sensitivity(float(found.max()), float(np.quantile(typical, SENSITIVITY_QUANTILE, method="higher")))
