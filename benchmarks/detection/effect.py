"""Whether a mutant is wrong at all: its gradients held against the right ones on the same inputs.

An element counts as changed where

    |mutant − right| > threshold · |right| + 4 · noise

with `noise` measured on both: how far the element moves when the inputs move by a rounding, and no less than eight
roundings of the largest element of its leaf. At a kink that is met exactly it jumps, and no value is the only right
one: such elements do not count. This owes nothing to gradcheck's own tolerances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.cases import TYPICAL_STEP, Drawn, Gradient, Ran, TooSlow, limited, moved, run
from gradcheck_cli.layers.layer import BoundLayer

THRESHOLD = {"float64": 1e-6, "float32": 1e-3, "float16": 3e-2, "bfloat16": 3e-1}
"""The relative change of one element from which on a bug must be found."""

NOISE_SAFETY = 4.0
ROUNDINGS = 8.0
REPLAYS = 4
"""Of a mutant; even, for they come in pairs. The right backward, run once for all mutants, gets twice as many."""

JUMP = 1e-3
"""A spread of this share of the leaf's largest element is a jump, which does not grow with the step."""

GROSS = 0.01
"""A change of this share of a leaf's largest element is no noise."""

SECONDS = 5.0
"""A mutant that takes longer for one draw counts as one that does not run."""


class Effect(StrEnum):
    """What a mutation does to the gradients."""

    NONE = "none"
    """Nothing but noise: an equivalent."""
    SMALL = "small"
    """More than noise, less than the threshold."""
    CHANGED = "changed"
    """Some element is off by more than the threshold, or a gradient is missing or has another shape."""
    CRASH = "crash"
    """It raises, or does not end."""
    FORWARD = "forward"
    """It changes the outputs: no mutation of the backward alone."""


@dataclass(frozen=True)
class Difference:
    """The effect on some draws; `worst` is the largest relative change of an element (inf at a right zero)."""

    effect: Effect
    worst: float = 0.0


@dataclass(frozen=True)
class Runs:
    """A backward on one draw, and on the same draw moved by roundings."""

    drawn: Drawn
    ran: Ran
    replays: tuple[Ran, ...]

    def noise(self, leaf: int) -> NDArray[np.float64]:
        """How far each element of a leaf's gradient moves with roundings of the inputs."""
        own = self.ran.gradients[leaf]
        assert own is not None
        spread = np.zeros(own.shape)
        for replay in self.replays:
            other = replay.gradients[leaf]
            if other is not None and other.shape == own.shape:
                with np.errstate(invalid="ignore"):
                    np.fmax(spread, np.abs(other - own), out=spread)
        spread = np.where(np.isfinite(spread), spread, 0.0)
        jumps = spread > JUMP * np.max(np.abs(own), initial=0.0, where=np.isfinite(own))
        return np.where(jumps, spread, spread / TYPICAL_STEP)


def runs(bound: BoundLayer, drawn: Drawn, dtype: str, replays: int = 2 * REPLAYS) -> Runs:
    """A backward on a draw, and near it by roundings of `dtype`. Raises what it raises."""
    near = [moved(drawn, rounding(dtype), seed) for seed in range(replays)]
    return Runs(drawn, run(bound, drawn), tuple(run(bound, one) for one in near))


def rounding(dtype: str) -> float:
    """The spacing of the numbers of a dtype at one."""
    return float(np.finfo(dtype).eps) if dtype in ("float64", "float32", "float16") else 2.0**-8


def difference(right: Sequence[Runs], bound: BoundLayer, dtype: str = "float64") -> Difference:
    """What a mutant does on the draws of a right layer, taken over all of them."""
    epsilon = rounding(dtype)
    found = Difference(Effect.NONE)
    for one in right:
        try:
            with limited(SECONDS):
                own = _as_far_as_needed(one, bound, dtype)
        except (Exception, SystemExit, TooSlow):
            return Difference(Effect.CRASH)
        if not _same_outputs(one.ran, own.ran):
            return Difference(Effect.FORWARD)
        for leaf in range(len(one.ran.gradients)):
            found = _larger(found, _leaf_difference(one, own, leaf, epsilon, THRESHOLD[dtype]))
    return found


def _as_far_as_needed(right: Runs, bound: BoundLayer, dtype: str) -> Runs:
    """The mutant's run; its replays too, where its noise might be all there is to see."""
    ran = run(bound, right.drawn)
    if any(_is_gross(wanted, got) for wanted, got in zip(right.ran.gradients, ran.gradients)):
        return Runs(right.drawn, ran, ())
    return runs(bound, right.drawn, dtype, REPLAYS)


def _is_gross(wanted: Gradient, got: Gradient) -> bool:
    if wanted is None or got is None or wanted.shape != got.shape or not wanted.size:
        return False
    return bool(np.max(np.abs(got - wanted)) > GROSS * np.max(np.abs(wanted)))


def _leaf_difference(right: Runs, mutant: Runs, leaf: int, epsilon: float, threshold: float) -> Difference:
    wanted, got = right.ran.gradients[leaf], mutant.ran.gradients[leaf]
    if wanted is None or got is None:
        return Difference(Effect.NONE) if wanted is got else Difference(Effect.CHANGED, np.inf)
    if wanted.shape != got.shape:
        return Difference(Effect.CHANGED, np.inf)
    if not wanted.size:
        return Difference(Effect.NONE)
    size: NDArray[Any] = np.abs(wanted)
    noise = np.fmax(right.noise(leaf), mutant.noise(leaf))
    noise = np.fmax(noise, ROUNDINGS * epsilon * np.max(size, initial=0.0, where=np.isfinite(size)))
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.abs(got - wanted)
        error = np.where(np.isnan(error), np.where(np.isfinite(wanted), np.inf, 0.0), error)
        beyond = error > NOISE_SAFETY * noise
        changed = error > threshold * size + NOISE_SAFETY * noise
        worst = float(np.max(np.where(beyond, error / size, 0.0)))
    effect = Effect.CHANGED if changed.any() else Effect.SMALL if beyond.any() else Effect.NONE
    return Difference(effect, worst)


def _same_outputs(right: Ran, mutant: Ran) -> bool:
    if len(right.outputs) != len(mutant.outputs):
        return False
    pairs = zip(right.outputs, mutant.outputs)
    return all(one.shape == other.shape and np.array_equal(one, other, equal_nan=True) for one, other in pairs)


_ORDER = (Effect.NONE, Effect.SMALL, Effect.CHANGED)


def _larger(one: Difference, other: Difference) -> Difference:
    effect = max(one.effect, other.effect, key=_ORDER.index)
    return Difference(effect, max(one.worst, other.worst))
