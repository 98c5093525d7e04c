"""What was seen of a training, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gradcheck_cli.graph.training.parameters import Array, Parameter
from gradcheck_cli.graph.training.parting import Differed, Parted
from gradcheck_cli.graph.training.updating import Departure

YOURS, AUTODIFF = "yours", "autodiff"


@dataclass(frozen=True)
class Stopped:
    """Where numbers ceased to be finite.

    Attributes:
        step: counted from 1.
        layer: the use of a layer.
        what: `its output`, `the gradient that it hands back`, `its parameter w after the step`.
    """

    step: int
    layer: str
    what: str


@dataclass
class Run:
    """One run of the two.

    Attributes:
        values: of the parameters, now.
        losses: before each step, and after the last.
        norms: of each layer's gradient at each step, by the layer's name.
        stopped: where it ended early.
    """

    values: dict[str, Array]
    losses: list[float] = field(default_factory=list)
    norms: dict[str, list[float]] = field(default_factory=dict)
    stopped: Stopped | None = None

    def note_norms(self, parameters: Sequence[Parameter], gradients: Mapping[str, Array]) -> None:
        """The norm of each layer's gradient: over all its parameters."""
        squares: dict[str, float] = {}
        with np.errstate(all="ignore"):
            for parameter in parameters:
                square = float(np.sum(np.abs(gradients[parameter.name]) ** 2))
                squares[parameter.layer] = squares.get(parameter.layer, 0.0) + square
        for layer, square in squares.items():
            self.norms.setdefault(layer, []).append(float(np.sqrt(square)))


@dataclass
class History:
    """A training.

    Attributes:
        yours, autodiff: the runs.
        differed, parted: by the parameter's name.
        departure: the first step that the update function made otherwise than the plain rule.
        steps: that were made.
        rounding: how far rounding alone has taken each parameter.
    """

    yours: Run
    autodiff: Run
    differed: dict[str, Differed] = field(default_factory=dict)
    parted: dict[str, Parted] = field(default_factory=dict)
    departure: Departure | None = None
    steps: int = 0
    rounding: dict[str, float] = field(default_factory=dict)
