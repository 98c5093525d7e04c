"""One layer through all stages: inputs, trace, witnesses, judgement; what its code raises becomes a finding."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from gradcheck_cli.checking.draws import Drawn, Draws
from gradcheck_cli.checking.findings import finding_of, forward_mismatch, internal_error
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.combine import combine
from gradcheck_cli.judge.judge import judge_draw
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.layers.case import Case, Specification
from gradcheck_cli.layers.inputs.randomness import repeatable
from gradcheck_cli.layers.inputs.specification import specify
from gradcheck_cli.layers.layer import BoundLayer, Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.layers.users_code import quiet
from gradcheck_cli.report.model import Finding, LayerReport, Status
from gradcheck_cli.tracing.jax_setup import start
from gradcheck_cli.tracing.trace import Trace, Untraceable
from gradcheck_cli.witnesses.analytic import run_backward
from gradcheck_cli.witnesses.autodiff import autodiff, perturbed
from gradcheck_cli.witnesses.batched import BatchedForward
from gradcheck_cli.witnesses.evaluate import ReferenceOnly, evaluator
from gradcheck_cli.witnesses.finite_differences import Differencer
from gradcheck_cli.witnesses.gradients import Autodiff, Upstream
from gradcheck_cli.witnesses.replay import replay
from gradcheck_cli.witnesses.upstream import draw_upstream


class Steps(Protocol):
    """Who is told what is being done."""

    def step(self, name: str, what: str) -> None:
        """What is being done for the layer `name`."""


class Checker:
    """Checks layers one after the other, with one JAX start and one dual copy of each module."""

    def __init__(self, device: str = "cpu") -> None:
        start(device)
        self._device = device
        self.traces = Traces(device)

    def check(
        self, module: Module, layer: Layer, inputs: InputOptions, settings: Settings, steps: Steps
    ) -> LayerReport:
        """The verdict on one layer. Nothing that the user's code does raises here, but KeyboardInterrupt."""
        started = time.perf_counter()
        start(self._device)  # again: the user's module may have configured JAX otherwise
        run = _Run(layer, inputs, settings)
        try:
            with quiet():
                self._all_draws(module, run, steps)
        except UserError as error:
            run.errors.append(finding_of(error, layer.path, layer.line))
        except Exception as error:  # ours: this layer's verdict is lost, the others' are not
            if os.environ.get("GRADCHECK_DEBUG"):
                raise
            run.errors.append(internal_error(error, layer))
        return run.report(time.perf_counter() - started)

    def _all_draws(self, module: Module, run: _Run, steps: Steps) -> None:
        layer, inputs = run.layer, run.inputs
        bound = repeatable(layer.bind(module.namespace), module.namespace, inputs.seed)
        specification = specify(layer, module, bound, inputs)
        run.specification = specification
        draws = Draws(module, layer, bound, specification, inputs, self.traces)
        for index in range(inputs.draws):
            steps.step(layer.name, f"draw {index + 1} of {inputs.draws}")
            run.judged(*self._judge(module, bound, draws.take(index), run.settings))
            run.notes = draws.notes

    def _judge(self, module: Module, bound: BoundLayer, drawn: Drawn, settings: Settings) -> tuple[DrawVerdict, int]:
        """One draw's verdict, and how many equations its forward's trace has."""
        case, traced = drawn.case, drawn.traced
        upstream = draw_upstream(case.layer, case, drawn.result.outputs)
        analytic = run_backward(bound, case, drawn.result, upstream)

        def verdict(reference: Autodiff | Untraceable, function: BoundLayer = bound) -> DrawVerdict:
            extras: dict[str, Any] = {}
            batch = None
            if isinstance(traced, Trace) and isinstance(reference, Autodiff):
                batch = BatchedForward(traced, self._device)
                extras = {
                    "narrowest": traced.narrowest,
                    "perturbed": perturbed(traced, case, upstream, device=self._device),
                    "replay": replay(bound, traced, case, upstream, device=self._device),
                }
            evaluate = evaluator(function, case, device=self._device)
            narrowest, most = extras.get("narrowest"), settings.max_evals
            differencer = Differencer(evaluate, case, upstream, max_evals=most, batch=batch, narrowest=narrowest)
            return judge_draw(case, analytic, upstream, reference, differencer, settings, **extras)

        if isinstance(traced, Untraceable):
            return verdict(traced), 0
        reference = self._autodiff(traced, case, upstream)
        wrong = None
        if isinstance(reference, Autodiff):
            wrong = self.traces.disagreement(traced, module, case, reference.outputs)
        if wrong is None:
            judged = verdict(reference)
        elif case.layer.has_reference:
            # Either the forward or its reference is wrong, and that is the finding; a backward that belongs to one of
            # the two is right.
            judged = verdict(reference, ReferenceOnly(bound))
            if judged.status is Status.FAIL:
                own = verdict(Untraceable("the forward is not its reference"))
                judged = own if own.status is not Status.FAIL else judged
            findings = (forward_mismatch(case.layer, wrong), *judged.findings)
            judged = replace(judged, findings=findings, status=Status.FAIL)
        else:
            judged = verdict(wrong)
        return replace(judged, notes=(*judged.notes, *traced.notes)), traced.equations

    def _autodiff(self, traced: Trace, case: Case, upstream: Upstream) -> Autodiff | Untraceable:
        """Autodiff of the trace, unless its program does not compile."""
        try:
            return autodiff(traced, case, upstream, device=self._device)
        except Exception as error:  # XLA's and JAX's own: no lowering on this device, no derivative rule
            first = str(error).strip().splitlines()[0] if str(error).strip() else ""
            return Untraceable(f"JAX cannot differentiate it: {type(error).__name__}: {first}")


