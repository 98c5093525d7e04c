"""One extreme case: is what the layer makes of it finite and near the truth?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.checking.case import Cases
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.dimensions.receiving import Received
from gradcheck_cli.judge.dimensions.reception import sort_out
from gradcheck_cli.judge.instability import Comparison, Scale, Symptom, are_finite, compare, from_verdict, symptom_of
from gradcheck_cli.judge.noise.tolerance import largest_epsilon, natural_size
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.inputs.extremes import nearby
from gradcheck_cli.layers.inputs.patterns import limits
from gradcheck_cli.layers.layer import BoundLayer, ForwardResult
from gradcheck_cli.layers.leaves import is_floating, walk
from gradcheck_cli.layers.module import Module
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.extended.gradients import (
    ExtendedGradient,
    Precise,
    Programs,
    at_a_glance,
    in_dtype,
    precisely,
    sizes_of_terms,
)
from gradcheck_cli.witnesses.extended.interpreter import BeyondEvaluation
from gradcheck_cli.witnesses.runner import Ran, Runner
from gradcheck_cli.witnesses.upstream import widened

Array = NDArray[Any]

STEPS = 3_000
"""Steps of a trace above which it is not evaluated in extended precision: NumPy takes some 10 µs for each."""

JUDGEMENTS = 12
"""How often the ordinary judge is asked about extreme cases of one layer: finite differences take their time."""

JITTER = 1e-6
JITTERS = 2
"""A wrong value at an isolated point may be a kink; one that is as wrong nearby is none."""

WORSE = 100.0
"""A gradient is unstable where it is so many roundings of its largest terms off: cancellation that nobody can help,
as in the gradient of a softmax by a shift of all its scores, is not."""


@dataclass(frozen=True)
class Look:
    """What one case shows.

    Attributes:
        symptoms: what is wrong.
        why: why nothing could be said, "" where something could: `raises`, `not finite`, `unclear`.
        outputs, gradients: the largest finite entry of each, yours.
        trace: of the forward, where there is one.
    """

    symptoms: tuple[Symptom, ...] = ()
    why: str = ""
    outputs: tuple[float, ...] = ()
    gradients: tuple[float, ...] = ()
    trace: Trace | None = None


@dataclass(frozen=True)
class _Run:
    """A case that has run; `outputs` are the floating ones, in float64."""

    case: Case
    ran: Ran
    outputs: tuple[Array, ...]
    largest: tuple[float, ...]
    received: Sequence[Received]
    traced: Any

    @property
    def is_finite(self) -> bool:
        return all(bool(np.isfinite(output).all()) for output in self.outputs)

    @property
    def epsilon(self) -> float:
        """Of the narrowest dtype that the layer computes in."""
        return largest_epsilon([*(leaf.value.dtype for leaf in self.case.leaves), self.traced.narrowest])


class Looker:
    """Looks at cases of one layer.

    Args:
        judged: by leaf name, whether its values are right at moderate inputs: only then they are judged at extreme
            ones. Gradients that are not finite count everywhere.
    """

    def __init__(
        self,
        module: Module,
        bound: BoundLayer,
        traces: Traces,
        cases: Cases,
        judged: Mapping[str, bool],
        device: str = "cpu",
    ) -> None:
        self._module = module
        self._runner = Runner(bound, device)
        self._traces = traces
        self._cases = cases
        self._judged = dict(judged)
        self._programs = Programs()
        self._moderate: Look | None = None
        self._judgements = 0

    def learn(self, case: Case) -> None:
        """Look at a moderate case: how large values are there, and which gradients must not be judged by the trace."""
        look = self.look(case)
        for symptom in look.symptoms:
            if symptom.leaf is not None:
                self._judged[case.leaves[symptom.leaf].name] = False
        self._moderate = look

    def look(self, case: Case) -> Look:
        """What the case shows; nothing that the user's code does raises here."""
        run = self._run(case)
        if run is None:
            return Look(why="raises")
        symptoms, why = self._symptoms(run)
        trace = run.traced if isinstance(run.traced, Trace) else None
        gradients = tuple(_largest(one.usable) for one in run.received)
        return Look(symptoms, why, tuple(map(_largest, run.outputs)), gradients, trace)

    def _run(self, case: Case) -> _Run | None:
        try:
            ran = self._runner.run(case)
            traced = self._traces.trace(self._module, case, ForwardResult(ran.outputs, None))
        except UserError:
            return None
        floating = [leaf for output in ran.outputs for _, leaf in walk(output) if is_floating(leaf)]
        outputs = tuple(np.asarray(widened(leaf)) for leaf in floating)
        largest = tuple(limits(np.asarray(leaf).dtype).largest for leaf in floating)
        return _Run(case, ran, outputs, largest, sort_out(case, ran.analytic.backward).leaves, traced)

    def _symptoms(self, run: _Run) -> tuple[tuple[Symptom, ...], str]:
        if isinstance(run.traced, Trace) and run.traced.steps <= STEPS:
            try:
                gradient = self._programs.of(run.traced)
                glance = at_a_glance(gradient, run.case, run.ran.upstream)
                found = self._by_truth(run, gradient, *glance, glance=True)
                if found is None:
                    truths = precisely(gradient, run.case, run.ran.upstream, run.epsilon)
                    found = self._by_truth(run, gradient, *truths, glance=False)
                assert found is not None
                return found
            except BeyondEvaluation:
                pass
        if not run.is_finite:
            return (), "not finite"
        return self._by_judge(run, range(len(run.case.leaves))), ""

    def _by_truth(
        self, run: _Run, gradient: ExtendedGradient, outputs: Precise, gradients: Precise, *, glance: bool
    ) -> tuple[tuple[Symptom, ...], str] | None:
        """The forward first: where that is off, so is all that follows from it.

        At a glance nothing is concluded but that nothing is wrong: None where a closer look is due.
        """
        if not are_finite(outputs, run.largest):
            return ((), "not finite") if not run.is_finite else (self._by_judge(run, range(len(run.case.leaves))), "")
        scales = [Scale(run.epsilon, most, typical) for most, typical in zip(run.largest, self._typical_outputs(run))]
        for number, own in enumerate(run.outputs):
            found = compare(own, outputs, number, scales[number])
            for where in (found.lost, found.wrong):
                symptom = symptom_of(own, outputs.values[number], where, code="GC403", leaf=None, number=number)
                if symptom is not None and glance:
                    return None
                if symptom is not None:
                    return ((symptom,), "") if self._is_faithful(run, gradient, outputs, scales) else ((), "unclear")
        return self._gradients(run, gradient, gradients, glance=glance)

    def _is_faithful(self, run: _Run, gradient: ExtendedGradient, truth: Precise, scales: Sequence[Scale]) -> bool:
        """Whether the trace, every step rounded to the layer's own dtype, is as wrong: then it is the same function.

        A declared reference is the same function by declaration, if it agreed at moderate inputs.
        """
        if run.case.layer.has_reference:
            moderate = self._moderate
            return moderate is not None and not moderate.why and all(one.leaf is not None for one in moderate.symptoms)
        own, _ = in_dtype(gradient, run.case, run.ran.upstream, np.dtype(run.traced.narrowest))
        found = [compare(output, truth, number, scales[number]) for number, output in enumerate(own)]
        return any((one.lost | one.wrong).any() for one in found)

    def _gradients(
        self, run: _Run, gradient: ExtendedGradient, truth: Precise, *, glance: bool
    ) -> tuple[tuple[Symptom, ...], str] | None:
        symptoms: list[Symptom] = []
        doubtful: list[int] = []
        for at, received in enumerate(run.received):
            found = self._compared(run, truth, at)
            if found is None:
                continue
            wrong = found.wrong.any() and self._judged.get(received.leaf.name, False)
            if glance and (found.lost.any() or found.unknown.any() or wrong):
                return None
            yours = np.asarray(widened(received.usable))
            if found.lost.any():
                symptom = symptom_of(yours, truth.values[at], found.lost, code="GC401", leaf=at)
            elif found.unknown.any():
                doubtful.append(at)
                continue
            elif wrong:
                symptom = symptom_of(yours, truth.values[at], found.wrong, code="GC403", leaf=at)
                if self._moderate is not None and not self._persists(run, at, found):
                    doubtful.append(at)
                    continue
                if not self._is_worse(run, gradient, truth, at, found.wrong):
                    continue
            else:
                continue
            assert symptom is not None
            symptoms.append(symptom)
        return (*symptoms, *self._by_judge(run, doubtful)), ""

    def _compared(self, run: _Run, truth: Precise, at: int) -> Comparison | None:
        leaf, yours = run.case.leaves[at], run.received[at].usable
        if yours is None or yours.shape != truth.values[at].shape:
            return None
        moderate = 0.0 if self._moderate is None or not self._moderate.gradients else self._moderate.gradients[at]
        natural = natural_size(run.outputs, run.ran.upstream.flat, leaf.value)
        scale = Scale(run.epsilon, limits(leaf.value.dtype).largest, max(moderate, natural))
        return compare(np.asarray(widened(yours)), truth, at, scale)

    def _persists(self, run: _Run, leaf: int, found: Comparison) -> bool:
        """Whether the leaf's gradient is as wrong at inputs nearby."""
        rng = np.random.default_rng((run.case.seed, run.case.draw))
        for _ in range(JITTERS):
            near = self._run(nearby(run.case, max(JITTER, 16 * run.epsilon), rng))
            if near is None or not isinstance(near.traced, Trace):
                return False
            _, truth = precisely(self._programs.of(near.traced), near.case, near.ran.upstream, near.epsilon)
            again = self._compared(near, truth, leaf)
            if again is None or not (again.wrong & found.wrong).any():
                return False
        return True

    def _is_worse(self, run: _Run, gradient: ExtendedGradient, truth: Precise, at: int, where: Array) -> bool:
        """Whether yours is clearly farther off than rounding in the layer's own dtype explains."""
        yours = np.asarray(widened(run.received[at].usable))
        terms = sizes_of_terms(gradient, run.case, run.ran.upstream)[at]
        with np.errstate(all="ignore"):
            return bool(np.any(where & (np.abs(yours - truth.values[at]) > WORSE * run.epsilon * terms)))

    def _by_judge(self, run: _Run, leaves: Sequence[int]) -> tuple[Symptom, ...]:
        """What the ordinary judge has to say about these leaves, with finite differences where autodiff fails too."""
        if not leaves or self._judgements >= JUDGEMENTS:
            return ()
        self._judgements += 1
        try:
            verdicts = self._cases.of(run.case, run.ran.upstream, settle=False).verdict.leaves
        except UserError:
            return ()
        found = []
        for at in leaves:
            typical = self._moderate.gradients[at] if self._moderate is not None and self._moderate.gradients else 0.0
            judged = self._judged.get(run.case.leaves[at].name, False)
            found.append(from_verdict(at, verdicts[at], typical, judged) if at < len(verdicts) else None)
        return tuple(replace(symptom, is_exact=False) for symptom in found if symptom is not None)

    def _typical_outputs(self, run: _Run) -> Sequence[float]:
        known = self._moderate.outputs if self._moderate is not None else ()
        return known if len(known) == len(run.outputs) else [_largest(output) for output in run.outputs]


def _largest(array: Any) -> float:
    """The largest finite entry's size."""
    if array is None or not np.size(array):
        return 0.0
    with np.errstate(all="ignore"):
        size = np.abs(np.asarray(widened(array)))
    return float(np.max(size, initial=0.0, where=np.isfinite(size)))
