"""The right gradient, independent of gradcheck and of autodiff: Ridders' extrapolated central differences.

NumPy forwards are run in `np.longdouble` (64 bits of mantissa on x86), others in float64. A tableau of central
differences at shrinking steps is extrapolated to step zero (Ridders 1982, *Advances in Engineering Software* 4:75;
Numerical Recipes in C, 5.7, `dfridr`): its error estimate is the least disagreement between neighbouring entries, so
that truncation, rounding and a forward that falls back to a narrower type all show in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.cases import Drawn, RightLayer, run
from gradcheck_cli.layers.layer import BoundLayer
from gradcheck_cli.layers.users_code import quiet
from gradcheck_cli.witnesses.differences.evaluate import JaxForward, NumpyForward

FIRST_STEP = 0.02
"""Times the element's size. Draws keep 0.05 and more from the usual kinks."""

SHRINK = 2.0
"""Each step is half the one before: a power of two, so that no step is rounded."""

STEPS = 9
SAFETY = 2.0
"""The tableau goes on until its estimates are this much worse than the best (Numerical Recipes)."""

CLOSER = 2.0**-8
"""Times the first step, for another look where backward and reference part: a kink may stand within the large ones."""

SMALLEST = 0.05
"""An element that is smaller counts as if it had this share of its leaf's largest (of one, where that is larger)."""

ROUNDING = 1e-13
"""Times the largest element in any draw up to here: what is smaller may be zero but for rounding."""

Function = Callable[[tuple[NDArray[Any], ...]], Any]
"""From the leaves to the number Σ upstream · outputs."""


@dataclass(frozen=True)
class Derivative:
    """A derivative, and an estimate of how far it is off."""

    value: float
    error: float


@dataclass(frozen=True)
class Verified:
    """A right backward held against the reference, on all draws.

    Attributes:
        elements: how many were compared.
        worst: the largest |backward − reference| / |reference|, held against a millionth of the leaf's largest element
            in any draw up to here where the element is smaller than that.
        error: the largest of the reference's own error estimates, in the same measure.
        precision: `longdouble` or `float64`.
        wrong: elements that are off by more than 1e-6 and ten error estimates.
        kinks: elements that were left out, because the slopes on their two sides differ.
    """

    elements: int
    worst: float
    error: float
    precision: str
    wrong: int
    kinks: int


def ridders(function: Callable[[Any], Any], size: float, kind: Any) -> Derivative:
    """The derivative of `function` at zero, where inputs change over lengths of `size`; `kind` is the number type.

    Neighbouring entries may agree by chance: no error is claimed below one rounding of the function over the step.
    """
    epsilon = float(np.finfo(kind).eps)
    step = kind(2.0 ** np.floor(np.log2(FIRST_STEP * size)))
    row: list[Any] = []
    best = Derivative(float("nan"), float("inf"))
    for _ in range(STEPS):
        right, left = function(step), function(-step)
        rounding = epsilon * float(max(abs(right), abs(left)) / step)
        above, row = row, [(right - left) / (2 * step)]
        factor = kind(SHRINK**2)
        for previous in above:
            row.append((row[-1] * factor - previous) / (factor - 1))
            factor *= kind(SHRINK**2)
            error = max(float(abs(row[-1] - row[-2])), float(abs(row[-1] - previous)), rounding)
            if error <= best.error:
                best = Derivative(float(row[-1]), error)
        if above and not abs(row[-1] - above[-1]) < SAFETY * best.error:
            break
        step /= kind(SHRINK)
    return best


def one_sided(function: Callable[[Any], Any], size: float, kind: Any, side: int) -> Derivative:
    """The slope of `function` at zero to one side of it (1 or -1), extrapolated like `ridders`."""
    epsilon = float(np.finfo(kind).eps)
    step = kind(side * 2.0 ** np.floor(np.log2(FIRST_STEP * size)))
    here = function(kind(0))
    row: list[Any] = []
    best = Derivative(float("nan"), float("inf"))
    for _ in range(STEPS):
        there = function(step)
        rounding = epsilon * float(max(abs(there), abs(here)) / abs(step))
        above, row = row, [(there - here) / step]
        factor = kind(SHRINK)
        for previous in above:
            row.append((row[-1] * factor - previous) / (factor - 1))
            factor *= kind(SHRINK)
            error = max(float(abs(row[-1] - row[-2])), float(abs(row[-1] - previous)), rounding)
            if error <= best.error:
                best = Derivative(float(row[-1]), error)
        step /= kind(SHRINK)
    return best


