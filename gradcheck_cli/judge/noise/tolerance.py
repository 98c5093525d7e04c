"""How far a right gradient may lie from the reference: measured from the layer, never guessed from its size.

An element may differ by

    floor + max(relative · max(|reference|, scale), own · |reference|) + drift (+ the witness's own error bar)

`scale` is the root mean square of the element's gradient under random signs of the upstream gradient: the size of the
terms that its sum is made of, which stays where they cancel. `relative` is a few roundings, or more where the layer's
own noise is seen to be larger (`noise_of`). `own` is a share of the element itself that nobody calls a mistake
(`unmeasured_rounding`): a series cut off at 1e-13 is none. `drift` is how far the reference itself moves when the
inputs move by a rounding: it stands for ill-conditioned steps inside the layer. `floor` covers elements that are zero
but for rounding. None of them grows with the number of elements. An element below `own` times the mean scale is as good
as zero, and may be off by as much: 1 − tanh² of a saturated unit is one rounding or two, at all inputs around.
Elements outside get a second look (`jitter`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.precision import DOUBLE_EPSILON, epsilon, is_floating_dtype, underflow

Perturbed = Callable[[float, int], tuple[NDArray[Any], ...]]
"""`(relative size, seed) -> gradients`: the reference at inputs that are off by random factors of 1 ± that size."""

ROUNDINGS = 16.0
"""`relative` is this many epsilons: 3.6e-15 in float64, 1.9e-6 in float32, 1.6 % in float16, 12 % in bfloat16.

Right layers of a few steps stay within 4; what sums more terms, or is worse conditioned, shows it in `noise_of`.
"""

NOISE_SAFETY = 12.0
"""`relative` is at least this times the typical noise that was seen, some eight standard deviations."""

FLOOR_SHARE, DOUBLE_FLOOR_SHARE = 0.25, 1.0
"""`floor` is this share of `relative`, times the leaf's mean scale or its `natural_size`, whichever is more.

Float64 has room for more. What fails in narrower dtypes is run in float64 too, so that they need no more.
"""

SMALLEST_INPUT = 0.05
"""Inputs below this size do not make `natural_size` larger: most functions do not bend faster near zero than this."""

DRIFT_SAFETY = 16.0
"""`drift` is this times the movement seen: one random direction may by chance move an element little."""

NORMAL_MEDIAN = 0.9539
"""The median of |a − b| for two standard normal numbers: √2 times that of one, 0.6745."""

LARGEST_UNDERFLOW = 2.0**-100
"""What underflows is as good as zero; float16's smallest numbers, 6e-5, are not."""

UNMEASURED_FACTOR = 4.0

PERTURBATIONS = 2

LONGEST_REPLAY = 2.0**-8

NEAR = 4.0
NEAR_POWERS = (7 / 8, 3 / 4)
"""Distances of the other near replays, as powers of epsilon: what is rounded inside may be far larger than the inputs,
and then moves by less than its spacing where those move by a few roundings."""
NEAR_REPLAYS, FAR_REPLAYS = 1 + len(NEAR_POWERS), 3
REPLAYS = NEAR_REPLAYS + FAR_REPLAYS
MORE_REPLAYS = 8
"""Near ones, for elements that are still outside by so little that it may be rounding: of a value that is rounded up or
down to the next in four calls, all four are the same once in eight times."""
JITTER_SAFETY = 4.0
LARGEST_JITTER = 0.5
"""Jitter counts up to epsilon to this power, times the element's size: a backward that is random is no noise. From
afar it counts up to `unmeasured_rounding` only, which is below what a cast to float32 does in float64."""

SAMPLE = 4096


