"""One draw, judged: dimensions first, then every value by the witnesses there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge import traced, untraced
from gradcheck_cli.judge.by_design import BY_DESIGN, CUSTOM, Variants, revised
from gradcheck_cli.judge.dimensions.incomplete import complete, values_judge
from gradcheck_cli.judge.dimensions.receiving import Received
from gradcheck_cli.judge.dimensions.reception import Reception, sort_out
from gradcheck_cli.judge.elements import compare
from gradcheck_cli.judge.evidence.differencer import Differencer
from gradcheck_cli.judge.evidence.evidence import LARGE, Evidence
from gradcheck_cli.judge.evidence.inquiry import LeafCase, inquire
from gradcheck_cli.judge.evidence.table import TELLING
from gradcheck_cli.judge.kinks.loose import tightened
from gradcheck_cli.judge.kinks.second_opinion import Conventions, by_convention, together
from gradcheck_cli.judge.leaf import conclude
from gradcheck_cli.judge.noise.precision_loss import precision_losses, worded
from gradcheck_cli.judge.noise.replays import Replay, Replays
from gradcheck_cli.judge.noise.tolerance import (
    MORE_REPLAYS,
    PERTURBATIONS,
    REPLAYS,
    Perturbed,
    given,
    jitter,
    largest_epsilon,
    may_be_rounding,
    measure,
    natural_size,
    noise_of,
    perturbations,
    replay_distances,
    typical_size,
)
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.verdict import AUTODIFF, DIFFERENCES, DrawVerdict, LeafVerdict
from gradcheck_cli.judge.words import index_text
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.leaves import is_floating, walk
from gradcheck_cli.report.model import Finding, Status
from gradcheck_cli.tracing.trace import Untraceable
from gradcheck_cli.witnesses.gradients import Analytic, Autodiff, Upstream

_SEVERITY = (Status.PASS, Status.INCONCLUSIVE, Status.FAIL, Status.ERROR)


def judge_draw(
    case: Case,
    analytic: Analytic,
    upstream: Upstream,
    autodiff: Autodiff | Untraceable,
    differencer: Differencer | None,
    settings: Settings,
    *,
    narrowest: np.dtype[Any] | None = None,
    perturbed: Perturbed | None = None,
    replay: Replay | None = None,
    conventions: Conventions | None = None,
    variants: Variants | None = None,
) -> DrawVerdict:
    """Judge the user's gradients for one case.

    Args:
        case: its leaves are what is judged, in their order.
        analytic: the user's own gradients, and the outputs of the forward before them.
        upstream: the upstream gradient they were computed with; the other witnesses used the same.
        autodiff: the reference for every element, or why there is none.
        differencer: finite differences on demand; None where the forward cannot be run for them.
        settings: tolerances of the user's, and how much finite differences may cost.
        narrowest: the narrowest floating dtype that the forward computed in (`Trace.narrowest`), where known.
        perturbed: the reference at perturbed inputs, see `noise.Perturbed`; None leaves the drift out.
        replay: yours and the reference at perturbed inputs, see `noise.Replay`; called only where yours differs from
            the reference, to tell rounding from a mistake.
        conventions: the reference under other conventions at kinks; called only where a kink was met.
        variants: what a straight-through gradient may be; called only where one is expected, or seems to be meant.
    """
    if not case.leaves:
        note = "No argument is a floating array: there is no gradient to check."
        return DrawVerdict(case, upstream, (), Status.INCONCLUSIVE, notes=(note,))
    outputs = [np.asarray(leaf) for output in analytic.outputs for _, leaf in walk(output) if is_floating(leaf)]
    computed_in = [output.dtype for output in outputs] + ([] if narrowest is None else [narrowest])
    reception = sort_out(case, analytic.backward, largest_epsilon(computed_in))
    broken = _broken_forward(outputs)
    evidence = Evidence(None if broken else differencer, settings)
    situation = _Situation(
        case=case,
        upstream=upstream,
        reception=reception,
        evidence=evidence,
        settings=settings,
        rng=np.random.default_rng((case.seed, case.draw)),
        naturals=tuple(natural_size(outputs, upstream.flat, leaf.value) for leaf in case.leaves),
        units=tuple(natural_size(outputs, upstream.flat, leaf.value, 0.0) for leaf in case.leaves),
        dtypes=tuple(_dtypes(received, narrowest) for received in reception.leaves),
    )
    if isinstance(autodiff, Autodiff):
        leaves, findings, notes = _with_autodiff(situation, autodiff, perturbed, replay, conventions, variants)
    else:
        leaves, findings, notes = _without_autodiff(situation, autodiff)
    if broken:
        leaves = tuple(_undecided(leaf, broken) for leaf in leaves)
    findings = (*reception.findings, *findings)
    status = worst_status([*(leaf.status for leaf in leaves), *([Status.FAIL] if findings else [])])
    return DrawVerdict(
        case=case,
        upstream=upstream,
        leaves=leaves,
        status=status,
        findings=findings,
        notes=tuple(dict.fromkeys((*reception.notes, *notes, *(note for leaf in leaves for note in leaf.notes)))),
        witnesses=_witnesses(autodiff, evidence),
        differences=evidence.summary(),
    )


def worst_status(statuses: Sequence[Status]) -> Status:
    """The most severe: error, fail, inconclusive, pass."""
    return max(statuses, key=_SEVERITY.index, default=Status.PASS)


@dataclass(frozen=True)
class _Situation:
    """What both ways of judging need; `naturals`, `units` (`natural_size`) and `dtypes` have one entry a leaf."""

    case: Case
    upstream: Upstream
    reception: Reception
    evidence: Evidence
    settings: Settings
    rng: np.random.Generator
    naturals: tuple[float, ...]
    units: tuple[float, ...]
    dtypes: tuple[tuple[np.dtype[Any], ...], ...]


_Judgement = tuple[tuple[LeafVerdict, ...], tuple[Finding, ...], tuple[str, ...]]
"""The leaves, the findings of no leaf, the notes."""


def _with_autodiff(
    situation: _Situation,
    autodiff: Autodiff,
    perturbed: Perturbed | None,
    replay: Replay | None,
    conventions: Conventions | None,
    variants: Variants | None,
) -> _Judgement:
    case, reception, evidence, settings = situation.case, situation.reception, situation.evidence, situation.settings
    naturals, dtypes = situation.naturals, situation.dtypes
    fixed = given(settings)
    everything = [dtype for of_leaf in dtypes for dtype in of_leaf]
    count = PERTURBATIONS if sum(leaf.value.size for leaf in case.leaves) <= LARGE else 1
    moved = () if fixed is not None else perturbations(perturbed, everything, case.seed, count)
    again = Replays(case, None if fixed is not None else replay, replay_distances(everything))
    leaf_cases = []
    for position, received in enumerate(reception.leaves):
        reference, scale = autodiff.gradients[position], autodiff.scale[position]
        tolerance = fixed or measure(
            scale,
            dtypes[position],
            naturals[position],
            [gradients[position] for gradients in moved],
            reference,
            _noise(received, reference, scale, again.errors(1, position)),
        )
        size = max(typical_size(scale), TELLING * naturals[position])
        yours = received.usable
        comparison = None if yours is None else compare(yours, reference, tolerance)
        leaf_cases.append(LeafCase(position, received, reference, tolerance, size, comparison))
    leaf_cases = [_looked_at_again(situation, leaf, again) for leaf in leaf_cases]
    leaf_cases = [tightened(leaf, evidence) for leaf in leaf_cases]
    inquiry = inquire(leaf_cases, evidence, settings.full, situation.rng)
    inquiry = by_convention(leaf_cases, together(leaf_cases, inquiry, evidence), evidence, conventions)
    expect, upstream = case.layer.expect if case.layer.expect in BY_DESIGN else "", situation.upstream
    values = [values_judge(leaf.autodiff, leaf.tolerance) for leaf in leaf_cases]
    judged = {
        leaf.position: conclude(
            case,
            revised(expect, leaf, traced.settle(leaf, inquiry, evidence, bool(expect)), upstream.flat, variants),
            evidence,
        )
        for leaf in leaf_cases
        if leaf.comparison is not None
    }
    if expect == CUSTOM:
        judged = {position: replace(leaf, sensitivity=None) for position, leaf in judged.items()}
    for position, loss in precision_losses(
        case, leaf_cases, dtypes, None if fixed is not None or expect else replay
    ).items():
        judged[position] = worded(judged[position], loss, case)
    zero = {
        leaf.position: bool(values[leaf.position](np.zeros(leaf.autodiff.shape)))
        for leaf in leaf_cases
        if leaf.received.missing
    }
    leaves, findings = complete(case, reception, judged, values, zero, AUTODIFF)
    return leaves, findings, inquiry.notes


def _noise(
    received: Received, reference: NDArray[Any], scale: NDArray[np.float64], again: Sequence[NDArray[Any]]
) -> float:
    """The typical noise of a leaf, 0 where its backward was not run again."""
    yours = received.usable
    return noise_of(yours - reference, again[0], reference, scale) if yours is not None and again else 0.0


def _looked_at_again(situation: _Situation, leaf: LeafCase, again: Replays) -> LeafCase:
    """The leaf; where it differs, with the rounding inside yours taken into its tolerance."""
    yours, comparison = leaf.received.usable, leaf.comparison
    if yours is None or comparison is None or not comparison.wrong.size:
        return leaf
    own, dtypes = yours - leaf.autodiff, situation.dtypes[leaf.position]
    for count in (REPLAYS, REPLAYS + MORE_REPLAYS):
        errors = again.errors(count, leaf.position)
        if len(errors) < count:
            return leaf
        tolerance = jitter([own, *errors], leaf.autodiff, leaf.tolerance, dtypes, situation.units[leaf.position])
        comparison = compare(yours, leaf.autodiff, tolerance)
        leaf, wrong = replace(leaf, tolerance=tolerance, comparison=comparison), comparison.wrong
        if not wrong.size or not may_be_rounding(own, wrong, leaf.autodiff, tolerance, dtypes):
            break
    return leaf


def _without_autodiff(situation: _Situation, autodiff: Untraceable) -> _Judgement:
    case, reception, evidence, settings = situation.case, situation.reception, situation.evidence, situation.settings
    naturals, dtypes = situation.naturals, situation.dtypes
    untraced.gather(reception.leaves, evidence, settings, situation.rng)
    references = [
        untraced.reference_of(position, received, evidence, given(settings), dtypes[position], naturals[position])
        for position, received in enumerate(reception.leaves)
    ]
    contradiction, telling = untraced.contradiction_of(
        reception.leaves, evidence, [reference.tolerance for reference in references]
    )
    if not contradiction and not telling and not all(reference.seen.all() for reference in references):
        contradiction = "not every element was looked at, and finite differences along random directions cannot tell"
    looked = [
        untraced.look_into(position, received, references[position], evidence)
        for position, received in enumerate(reception.leaves)
        if received.has_right_shape
    ]
    wrong_together = untraced.together(looked, evidence)
    judged = {leaf.position: conclude(case, untraced.settle(leaf, wrong_together), evidence) for leaf in looked}
    findings: tuple[Finding, ...] = ()
    if contradiction and not any(leaf.status is Status.FAIL for leaf in judged.values()):
        if telling:
            message = (
                f"some gradient is wrong: {contradiction}; the elements that were looked at one by one "
                "do not show which"
            )
            findings = (Finding("GC201", message, str(case.layer.path), case.layer.line),)
        else:
            judged = {position: _undecided(leaf, contradiction) for position, leaf in judged.items()}
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


def _dtypes(received: Received, narrowest: np.dtype[Any] | None) -> tuple[np.dtype[Any], ...]:
    return tuple(dtype for dtype in (received.leaf.value.dtype, received.dtype, narrowest) if dtype is not None)


def _broken_forward(outputs: Sequence[NDArray[Any]]) -> str:
    """A sentence where the forward's own output is not finite."""
    for number, output in enumerate(outputs):
        bad = ~np.isfinite(output.astype(np.complex128 if output.dtype.kind == "c" else np.float64))
        if bad.any():
            index = tuple(int(axis) for axis in np.argwhere(bad)[0])
            kind = "NaN" if np.isnan(output[index]) else "infinity"
            which = f" of output {number + 1}" if len(outputs) > 1 else ""
            return f"the forward gives {kind}{f' at {index_text(index)}' if index else ''}{which} for these inputs"
    return ""


def _undecided(leaf: LeafVerdict, why: str) -> LeafVerdict:
    if leaf.status not in (Status.PASS, Status.INCONCLUSIVE):
        return leaf
    return replace(leaf, status=Status.INCONCLUSIVE, why=why)


def _witnesses(autodiff: Autodiff | Untraceable, evidence: Evidence) -> tuple[str, ...]:
    names = ["yours"]
    if isinstance(autodiff, Autodiff):
        names.append(AUTODIFF)
    if evidence.elements or evidence.directions:
        names.append(DIFFERENCES)
    return tuple(names)
