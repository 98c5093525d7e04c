"""One case through the witnesses and the judge; `Cases` does it for any case of one layer, as often as asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gradcheck_cli.checking.draws import Drawn
from gradcheck_cli.checking.findings import forward_mismatch
from gradcheck_cli.checking.more_digits import settled_with_more_digits
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.checking.wide import settled_in_float64
from gradcheck_cli.judge.derivatives.convention import explained
from gradcheck_cli.judge.judge import judge_draw
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.layer import BoundLayer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.report.model import Status
from gradcheck_cli.tracing.jax_setup import next_case
from gradcheck_cli.tracing.trace import Trace, Untraceable
from gradcheck_cli.witnesses.analytic import run_backward, run_forward
from gradcheck_cli.witnesses.conduct.replay import replay
from gradcheck_cli.witnesses.differences.batched import BatchedForward
from gradcheck_cli.witnesses.differences.differencer import Differencer
from gradcheck_cli.witnesses.differences.evaluate import ReferenceOnly, evaluator
from gradcheck_cli.witnesses.extended.gradients import sizes_of_gradient_terms, sizes_of_output_terms
from gradcheck_cli.witnesses.gradients import Analytic, Autodiff, Upstream
from gradcheck_cli.witnesses.reference.autodiff import autodiff, outputs_nearby, perturbed
from gradcheck_cli.witnesses.reference.conventions import conventions
from gradcheck_cli.witnesses.reference.straight_through import straight_through
from gradcheck_cli.witnesses.subject import Subject
from gradcheck_cli.witnesses.upstream import draw_upstream


@dataclass(frozen=True)
class CheckedCase:
    """One case with its verdict; `equations` is the size of its forward's trace."""

    subject: Subject
    verdict: DrawVerdict
    equations: int


class Cases:
    """Judges cases of one layer: its draws, and whatever stress and shrinking make of them."""

    def __init__(self, module: Module, bound: BoundLayer, traces: Traces, settings: Settings, device: str) -> None:
        self._module = module
        self._bound = bound
        self._traces = traces
        self._settings = settings
        self._device = device

    def of(self, case: Case, upstream: Upstream | None = None, *, settle: bool = True) -> CheckedCase:
        """Run, trace and judge a case; the upstream gradient is drawn where none is given.

        `settle`: where it fails, look whether its own rounding is the cause.

        Raises:
            UserError: GC502, for a forward or backward that raises.
        """
        result = run_forward(self._bound, case)
        return self.judged(Drawn(case, result, self._traces.trace(self._module, case, result)), upstream, settle=settle)

    def judged(self, drawn: Drawn, upstream: Upstream | None = None, *, settle: bool = True) -> CheckedCase:
        """Judge a case whose forward has run.

        Raises:
            UserError: GC502, for a backward that raises.
        """
        next_case()
        case, traced = drawn.case, drawn.traced
        upstream = upstream or draw_upstream(case.layer, case, drawn.result.outputs)
        analytic = run_backward(self._bound, case, drawn.result, upstream)
        judge = _CaseJudge(self._bound, case, traced, upstream, analytic, self._settings, self._device)
        reference: Autodiff | Untraceable = traced if isinstance(traced, Untraceable) else judge.autodiff()
        wrong = None
        if isinstance(traced, Trace) and isinstance(reference, Autodiff):
            nearby = partial(outputs_nearby, traced, case, upstream, device=self._device)
            terms = partial(sizes_of_output_terms, traced, case)
            wrong = self._traces.disagreement(traced, self._module, case, reference.outputs, nearby, terms)
        if wrong is None:
            verdict = judge.verdict(reference)
        elif case.layer.has_reference:
            verdict = judge.where_the_forward_is_wrong(reference, wrong)
        else:
            verdict = judge.verdict(wrong)
        equations = 0
        if isinstance(traced, Trace):
            verdict, equations = replace(verdict, notes=(*verdict.notes, *traced.notes)), traced.equations
        verdict = settled_in_float64(
            verdict,
            lambda wide, above: self.of(wide, above).verdict,
            lambda: None if isinstance(traced, Untraceable) else sizes_of_gradient_terms(traced, case, upstream),
        )
        usable = traced if wrong is None else wrong
        known = reference if wrong is None else wrong
        subject = Subject(self._bound, case, drawn.result, upstream, analytic, usable, known, self._device)
        if settle:
            verdict = settled_with_more_digits(verdict, subject)
        return CheckedCase(subject, explained(verdict, subject), equations)


@dataclass(frozen=True)
class _CaseJudge:
    """The judge, with what one case has to say; asked once for each reference there may be."""

    bound: BoundLayer
    case: Case
    traced: Trace | Untraceable
    upstream: Upstream
    analytic: Analytic
    settings: Settings
    device: str

    def autodiff(self) -> Autodiff | Untraceable:
        """Autodiff of the trace, unless its program does not compile."""
        assert isinstance(self.traced, Trace)
        try:
            return autodiff(self.traced, self.case, self.upstream, device=self.device)
        except Exception as error:  # XLA's and JAX's own: no lowering on this device, no derivative rule
            first = str(error).strip().splitlines()[0] if str(error).strip() else ""
            return Untraceable(f"JAX cannot differentiate it: {type(error).__name__}: {first}")

    def verdict(self, reference: Autodiff | Untraceable, function: BoundLayer | None = None) -> DrawVerdict:
        """Held against `reference`; finite differences are taken of `function`, the layer's own where None."""
        case, traced, upstream = self.case, self.traced, self.upstream
        extras: dict[str, Any] = {}
        batch = None
        if isinstance(traced, Trace) and isinstance(reference, Autodiff):
            batch = BatchedForward(traced, self.device)
            extras = {
                "narrowest": traced.narrowest,
                "perturbed": perturbed(traced, case, upstream, device=self.device),
                "replay": replay(self.bound, traced, case, upstream, device=self.device),
                "conventions": conventions(traced, case, upstream, device=self.device),
                "variants": straight_through(traced, case, upstream, device=self.device),
            }
        evaluate = evaluator(function or self.bound, case, device=self.device)
        narrowest, most = extras.get("narrowest"), self.settings.max_evals
        differencer = Differencer(evaluate, case, upstream, max_evals=most, batch=batch, narrowest=narrowest)
        return judge_draw(case, self.analytic, upstream, reference, differencer, self.settings, **extras)

    def where_the_forward_is_wrong(self, reference: Autodiff | Untraceable, wrong: Untraceable) -> DrawVerdict:
        """Either the forward or its reference is wrong, and that is the finding.

        A backward that belongs to one of the two is right.
        """
        judged = self.verdict(reference, ReferenceOnly(self.bound))
        if judged.status is Status.FAIL:
            own = self.verdict(Untraceable("the forward is not its reference"))
            judged = own if own.status is not Status.FAIL else judged
        findings = (forward_mismatch(self.case.layer, wrong), *judged.findings)
        return replace(judged, findings=findings, status=Status.FAIL)
