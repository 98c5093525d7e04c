"""A training as plain data: two runs of the same network from the same start, and where they part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gradcheck_cli.report.model import Finding, Status

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class UpdateRule:
    """How a step is made.

    Attributes:
        name: of the user's function or object; "" for the plain rule.
        line: of it.
        form: how it is called.
        departs: the first step that is not w - lr * dw; None where all are.
        parameter: whose.
        factor: the step is this times the plain one; None where it is no multiple of it.
    """

    name: str = ""
    line: int | None = None
    form: str = ""
    departs: int | None = None
    parameter: str = ""
    factor: float | None = None


@dataclass(frozen=True)
class TrainedParameter:
    """A parameter in both runs.

    Attributes:
        layer: that has it.
        differs: the first step at which the user's gradient is not autodiff's at the same parameters.
        error: by how much, relative to autodiff's largest element; None where nothing usable came back.
        parts: the step after which the two runs' values are further apart than rounding takes them.
        difference, rounding: how far apart they are then (after the last step where they do not part), and how far
            rounding alone had come.
        start, yours, autodiff: its values before the first step, and after the last in either run.
    """

    name: str
    layer: str
    shape: tuple[int, ...]
    differs: int | None
    error: float | None
    parts: int | None
    difference: float
    rounding: float
    start: Any
    yours: Any
    autodiff: Any


@dataclass(frozen=True)
class LayerNorms:
    """The norm of the gradient of all parameters of a layer, step by step."""

    layer: str
    yours: Numbers
    autodiff: Numbers


@dataclass(frozen=True)
class RunEnd:
    """Where numbers ceased to be finite: `run` is `yours` or `autodiff`, `what` a part of the sentence."""

    run: str
    step: int
    layer: str
    what: str


@dataclass(frozen=True)
class TrainingCause:
    """Why the runs part: the first layer on the way back that is wrong.

    Attributes:
        step: the first at which a gradient is not autodiff's at the same parameters.
        parameter: the first on the way back whose gradient is not.
        findings: as `gradcheck run` gives them, at the values of that step.
    """

    step: int
    layer: str
    parameter: str
    path: str
    line: int
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class OverfitTry:
    """The lowest share of its start that the loss fell to, at the best learning rate that was tried."""

    rate: float
    share: float
    steps: int


@dataclass(frozen=True)
class OverfitReport:
    """Whether a few examples can be learnt by heart; `fits_*`: the loss fell below `share` of its start."""

    examples: int
    start: float
    share: float
    yours: OverfitTry | None
    autodiff: OverfitTry | None
    fits_yours: bool
    fits_autodiff: bool
    hurried: bool = False


@dataclass(frozen=True)
class Training:
    """A training.

    Attributes:
        line: of the network.
        steps: that were made; `asked`: that were asked for.
        batch: examples a step.
        layers: from the first on the way forward to the last, those with parameters.
        ends: of runs that left the finite numbers.
        flow: a sentence where gradients vanish or explode on their way back; "" where they do not.
        status: PASS: the runs agree. FAIL: they part, or only autodiff's overfits. INCONCLUSIVE: they part where
            every layer is right.
        verdict: a sentence.
    """

    version: str
    name: str
    path: str
    line: int
    seed: int
    steps: int
    asked: int
    rate: float
    batch: int
    examples: int
    rule: UpdateRule
    losses_yours: Numbers
    losses_autodiff: Numbers
    parameters: tuple[TrainedParameter, ...]
    layers: tuple[LayerNorms, ...]
    cause: TrainingCause | None
    ends: tuple[RunEnd, ...]
    overfit: OverfitReport | None
    flow: str
    status: Status
    verdict: str
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def first_parted(self) -> TrainedParameter | None:
        """The parameter that parts first; of several, the first on the way back."""
        parted = [one for one in self.parameters if one.parts is not None]
        if not parted:
            return None
        first = min(one.parts or 0 for one in parted)
        those = [one for one in parted if one.parts == first]
        return next(one for one in those if one.layer == those[-1].layer)