@dataclass(frozen=True)
class Tolerance:
    """The tolerance of every element of one leaf.

    Attributes:
        relative, floor, own: see the module's formula.
        scale, drift: in the leaf's shape, or None for zero.
        jitter: the least tolerance of each element, from a second look; in the leaf's shape, or None.
        measured: False where the user gave `atol` or `rtol`.
        least: elements smaller than this are as good as zero, and may be off by as much.
    """

    relative: float
    floor: float
    scale: NDArray[np.float64] | None = None
    drift: NDArray[np.float64] | None = None
    jitter: NDArray[np.float64] | None = None
    measured: bool = True
    own: float = 0.0
    least: float = 0.0

    def at(self, magnitude: NDArray[np.float64], part: slice | NDArray[np.int64]) -> NDArray[np.float64]:
        """Tolerances of the elements `part` of the flattened leaf, whose references have these magnitudes."""
        if self.scale is None:
            result = magnitude * self.relative
        else:
            result = np.fmax(magnitude, self.scale.reshape(-1)[part])
            result *= self.relative
            if self.own > self.relative:
                np.fmax(result, magnitude * self.own, out=result)
            if self.least > self.floor:
                result[np.fmax(magnitude, self.scale.reshape(-1)[part]) < self.least] = self.least
        result += self.floor
        if self.drift is not None:
            result += self.drift.reshape(-1)[part]
        if self.jitter is not None:
            np.fmax(result, self.jitter.reshape(-1)[part], out=result)
        return result


def given(settings: Settings) -> Tolerance | None:
    """The user's own tolerance, None where it is to be measured."""
    if settings.atol is None and settings.rtol is None:
        return None
    return Tolerance(settings.rtol or 0.0, settings.atol or 0.0, measured=False)


def measured_rounding(dtypes: Sequence[np.dtype[Any]], noise: float) -> float:
    """`relative` for a gradient that was computed in these dtypes: the narrowest floating one decides.

    `noise`: what was seen (`noise_of`); a backward that is random is none, so that it counts up to √ε.
    """
    rounding = largest_epsilon(dtypes)
    return float(max(ROUNDINGS * rounding, min(NOISE_SAFETY * noise, rounding**LARGEST_JITTER)))


def unmeasured_rounding(dtypes: Sequence[np.dtype[Any]]) -> float:
    """The same where noise is not measured: 4·ε^¾, 7e-12 in float64, 2.6e-5 in float32, 2 % in float16.

    Rounding grows with the number of steps and with their conditioning inside the layer. Wide formats have room for
    that without hiding an error anybody would make; in narrow ones the same number of lost bits would hide real bugs,
    and code that works in them sums in wider ones.
    """
    return float(UNMEASURED_FACTOR * largest_epsilon(dtypes) ** 0.75)


def replay_distances(dtypes: Sequence[np.dtype[Any]]) -> tuple[float, ...]:
    """How far off, relatively, the inputs of each replay are: from 4 ε to ε^¾, then ε^¼, but never above 0.004.

    `REPLAYS` of them, then `MORE_REPLAYS` at ε^¾.

    Rounding is drawn anew next door already, but not all of it: log(1 + e⁻²⁵) added to a large number is rounded alike
    at inputs that are near. Farther away so is a cast to a narrower dtype, whose noise must not be taken for the
    layer's own (`jitter`). A mistake stays what it is at either distance.
    """
    rounding = largest_epsilon(dtypes)
    far = rounding**0.25
    near = (NEAR * rounding, *(rounding**power for power in NEAR_POWERS))
    distances = (*near, *(far,) * FAR_REPLAYS, *near[-1:] * MORE_REPLAYS)
    return tuple(max(rounding, min(distance, LONGEST_REPLAY)) for distance in distances)


