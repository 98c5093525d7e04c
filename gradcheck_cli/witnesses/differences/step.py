"""Central differences at a step and at half of it: the value, its error bar, and a better step to try.

Everything is per output first, f(x+h) − f(x−h), and only then weighted with the upstream gradient, so that outputs
that do not change cancel exactly and bring no noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.witnesses.differences.noise import EPSILON

Floats = NDArray[np.float64]

TRUNCATION_SAFETY = 2.5
"""The extrapolated value is off by exactly |D(h/2) − D(h)|/3 where a kink lies between h/2 and h, by up to twice that
where it lies within h/2 and the even part below does not show it; by far less where the function is smooth."""

KINK_SHARE = 0.6
"""Half of a jump of the slope lies on either side of a central difference; a little more."""

NOISE_SAFETY = 12.0
"""The extrapolated value has 1.9 standard deviations of noise over h; three of those happen, and the noise itself is
an estimate."""

KINK_NOISE = 40.0
"""The even part has 10 standard deviations of noise over h; four of those are no kink."""

ENOUGH = 1e-8
"""No better step is looked for once the error bar is below this, relative to the terms that the value sums up."""

SHRINK, GROW, BOLD = 1 / 64, 64.0, 8.0
"""How far the step moves at most from one try to the next; and at least, where no truncation is seen yet."""

SMALLEST_STEP, LARGEST_STEP = 2.0**-36, 2.0**-3
"""Bounds of the step, relative to the element itself and to what steps are relative to: above a unit in the last place,
below where a function is no longer the same."""

NEAR_ZERO = 2.0**-40
"""An element smaller than this, relative to what steps are relative to, has the lower bound of one of this size."""

TRIES = 6


@dataclass(frozen=True)
class Model:
    """What is known of the function before any difference: values, weights and noise of its outputs.

    Attributes:
        base: (outputs,) values at the point itself.
        weights: (outputs,) the upstream gradient.
        noise: (outputs,) standard deviations.
        correlation: see `noise.correlation_of`.
        longest: the longest relative step in which the function may be taken for smooth.
    """

    base: Floats
    weights: Floats
    noise: Floats
    correlation: float
    longest: float = LARGEST_STEP

    @property
    def size(self) -> float:
        """The root sum of squares of the weighted outputs."""
        return float(np.sqrt(np.sum((self.base * self.weights) ** 2)))

    @property
    def relative_step(self) -> float:
        """The step at which the truncation of a function that bends at the scale of 1 is about its round-off."""
        value = self.size
        noise = float(np.sqrt(np.sum((self.noise * self.weights) ** 2)))
        relative = noise / value if value > 0 and np.isfinite(value) else EPSILON
        usual = float(np.clip(4 * max(relative, EPSILON / 2) ** (1 / 3), 2.0**-16, LARGEST_STEP))
        return min(usual, self.longest)


@dataclass(frozen=True)
class Sample:
    """Values at x ± h and x ± h/2, one row for each derivative that is asked for.

    Attributes:
        plus, minus, plus_half, minus_half: (rows, outputs).
        width, width_half: (rows,) the distances between the points as they are after rounding, about 2h and h.
    """

    plus: Floats
    minus: Floats
    plus_half: Floats
    minus_half: Floats
    width: Floats
    width_half: Floats


@dataclass(frozen=True)
class Estimate:
    """One row's derivative each: value, error bar, and its parts; `scale` is the root sum of squares of the terms."""

    value: Floats
    error: Floats
    truncation: Floats
    roundoff: Floats
    scale: Floats
    unchanged_share: Floats


Sampler = Callable[[NDArray[np.intp], Floats], Sample]
"""`(rows, relative steps) -> Sample`."""

Probe = Callable[[NDArray[np.intp]], NDArray[np.bool_]]
"""`rows -> (rows, outputs)`: which outputs depend on what the row moves."""


def estimate(sample: Sample, model: Model, depends: NDArray[np.bool_] | None = None) -> Estimate:
    """Value and error bar of each row; a row that is not finite, or whose step rounded away, has an infinite bar.

    Args:
        sample: the values.
        model: what is known of the function.
        depends: (rows, outputs), False where an output is known not to depend on what the row moves. An output that
            stands still may have moved by less than its noise, unless it is known not to depend.
    """
    weights = model.weights
    with np.errstate(all="ignore"):
        wide = sample.plus - sample.minus
        narrow = sample.plus_half - sample.minus_half
        slope, slope_half = (wide @ weights) / sample.width, (narrow @ weights) / sample.width_half
        value = (4 * slope_half - slope) / 3

        step = sample.width / 2
        even = (sample.plus_half + sample.minus_half - 2 * model.base) * (4 / sample.width_half)[:, None]
        even -= (sample.plus + sample.minus - 2 * model.base) * (1 / step)[:, None]
        np.abs(even, out=even)
        even -= model.noise * (KINK_NOISE / step)[:, None]
        np.maximum(even, 0.0, out=even)
        kink = even @ np.abs(weights)
        truncation = TRUNCATION_SAFETY / 3 * np.abs(slope_half - slope) + KINK_SHARE * kink

        changed = (wide != 0) | (narrow != 0)
        moving = changed @ (weights * model.noise) ** 2
        hidden = (weights * model.noise) ** 2
        still = np.sum(hidden) - changed @ hidden if depends is None else (depends & ~changed) @ hidden
        still = np.maximum(still, 0.0)
        roundoff = (NOISE_SAFETY * model.correlation * np.sqrt(moving) + np.sqrt(still)) / step
        scale = np.sqrt((wide**2) @ weights**2) / sample.width
        error = truncation + roundoff
    lost = ~np.isfinite(value) | ~np.isfinite(error) | (sample.width <= 0) | (sample.width_half <= 0)
    error[lost] = np.inf
    return Estimate(value, error, truncation, roundoff, scale, still / np.maximum(still + moving, 1e-300))


