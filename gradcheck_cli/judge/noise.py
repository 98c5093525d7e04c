"""How far a right gradient may lie from the reference: measured from the layer, never guessed from its size.

An element may differ by

    floor + relative · max(|reference|, scale) + drift (+ the witness's own error bar)

`scale` is the root mean square of the element's gradient under random signs of the upstream gradient: the size of the
terms that its sum is made of, which stays where they cancel. `drift` is how far the reference itself moves when the
inputs move by a rounding: it stands for ill-conditioned steps inside the layer. `floor` covers elements that are zero
but for rounding. None of them grows with the number of elements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.precision import epsilon, is_floating_dtype
from gradcheck_cli.judge.settings import Settings

Perturbed = Callable[[float, int], tuple[NDArray[Any], ...]]
"""`(relative size, seed) -> gradients`: the reference at inputs that are off by random factors of 1 ± that size."""

ROUNDING_FACTOR = 4.0
"""`relative` is this times epsilon to the power 3/4: 7e-12 in float64, 2.6e-5 in float32, 2 % in float16.

Rounding grows with the number of steps and with their conditioning inside the layer. Wide formats have room for that
without hiding an error anybody would make; in narrow ones the same number of lost bits would hide real bugs, and code
that works in them sums in wider ones.
"""

FLOOR_SHARE = 0.25
"""`floor` is this share of `relative`, times the leaf's mean scale."""

DRIFT_SAFETY = 16.0
"""`drift` is this times the movement seen: one random direction may by chance move an element little."""

PERTURBATIONS = 2
SAMPLE = 4096
SENSITIVITY_QUANTILE = 0.95


@dataclass(frozen=True)
class Tolerance:
    """The tolerance of every element of one leaf.

    Attributes:
        relative, floor: see the module's formula.
        scale, drift: in the leaf's shape, or None for zero.
        measured: False where the user gave `atol` or `rtol`.
    """

    relative: float
    floor: float
    scale: NDArray[np.float64] | None = None
    drift: NDArray[np.float64] | None = None
    measured: bool = True

    def at(self, magnitude: NDArray[np.float64], part: slice | NDArray[np.int64]) -> NDArray[np.float64]:
        """Tolerances of the elements `part` of the flattened leaf, whose references have these magnitudes."""
        if self.scale is None:
            result = magnitude * self.relative
        else:
            result = np.fmax(magnitude, self.scale.reshape(-1)[part])
            result *= self.relative
        result += self.floor
        if self.drift is not None:
            result += self.drift.reshape(-1)[part]
        return result


def given(settings: Settings) -> Tolerance | None:
    """The user's own tolerance, None where it is to be measured."""
    if settings.atol is None and settings.rtol is None:
        return None
    return Tolerance(settings.rtol or 0.0, settings.atol or 0.0, measured=False)


def relative_rounding(dtypes: Sequence[np.dtype[Any]]) -> float:
    """`relative` for a gradient that was computed in these dtypes: the narrowest floating one decides."""
    return float(
        ROUNDING_FACTOR
        * max((epsilon(dtype) for dtype in dtypes if is_floating_dtype(dtype)), default=epsilon(np.dtype(float)))
        ** 0.75
    )


def natural_size(outputs: Sequence[NDArray[Any]], upstream: Sequence[NDArray[Any]], value: NDArray[Any]) -> float:
    """The size that a gradient with respect to `value` has by its units: largest |upstream · output| / typical |value|.

    Zero where nothing can be said (an input or an output of zeros).
    """
    largest = 0.0
    for output, cotangent in zip(outputs, upstream):
        if np.shape(output) == np.shape(cotangent) and np.size(output):
            products = np.abs(np.asarray(output, dtype=np.result_type(cotangent)) * cotangent)
            largest = max(largest, float(np.max(products, initial=0.0, where=np.isfinite(products))))
    typical = float(np.mean(np.abs(value))) if value.size else 0.0
    return largest / typical if typical > 0 and np.isfinite(typical) else 0.0


def measure(
    scale: NDArray[np.float64],
    dtypes: Sequence[np.dtype[Any]],
    natural: float = 0.0,
    moved: Sequence[NDArray[Any]] = (),
    reference: NDArray[Any] | None = None,
) -> Tolerance:
    """The tolerance of one leaf.

    Args:
        scale: in the leaf's shape, see the module.
        dtypes: in which the layer computed this gradient.
        natural: `natural_size`; it counts only where the whole gradient lies below the rounding of the function, as
            the gradient of a bias before a batch normalisation does: such a leaf's own scale is rounding, too.
        moved: the reference at inputs that are off by a rounding, see `perturbations`.
        reference: the reference, needed where `moved` is given.
    """
    relative = relative_rounding(dtypes)
    finite = (
        scale if np.isfinite(typical := float(np.mean(scale)) if scale.size else 0.0) else scale[np.isfinite(scale)]
    )
    if finite is not scale:
        typical = float(np.mean(finite)) if finite.size else 0.0
    drift = None
    if moved and reference is not None:
        drift = _drift(moved, reference)
    floor = FLOOR_SHARE * relative * (natural if typical < relative * natural else typical)
    return Tolerance(relative, floor, scale, drift)


def perturbations(
    perturbed: Perturbed | None, dtypes: Sequence[np.dtype[Any]], seed: int
) -> tuple[tuple[NDArray[Any], ...], ...]:
    """The gradients at `PERTURBATIONS` inputs that are off by a rounding of the narrowest dtype; leaves inside."""
    if perturbed is None:
        return ()
    size = max((epsilon(dtype) for dtype in dtypes if is_floating_dtype(dtype)), default=epsilon(np.dtype(float)))
    return tuple(perturbed(size, seed + number) for number in range(PERTURBATIONS))


def sensitivity(tolerance: Tolerance, reference: NDArray[Any], bars: NDArray[np.float64] | None = None) -> float | None:
    """The relative error that would have been caught in 19 of 20 elements, whichever of them had it.

    The quantile of tolerance / |reference| over the elements whose reference is above its tolerance (of the others
    nobody can say that they are not zero), from an even sample of at most `SAMPLE` of them. None where there is none.
    """
    step = max(1, reference.size // SAMPLE)
    magnitude = np.abs(reference.reshape(-1)[::step]).astype(np.float64, copy=False)
    allowed = tolerance.at(magnitude, slice(None, None, step))
    if bars is not None:
        allowed = allowed + bars.reshape(-1)[::step]
    telling = np.isfinite(magnitude) & np.isfinite(allowed) & (magnitude > allowed)
    if not telling.any():
        return None
    return float(np.quantile(allowed[telling] / magnitude[telling], SENSITIVITY_QUANTILE, method="higher"))


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
