"""A function's own noise: how much of each output changes at random when the input moves by next to nothing.

The idea is Moré and Wild's, "Estimating computational noise" (SIAM J. Sci. Comput. 33, 2011): values at close points
along a line, less what is smooth in them. Their equally spaced points see no noise at all where the spacing happens to
be a multiple of the rounding unit, one output in ten; these points are irregular, and a polynomial takes the place of
high differences.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

EPSILON = float(np.finfo(np.float64).eps)

FINE_STEP = 2.0**-20
"""Relative distance of the points: above the rounding of a float32 inside the forward, far below where a function
bends, and small enough to straddle a kink seldom: it would be taken for noise."""

COARSE_STEP = 2.0**-8
"""The same for a float16 or bfloat16 inside the forward, whose values stand still over `FINE_STEP`."""

DEGREES = (5, 4, 3)
"""Of the polynomials that are taken off. A lower one is preferred while its rest is within `AGREEMENT` of the best:
more of the points then tell the noise."""

AGREEMENT = 3.0

PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)

POOL_SAFETY = 1.5

STILL = 0.25
"""Above this share of steps that change nothing, a function is a staircase: it rounds to few bits inside."""


@cache
def offsets(count: int) -> tuple[float, ...]:
    """`count` irregular points about one apart, the middle one 0, as multiples of the distance.

    Square roots of primes: no two of them are a rational combination of others, as equal spacings are.
    """
    middle = count // 2
    shifts = (0.6 * (prime**0.5 % 1 - 0.5) for prime in PRIMES)
    return tuple(number - middle + (shift if number != middle else 0.0) for number, shift in zip(range(count), shifts))


def noise_of(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The noise of each output, as a standard deviation.

    Args:
        rows: (points, outputs): values along a line at the `offsets`, six points or more.

    Returns:
        (outputs,): never below half a unit in the last place of a float64; for few points one output's own estimate
        may by chance be small, so that no output gets less than what is typical of all, relative to its size.
    """
    middle = np.abs(rows[len(rows) // 2])
    middle = np.where(np.isfinite(middle), middle, 0.0)
    floor = 0.5 * EPSILON * middle
    best: NDArray[np.float64] | None = None
    best_level = np.inf
    for degree in DEGREES:
        if degree > len(rows) - 3:
            continue
        level = _rest(rows, degree)
        typical = float(np.sqrt(np.mean(level**2))) if level.size else 0.0
        if best is None or typical <= AGREEMENT * best_level:
            best = level
            best_level = min(best_level, typical)
    if best is None or not best.size:
        return floor
    seen = middle > 0
    pooled = POOL_SAFETY * _lower_median(best[seen] / middle[seen]) if seen.any() else 0.0
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


def stands_still(fine: NDArray[np.float64], coarse: NDArray[np.float64]) -> bool:
    """Whether the function is a staircase at the fine distance: outputs that move over the coarse one stand still."""
    moves = np.ptp(coarse, axis=0) > 0
    steps = np.diff(fine, axis=0)[:, moves]
    return bool(steps.size) and float(np.mean(steps == 0)) > STILL


def _lower_median(values: NDArray[np.float64]) -> float:
    """The lower of the two middle ones: one output at a jump is not typical, even where there are but two."""
    middle = (len(values) - 1) // 2
    return float(np.partition(values, middle)[middle])


def _rest(rows: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    """The standard deviation of what is left of each output after its best polynomial."""
    with np.errstate(all="ignore"):
        rest = _complement(len(rows), degree) @ rows
        level = np.sqrt(np.mean(rest**2, axis=0))
    return np.where(np.isfinite(level), level, 0.0)


@cache
def _complement(count: int, degree: int) -> NDArray[np.float64]:
    """Orthonormal rows that span what no polynomial of this degree has any part of, at the `offsets`."""
    powers = np.polynomial.legendre.legvander(np.array(offsets(count)) / count, degree)
    basis, _ = np.linalg.qr(powers, mode="complete")
    return np.ascontiguousarray(basis[:, degree + 1 :].T)