def noise_of(errors: NDArray[Any], others: NDArray[Any], reference: NDArray[Any], scale: NDArray[np.float64]) -> float:
    """The typical noise of a leaf's elements, relative to max(|reference|, scale), as a standard deviation.

    From how yours − reference changes when the inputs move a little: a mistake stays what it is.

    Args:
        errors, others: yours − reference at two inputs that are close (`replay_distances`), in the leaf's shape.
    """
    step = max(1, reference.size // SAMPLE)
    size = np.fmax(np.abs(reference.reshape(-1)[::step]), scale.reshape(-1)[::step])
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        changes = np.abs(others.reshape(-1)[::step] - errors.reshape(-1)[::step]) / size
    known = changes[np.isfinite(changes)]
    return float(np.median(known)) / NORMAL_MEDIAN if known.size else 0.0


def natural_size(
    outputs: Sequence[NDArray[Any]],
    upstream: Sequence[NDArray[Any]],
    value: NDArray[Any],
    smallest: float = SMALLEST_INPUT,
) -> float:
    """The size of the terms that a gradient with respect to `value` is made of, by its units.

    The largest |upstream · output| over the root mean square of `value`. Inside a backward such terms may cancel to
    something far smaller, without a trace in `Autodiff.scale`: the gradient through a normalisation of few elements,
    of a bias before a batch normalisation, of a saturated sigmoid or softmax.

    `smallest`: a root mean square below this counts as this.
    """
    largest = 0.0
    for output, cotangent in zip(outputs, upstream):
        if np.shape(output) == np.shape(cotangent) and np.size(output):
            products = np.abs(np.asarray(output, dtype=np.result_type(cotangent)) * cotangent)
            largest = max(largest, float(np.max(products, initial=0.0, where=np.isfinite(products))))
    flat = value.reshape(-1).astype(np.result_type(value, np.float64), copy=False)
    typical = float(np.sqrt(np.real(np.vdot(flat, flat)) / flat.size)) if flat.size else 0.0
    size = max(typical, smallest)
    return largest / size if np.isfinite(size) and size > 0 else 0.0


def measure(
    scale: NDArray[np.float64],
    dtypes: Sequence[np.dtype[Any]],
    natural: float = 0.0,
    moved: Sequence[NDArray[Any]] = (),
    reference: NDArray[Any] | None = None,
    noise: float = 0.0,
) -> Tolerance:
    """The tolerance of one leaf.

    Args:
        scale: in the leaf's shape, see the module.
        dtypes: in which the layer computed this gradient.
        natural: `natural_size`.
        moved: the reference at inputs that are off by a rounding, see `perturbations`.
        reference: the reference, needed where `moved` is given.
        noise: `noise_of`.
    """
    relative = measured_rounding(dtypes, noise)
    drift = _drift(moved, reference) if moved and reference is not None else None
    typical, own = typical_size(scale), unmeasured_rounding(dtypes)
    share = FLOOR_SHARE if largest_epsilon(dtypes) > DOUBLE_EPSILON else DOUBLE_FLOOR_SHARE
    floor = share * relative * max(typical, natural) + min(underflow(dtypes), LARGEST_UNDERFLOW)
    return Tolerance(relative, floor, scale, drift, own=own, least=own * typical)


def typical_size(scale: NDArray[np.float64]) -> float:
    """The mean of the finite scales of a leaf."""
    mean = float(np.mean(scale)) if scale.size else 0.0
    if not np.isfinite(mean):
        finite = scale[np.isfinite(scale)]
        mean = float(np.mean(finite)) if finite.size else 0.0
    return mean


def perturbations(
    perturbed: Perturbed | None, dtypes: Sequence[np.dtype[Any]], seed: int, count: int = PERTURBATIONS
) -> tuple[tuple[NDArray[Any], ...], ...]:
    """The gradients at `count` inputs that are off by a rounding of the narrowest dtype; leaves inside."""
    if perturbed is None:
        return ()
    size = largest_epsilon(dtypes)
    return tuple(perturbed(size, seed + number) for number in range(count))


def jitter(
    errors: Sequence[NDArray[Any]],
    reference: NDArray[Any],
    tolerance: Tolerance,
    dtypes: Sequence[np.dtype[Any]],
    natural: float = 0.0,
    references: Sequence[NDArray[Any]] = (),
) -> Tolerance:
    """The tolerance, widened by the rounding inside yours: how its error changes when the inputs move a little.

    Rounding is drawn anew at each input, however near, and a mistake stays what it is. So steps of the user's
    backward that cancel, and that the reference in float64 does not show, are told from mistakes.

    Args:
        errors: yours − reference at the inputs themselves, then at those of `replay_distances`.
        reference, dtypes: of the leaf.
        natural: `natural_size` at the inputs' own size, however small: what cancels inside may be as large.
        references: the reference at the inputs of `errors`, where known. An element that nearly cancels is another
            number a little farther away, and so is a mistake that is a share of it: that share is no rounding.
    """
    size = np.abs(reference) if tolerance.scale is None else np.fmax(np.abs(reference), tolerance.scale)
    size = np.fmax(size, natural)
    here, near, far = errors[:1], errors[1 : 1 + NEAR_REPLAYS], errors[1 + NEAR_REPLAYS : 1 + REPLAYS]
    near = [*near, *errors[1 + REPLAYS :]]
    spread = np.fmin(_spread([*here, *near]), _largest_jitter(dtypes) * size + tolerance.floor)
    if far:
        afar = _spread([*here, *far])
        if references:
            there = references[1 + NEAR_REPLAYS : 1 + REPLAYS]
            afar = np.fmin(afar, _spread([*here, *(_share(*pair, reference) for pair in zip(far, there))]))
        spread = np.fmax(spread, np.fmin(afar, unmeasured_rounding(dtypes) * size))
    return replace(tolerance, jitter=spread)


def may_be_rounding(
    errors: NDArray[Any],
    wrong: NDArray[np.int64],
    reference: NDArray[Any],
    tolerance: Tolerance,
    dtypes: Sequence[np.dtype[Any]],
) -> bool:
    """Whether the elements `wrong` are off by no more than what `jitter` may count."""
    flat = np.abs(reference).reshape(-1)[wrong]
    size = flat if tolerance.scale is None else np.fmax(flat, tolerance.scale.reshape(-1)[wrong])
    return bool(np.all(np.abs(errors).reshape(-1)[wrong] <= _largest_jitter(dtypes) * size + tolerance.floor))


def _largest_jitter(dtypes: Sequence[np.dtype[Any]]) -> float:
    return float(largest_epsilon(dtypes) ** LARGEST_JITTER)


def _spread(errors: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """How far errors of a right element may lie from zero, by how far these lie apart; 0 where some are not finite."""
    stacked = np.stack(errors)
    with np.errstate(invalid="ignore", over="ignore"):
        spread = JITTER_SAFETY * np.max(np.abs(stacked - stacked.mean(axis=0)), axis=0)
    return np.where(np.isfinite(spread), spread, 0.0)


def _share(error: NDArray[Any], there: NDArray[Any], here: NDArray[Any]) -> NDArray[Any]:
    """An error as the same share of the element here; as it is where the element there is zero."""
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        scaled = error * (here / there)
    return np.where(np.isfinite(scaled), scaled, error)


def largest_epsilon(dtypes: Sequence[np.dtype[Any]]) -> float:
    """Epsilon of the narrowest floating dtype among these; a float64's where there is none."""
    floating = [epsilon(dtype) for dtype in dtypes if is_floating_dtype(dtype)]
    return max(floating, default=DOUBLE_EPSILON)


def _drift(moved: Sequence[NDArray[Any]], reference: NDArray[Any]) -> NDArray[np.float64]:
    """How far each element moved, or the middle one of a sample did, whichever is more; never NaN."""
    largest = np.zeros(reference.shape)
    for gradient in moved:
        with np.errstate(invalid="ignore"):
            np.fmax(largest, np.abs(gradient - reference), out=largest)
    np.copyto(largest, 0.0, where=~np.isfinite(largest))
    step = max(1, largest.size // SAMPLE)
    middle = float(np.median(largest.reshape(-1)[::step])) if largest.size else 0.0
    np.fmax(largest, middle, out=largest)
    largest *= DRIFT_SAFETY
    return largest
