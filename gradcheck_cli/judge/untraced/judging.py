"""Judging a draw that autodiff cannot speak on: finite differences decide, on all elements where they can."""

from __future__ import annotations

from dataclasses import replace

from gradcheck_cli.judge.by_design import BY_DESIGN, CUSTOM
from gradcheck_cli.judge.dimensions.incomplete import complete, values_judge
from gradcheck_cli.judge.leaf import conclude
from gradcheck_cli.judge.noise.tolerance import given
from gradcheck_cli.judge.situation import Judgement, Situation
from gradcheck_cli.judge.untraced.looking import look_into, together
from gradcheck_cli.judge.untraced.reference import contradiction_of, gather, reference_of
from gradcheck_cli.judge.untraced.settling import settle
from gradcheck_cli.judge.verdict import DIFFERENCES, LeafVerdict, undecided
from gradcheck_cli.report.model import Finding, Status
from gradcheck_cli.tracing.trace import Untraceable


def judge(situation: Situation, autodiff: Untraceable) -> Judgement:
    """Every leaf of a draw held against finite differences; `autodiff` says why there is none."""
    case, reception, evidence, settings = situation.case, situation.reception, situation.evidence, situation.settings
    naturals, dtypes = situation.naturals, situation.dtypes
    gather(reception.leaves, evidence, settings, situation.rng)
    references = [
        reference_of(position, received, evidence, given(settings), dtypes[position], naturals[position])
        for position, received in enumerate(reception.leaves)
    ]
    contradiction, telling = contradiction_of(
        reception.leaves, evidence, [reference.tolerance for reference in references]
    )
    if not contradiction and not telling and not all(reference.seen.all() for reference in references):
        contradiction = "not every element was looked at, and finite differences along random directions cannot tell"
    looked = [
        look_into(position, received, references[position], evidence)
        for position, received in enumerate(reception.leaves)
        if received.has_right_shape
    ]
    wrong_together = together(looked, evidence)
    judged = {leaf.position: conclude(case, settle(leaf, wrong_together), evidence) for leaf in looked}
    findings: tuple[Finding, ...] = ()
    if contradiction and not any(leaf.status is Status.FAIL for leaf in judged.values()):
        if telling:
            message = (
                f"some gradient is wrong: {contradiction}; the elements that were looked at one by one "
                "do not show which"
            )
            findings = (Finding("GC201", message, str(case.layer.path), case.layer.line),)
        else:
            judged = {position: undecided(leaf, contradiction) for position, leaf in judged.items()}
    if case.layer.expect in BY_DESIGN:
        judged = {position: _as_expected(leaf, case.layer.expect) for position, leaf in judged.items()}
        findings = ()
    values = [values_judge(reference.values, reference.tolerance, reference.bars) for reference in references]
    zero = {at: reference.is_zero() for at, reference in enumerate(references) if reception.leaves[at].missing}
    leaves, more = complete(case, reception, judged, values, zero, DIFFERENCES)
    place = f" (line {autodiff.line})" if autodiff.line else ""
    note = f"Autodiff is unavailable{place}: {autodiff.reason.rstrip('.')}. Finite differences decide."
    return leaves, (*findings, *more), (note,)


def _as_expected(leaf: LeafVerdict, expect: str) -> LeafVerdict:
    """A gradient that is no derivative on purpose: finite differences alone cannot judge it."""
    kept = tuple(finding for finding in leaf.findings if finding.code != "GC201")
    if expect == CUSTOM:
        leaf = replace(leaf, sensitivity=None)
    if kept or not (leaf.worst or leaf.status is Status.INCONCLUSIVE):
        return replace(leaf, findings=kept)
    if expect == CUSTOM:
        note = f'The values of `{leaf.received.name}` are not checked: another gradient is meant (`expect="custom"`).'
        return replace(leaf, status=Status.PASS, findings=(), worst=(), wrong_map=None, notes=(note,), why="")
    why = "a straight-through gradient is expected, autodiff is missing, and finite differences cannot judge it"
    return replace(leaf, status=Status.INCONCLUSIVE, findings=(), why=why)
