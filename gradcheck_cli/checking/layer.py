"""One layer through all stages: inputs, trace, witnesses, judgement; what its code raises becomes a finding."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Protocol

from gradcheck_cli.checking.findings import finding_of, internal_error
from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.combine import combine
from gradcheck_cli.judge.judge import judge_draw
from gradcheck_cli.judge.noise import Perturbed
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.layers.case import Case, Specification
from gradcheck_cli.layers.layer import BoundLayer, ForwardResult, Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.layers.randomness import repeatable
from gradcheck_cli.layers.sampling import draw
from gradcheck_cli.layers.specification import specify
from gradcheck_cli.layers.users_code import quiet
from gradcheck_cli.report.model import Finding, LayerReport
from gradcheck_cli.tracing.forward import disagreement, trace
from gradcheck_cli.tracing.importing import dual_project
from gradcheck_cli.tracing.jax_setup import start
from gradcheck_cli.tracing.recorder import TraceError
from gradcheck_cli.tracing.trace import Trace, Untraceable
from gradcheck_cli.witnesses.analytic import run_backward, run_forward
from gradcheck_cli.witnesses.autodiff import autodiff, perturbed
from gradcheck_cli.witnesses.batched import BatchedForward
from gradcheck_cli.witnesses.evaluate import evaluator
from gradcheck_cli.witnesses.finite_differences import Differencer
from gradcheck_cli.witnesses.gradients import Autodiff, Upstream
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
        self._duals: dict[Path, Dual | Untraceable] = {}

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
        for index in range(inputs.draws):
            steps.step(layer.name, f"draw {index + 1} of {inputs.draws}")
            case = draw(layer, specification, bound, inputs, index)
            run.judged(*self._judge(module, bound, case, run.settings))

    def use_dual(self, module: Module, dual: Dual) -> None:
        """Trace the layers of `module` on this dual namespace instead of running the module's source again."""
        self._duals[module.path] = dual

    def _judge(self, module: Module, bound: BoundLayer, case: Case, settings: Settings) -> tuple[DrawVerdict, int]:
        """One draw's verdict, and how many equations its forward's trace has."""
        result = run_forward(bound, case)
        upstream = draw_upstream(case.layer, case, result.outputs)
        traced = self._trace(module, case, result)
        analytic = run_backward(bound, case, result, upstream)
        reference: Autodiff | Untraceable
        moved = batch = narrowest = None
        if isinstance(traced, Trace):
            reference, moved = self._autodiff(traced, case, upstream)
        else:
            reference = traced
        if isinstance(traced, Trace) and isinstance(reference, Autodiff):
            narrowest = traced.narrowest
            batch = BatchedForward(traced, self._device)
        differencer = Differencer(
            evaluator(bound, case, device=self._device),
            case,
            upstream,
            max_evals=settings.max_evals,
            batch=batch,
            narrowest=narrowest,
        )
        verdict = judge_draw(
            case, analytic, upstream, reference, differencer, settings, narrowest=narrowest, perturbed=moved
        )
        if isinstance(traced, Trace) and traced.notes:
            verdict = replace(verdict, notes=(*verdict.notes, *traced.notes))
        return verdict, traced.equations if isinstance(traced, Trace) else 0

    def _autodiff(
        self, traced: Trace, case: Case, upstream: Upstream
    ) -> tuple[Autodiff | Untraceable, Perturbed | None]:
        """Autodiff of the trace, unless its program does not compile or has other values than the forward."""
        try:
            found = autodiff(traced, case, upstream, device=self._device)
        except Exception as error:  # XLA's and JAX's own: no lowering on this device, no derivative rule
            first = str(error).strip().splitlines()[0] if str(error).strip() else ""
            return Untraceable(f"JAX cannot differentiate it: {type(error).__name__}: {first}"), None
        wrong = disagreement(traced, found.outputs)
        return (found, perturbed(traced, case, upstream, device=self._device)) if wrong is None else (wrong, None)

    def _trace(self, module: Module, case: Case, result: ForwardResult) -> Trace | Untraceable:
        """The forward's trace by the way that suits how it is written; by the other way where that one fails."""
        layer = case.layer
        ways = [True, False] if layer.uses_jax else [False]
        if module.uses_jax and not layer.uses_jax:
            ways.append(True)
        first: Untraceable | None = None
        for on_jax in ways:
            found = self._trace_by(module, case, result, on_jax)
            if isinstance(found, Trace):
                return found
            first = first or found
        assert first is not None
        return first

    def _trace_by(self, module: Module, case: Case, result: ForwardResult, on_jax: bool) -> Trace | Untraceable:
        if on_jax:
            namespace, files = module.namespace, frozenset({str(module.path)})
        else:
            dual = self._dual(module)
            if isinstance(dual, Untraceable):
                return dual
            namespace, files = dual.namespace, dual.files()
        try:
            bound = repeatable(case.layer.bind(namespace), namespace, case.seed)
        except UserError as error:
            return Untraceable(error.message, error.path, error.line)
        return trace(bound, case, result.outputs, files, on_jax=on_jax)

    def _dual(self, module: Module) -> Dual | Untraceable:
        if module.path not in self._duals:
            try:
                namespace, project = dual_project(module)
                self._duals[module.path] = Dual(namespace, lambda: frozenset(project.files))
            except TraceError as error:
                self._duals[module.path] = Untraceable(error.reason, error.path, error.line)
        return self._duals[module.path]


@dataclass(frozen=True)
class Dual:
    """The dual copy of a module; `files` gives the user's source files that it runs code from, as known by now."""

    namespace: ModuleType
    files: Callable[[], frozenset[str]]


class _Run:
    """What is known of one layer so far."""

    def __init__(self, layer: Layer, inputs: InputOptions, settings: Settings) -> None:
        self.layer = layer
        self.inputs = inputs
        self.settings = settings
        self.errors: list[Finding] = []
        self.specification: Specification | None = None
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
            notes=(*notes, *dict.fromkeys(note for verdict in self._verdicts for note in verdict.case.notes)),
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
