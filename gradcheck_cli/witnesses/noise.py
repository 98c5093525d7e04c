"""A function's own noise: how much of each output changes at random when the input moves by next to nothing.

After Moré and Wild, "Estimating computational noise" (SIAM J. Sci. Comput. 33, 2011): high differences of values at
close, equally spaced points hold the noise and next to nothing of a smooth function.
"""

from __future__ import annotations

from math import factorial

import numpy as np
from numpy.typing import NDArray

EPSILON = float(np.finfo(np.float64).eps)

FINE_STEP = 2.0**-16
"""Relative distance of the points: far above a float32 inside the forward, far below where a function bends."""

COARSE_STEP = 2.0**-8
"""The same for a float16 or bfloat16 inside the forward, whose values stand still over `FINE_STEP`."""

LOWEST_ORDER = 4
AGREEMENT = 3.0
"""A lower order is taken while its estimate is within this factor of the best: it rests on more points."""

POOL_SAFETY = 1.5


def noise_of(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The noise of each output, as a standard deviation.

    Args:
        rows: (points, outputs): values at equally spaced points along a line, six points or more.

    Returns:
        (outputs,): never below half a unit in the last place of a float64; for few points one output's own estimate
        may by chance be small, so that no output gets less than what is typical of all, relative to its size.
    """
    middle = np.abs(rows[len(rows) // 2])
    middle = np.where(np.isfinite(middle), middle, 0.0)
    floor = 0.5 * EPSILON * middle
    best: NDArray[np.float64] | None = None
    best_level = np.inf
    for order in range(len(rows) - 2, LOWEST_ORDER - 1, -1):
        level = _standard_deviation(rows, order)
        typical = float(np.sqrt(np.mean(level**2))) if level.size else 0.0
        if best is None or typical <= AGREEMENT * best_level:
            best = level
            best_level = min(best_level, typical)
    if best is None or not best.size:
        return floor
    seen = middle > 0
    pooled = POOL_SAFETY * float(np.median(best[seen] / middle[seen])) if seen.any() else 0.0
    return np.maximum(np.maximum(best, pooled * middle), floor)


def correlation_of(rows: NDArray[np.float64], weights: NDArray[np.float64], noise: NDArray[np.float64]) -> float:
    """How much more the weighted sum of the outputs is noisy than it were if each output had a noise of its own.

    At least 1; more where the outputs share a noisy part, such as a normaliser.
    """
    independent = float(np.sqrt((noise * weights) ** 2 @ np.ones(len(weights))))
    if independent == 0.0:
        return 1.0
    together = noise_of((rows @ weights)[:, None])
    return max(1.0, float(together[0]) / independent)


def _standard_deviation(rows: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """sqrt(γ_k · mean of squared k-th differences), γ_k = (k!)² / (2k)!, by output."""
    with np.errstate(all="ignore"):
        differences = np.diff(rows, n=order, axis=0)
        level = np.sqrt(factorial(order) ** 2 / factorial(2 * order) * np.mean(differences**2, axis=0))
    return np.where(np.isfinite(level), level, 0.0)