def precision_of(right: RightLayer) -> str:
    """`longdouble` where the forward keeps it from its inputs to its outputs, else `float64`."""
    if right.layer.uses_jax:
        return "float64"
    drawn = right.draws[0]
    leaves = tuple(leaf.value.astype(np.longdouble) for leaf in drawn.case.leaves)
    try:
        with quiet():
            outputs = _forward(right.bound, drawn)(leaves)
    except Exception:  # LAPACK has no such type
        return "float64"
    return "longdouble" if all(output.dtype == np.longdouble for output in outputs) else "float64"


def _forward(bound: BoundLayer, drawn: Drawn) -> Any:
    if drawn.case.layer.uses_jax:
        return JaxForward(bound, drawn.case)
    return NumpyForward(bound, drawn.case)


def total(right: RightLayer, drawn: Drawn, precision: str) -> Function:
    """Σ upstream · outputs as a function of the leaves, summed in the precision asked for."""
    forward = _forward(right.bound, drawn)
    kind = np.longdouble if precision == "longdouble" else np.float64

    def function(leaves: tuple[NDArray[Any], ...]) -> Any:
        outputs = forward(leaves)
        products = (np.sum(g.astype(kind) * output) for g, output in zip(drawn.upstream.flat, outputs))
        return sum(products, kind(0))

    return function


def derivative(
    right: RightLayer,
    drawn: Drawn,
    leaf: int,
    index: tuple[int, ...],
    precision: str = "float64",
    closer: float = 1.0,
) -> Derivative:
    """The derivative of Σ upstream · outputs with respect to one element of one leaf; `closer` scales the steps."""
    along, size, kind = _line(right, drawn, leaf, index, precision)
    with quiet(), np.errstate(all="ignore"):
        return ridders(along, closer * size, kind)


def is_kink(right: RightLayer, drawn: Drawn, leaf: int, index: tuple[int, ...], precision: str = "float64") -> bool:
    """Whether the slopes on the two sides of an element differ by more than a millionth and ten error estimates."""
    along, size, kind = _line(right, drawn, leaf, index, precision)
    with quiet(), np.errstate(all="ignore"):
        below, above = (one_sided(along, size, kind, side) for side in (-1, 1))
    apart = abs(below.value - above.value)
    return apart > 1e-6 * max(abs(below.value), abs(above.value)) + 10 * (below.error + above.error)


def _line(
    right: RightLayer, drawn: Drawn, leaf: int, index: tuple[int, ...], precision: str
) -> tuple[Callable[[Any], Any], float, Any]:
    """Σ upstream · outputs as a function of a step of one element, that element's size, and the number type."""
    kind = np.longdouble if precision == "longdouble" else np.float64
    leaves = [one.value.astype(kind) for one in drawn.case.leaves]
    function = total(right, drawn, precision)
    at = leaves[leaf][index]

    def along(step: Any) -> Any:
        leaves[leaf][index] = at + step
        value = function(tuple(leaf.copy() for leaf in leaves))
        leaves[leaf][index] = at
        return value

    largest = float(np.max(np.abs(leaves[leaf]))) or 1.0
    return along, max(float(abs(at)), SMALLEST * min(largest, 1.0)), kind


def verify(right: RightLayer, most: int = 40, seed: int = 0) -> Verified:
    """Hold a layer's own backward against the reference, on all of its draws and at most `most` elements of a leaf."""
    precision = precision_of(right)
    rng = np.random.default_rng(seed)
    elements, wrong, kinks, worst, error = 0, 0, 0, 0.0, 0.0
    elsewhere: dict[int, float] = {}
    for drawn in right.draws:
        gradients = run(right.bound, drawn).gradients
        for leaf, gradient in enumerate(gradients):
            if gradient is None or gradient.shape != drawn.case.leaves[leaf].value.shape:
                wrong += 1
                continue
            largest = max(float(np.max(np.abs(gradient), initial=0.0)), elsewhere.get(leaf, 0.0))
            zero = ROUNDING * largest
            elsewhere[leaf] = largest
            for flat in rng.permutation(gradient.size)[:most]:
                index = tuple(int(i) for i in np.unravel_index(flat, gradient.shape))
                for closer in (1.0, CLOSER):
                    true = derivative(right, drawn, leaf, index, precision, closer)
                    size = max(abs(true.value), 1e-6 * largest, 1e-300)
                    off = abs(complex(gradient[index]) - true.value)
                    is_off = off > 1e-6 * size + 10 * true.error + zero
                    if not is_off:
                        break
                if is_off and is_kink(right, drawn, leaf, index, precision):
                    kinks += 1
                    continue
                elements += 1
                worst, error = max(worst, (off - zero) / size), max(error, true.error / size)
                wrong += int(is_off)
    return Verified(elements, worst, error, precision, wrong, kinks)