class _Run:
    """What is known of one layer so far."""

    def __init__(self, layer: Layer, inputs: InputOptions, settings: Settings) -> None:
        self.layer = layer
        self.inputs = inputs
        self.settings = settings
        self.errors: list[Finding] = []
        self.specification: Specification | None = None
        self.notes: tuple[str, ...] = ()
        self._verdicts: list[DrawVerdict] = []
        self._equations = 0

    def judged(self, verdict: DrawVerdict, equations: int) -> None:
        self._verdicts.append(verdict)
        self._equations = max(self._equations, equations)

    def report(self, seconds: float) -> LayerReport:
        shapes = self.specification.shapes if self.specification else {}
        notes = self.specification.notes if self.specification else ()
        return combine(
            self.layer,
            self._verdicts,
            errors=self.errors,
            notes=(
                *notes,
                *self.notes,
                *dict.fromkeys(note for verdict in self._verdicts for note in verdict.case.notes),
            ),
            sources={name: shape.source for name, shape in shapes.items()},
            reproduce=command(self.layer, self.inputs, self.settings),
            seconds=seconds,
            equations=self._equations,
        )


def command(layer: Layer, inputs: InputOptions, settings: Settings) -> str:
    """The command that checks this layer again on the same inputs."""
    path = layer.path
    with contextlib.suppress(ValueError):
        path = path.relative_to(Path.cwd())
    words = ["gradcheck", "run", f"{path}::{layer.name}", "--seed", str(inputs.seed)]
    default = InputOptions()
    if inputs.draws != default.draws:
        words += ["--draws", str(inputs.draws)]
    for name, axes in inputs.shapes.items():
        words += ["--shape", f"{name}={','.join(map(str, axes))}"]
    for name, size in inputs.dimensions.items():
        words += ["--dim", f"{name}={size}"]
    for name, value in inputs.arguments.items():
        words += ["--arg", f"{name}={json.dumps(value)}"]
    if inputs.dtype != default.dtype:
        words += ["--dtype", inputs.dtype]
    for option, value in (("--atol", settings.atol), ("--rtol", settings.rtol)):
        words += [option, repr(value)] if value is not None else []
    return shlex.join([*words, "--full"] if settings.full else words)
