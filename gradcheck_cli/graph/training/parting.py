"""Whether two runs have parted: further apart than rounding alone takes them, which is measured and not guessed.

A third run has autodiff's gradients too. It begins one rounding off, and at each step its gradients are off by a few
roundings, or by as much as the user's were, where those agreed with autodiff. How far it gets from the second run is
what rounding does in this very training: little in a calm one, everything in one that is chaotic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.graph.training.parameters import Array, Parameter, Values
from gradcheck_cli.witnesses.upstream import widened

SAFETY = 32.0
"""Two runs have parted where they differ by more than this times what rounding does, ..."""

FLOOR = 256.0
"""... and by more than so many roundings of the parameter's largest element."""

GRADIENT_ROUNDINGS = 4.0
"""By so many roundings of its largest element a gradient of the third run is off, at least."""

SAME_POWER, SAME_FACTOR = 0.75, 16.0
"""Gradients at the same parameters agree within 16·ε^¾ of the largest so far, 3e-11 in float64, 1e-4 in float32: each
layer may be off by a quarter of that (`unmeasured_rounding`). What is further off is judged layer by layer."""

STREAM = 0x70


@dataclass(frozen=True)
class Parted:
    """A parameter whose two runs have parted.

    Attributes:
        step: after which they had; counted from 1.
        difference: the largest, then.
        rounding: how far rounding alone had come by then.
    """

    step: int
    difference: float
    rounding: float


@dataclass(frozen=True)
class Differed:
    """A gradient that is not autodiff's at the same parameters.

    Attributes:
        step: the first at which it is not.
        error: the largest difference, relative to autodiff's largest element; absolute where that is zero.
        missing: nothing came back that fits the parameter.
    """

    step: int
    error: float
    missing: bool = False


def same_within(epsilon: float) -> float:
    """The relative error up to which two gradients agree."""
    return SAME_FACTOR * float(epsilon**SAME_POWER)


class Rounding:
    """The third run's roundings, and what they have done so far."""

    def __init__(self, parameters: Sequence[Parameter], epsilon: float, seed: int) -> None:
        self._epsilon = epsilon
        self._rng = np.random.default_rng((seed, STREAM))
        self._parameters = parameters
        self.reached: dict[str, float] = {parameter.name: 0.0 for parameter in parameters}

    def start(self) -> dict[str, Array]:
        """The parameters, each element one rounding off."""
        found = {}
        for parameter in self._parameters:
            wide = widened(parameter.start)
            size = np.max(np.abs(wide), initial=0.0)
            off = parameter.epsilon * np.where(wide == 0, size, np.abs(wide))
            found[parameter.name] = np.asarray(wide + self._signs(wide) * off).astype(parameter.start.dtype)
        return found

    def gradients(self, exact: Mapping[str, Array], observed: Mapping[str, float]) -> dict[str, Array]:
        """Gradients that are off by roundings, or by `observed` where that is more."""
        found = {}
        for name, gradient in exact.items():
            size = float(np.max(np.abs(gradient), initial=0.0))
            off = max(GRADIENT_ROUNDINGS * self._epsilon * size, observed.get(name, 0.0))
            found[name] = gradient + self._signs(gradient) * off
        return found

    def look(self, second: Values, third: Values) -> None:
        """How far the third run is from the second."""
        for name, value in second.items():
            self.reached[name] = max(self.reached[name], distance(value, third[name]))

    def parted(self, parameter: Parameter, step: int, first: Array, second: Array) -> Parted | None:
        """Whether a parameter of the first run is further from the second's than rounding takes it."""
        difference = distance(first, second)
        size = float(np.max(np.abs(widened(second)), initial=0.0))
        reached = self.reached[parameter.name]
        if difference <= SAFETY * reached + FLOOR * parameter.epsilon * size:
            return None
        return Parted(step, difference, reached)

    def _signs(self, like: Array) -> Array:
        return self._rng.choice([-1.0, 1.0], like.shape)


def distance(one: Array, other: Array) -> float:
    """The largest difference; infinite where one of them alone is not finite."""
    with np.errstate(all="ignore"):
        off = np.abs(widened(one) - widened(other))
    if np.isfinite(off).all():
        return float(np.max(off, initial=0.0))
    return 0.0 if np.array_equal(one, other, equal_nan=True) else float("inf")