@dataclass(frozen=True)
class Refined:
    """The best estimate of each row over the steps tried, and the relative step that gave it; NaN: never sampled."""

    value: Floats
    error: Floats
    step: Floats


def refine(
    sampler: Sampler,
    count: int,
    model: Model,
    may_sample: Callable[[int], int],
    probe: Probe | None = None,
    own_size: Floats | None = None,
) -> Refined:
    """Estimate `count` derivatives, trying other steps where truncation and round-off are badly balanced.

    Args:
        sampler: evaluates the function for some rows at some relative steps.
        count: how many rows.
        model: what is known of the function.
        may_sample: `rows -> how many of them` may still be sampled, by the limit on evaluations.
        probe: tells which outputs depend on a row; asked only where it would make a bar tighter.
        own_size: (rows,) the size of what each row moves, relative to the size that its steps are relative to; where
            the function is not defined a step away, the next step tried is relative to this.
    """
    value, error = np.full(count, np.nan), np.full(count, np.inf)
    step, best_step = np.full(count, model.relative_step), np.full(count, np.nan)
    depends: dict[int, NDArray[np.bool_]] = {}
    smallest = SMALLEST_STEP * (np.ones(count) if own_size is None else np.maximum(own_size, NEAR_ZERO))
    active = np.arange(count)
    for _ in range(TRIES):
        active = active[: may_sample(len(active))]
        if not len(active):
            break
        tried = step[active]
        sample = sampler(active, tried)
        found = estimate(sample, model, _mask(depends, active, len(model.base)))
        wanting = ~(found.error <= ENOUGH * found.scale)
        if probe is not None:
            # What stands still but for a share of the noise is judged against the size of the function itself.
            still = (found.scale == 0) & (found.error * (sample.width / tried) <= ENOUGH * model.size)
            ask = wanting & ~still & (found.unchanged_share > 0.1) & np.isfinite(found.error)
            ask &= [row not in depends for row in active]
            if ask.any():
                depends.update(zip(active[ask].tolist(), probe(active[ask])))
                found = estimate(sample, model, _mask(depends, active, len(model.base)))
                wanting = ~(found.error <= ENOUGH * found.scale)
        overshot = (found.error >= error[active]) & (tried > best_step[active])
        better = (found.error < error[active]) | ~np.isfinite(value[active])
        better |= _contradicts(found, value[active], error[active]) & (tried < best_step[active])
        value[active[better]], error[active[better]] = found.value[better], found.error[better]
        best_step[active[better]] = tried[better]
        wanting &= (found.scale > 0) | ~np.isfinite(found.error)
        following = np.minimum(_next_step(found, tried, smallest[active]), model.longest)
        if own_size is not None:
            lost = ~np.isfinite(found.error)
            closer = np.maximum(model.relative_step * own_size[active], smallest[active])
            following[lost] = np.where(closer < tried, closer, following)[lost]
        wanting &= (following != tried) & ~overshot
        step[active] = following
        active = active[wanting]
    return Refined(value, error, best_step)


def _contradicts(found: Estimate, value: Floats, error: Floats) -> NDArray[np.bool_]:
    """Whether a shorter step shows that a longer one's bar is not true: the function oscillates within that."""
    with np.errstate(all="ignore"):
        return np.abs(found.value - value) > 2 * found.error + error


def _mask(depends: dict[int, NDArray[np.bool_]], active: NDArray[np.intp], outputs: int) -> NDArray[np.bool_] | None:
    if not depends:
        return None
    known = np.ones((len(active), outputs), bool)
    for position, row in enumerate(active.tolist()):
        if row in depends:
            known[position] = depends[row]
    return known


def _next_step(found: Estimate, tried: Floats, smallest: Floats) -> Floats:
    """Where truncation, which grows as h², would be half of round-off, which falls as 1/h; the same where it is.

    Truncation below round-off may be nothing but round-off: then a bolder step is worth a try.
    """
    with np.errstate(all="ignore"):
        factor = np.cbrt(found.roundoff / (2 * found.truncation))
        factor = np.where(found.truncation <= found.roundoff, np.maximum(factor, BOLD), factor)
    factor = np.where(np.isfinite(found.error), np.clip(np.nan_to_num(factor, nan=GROW), SHRINK, GROW), SHRINK)
    balanced = (factor > 0.5) & (factor < 2)
    return np.where(balanced, tried, np.clip(tried * factor, smallest, LARGEST_STEP))
