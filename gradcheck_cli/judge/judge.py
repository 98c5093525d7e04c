"""One draw, judged: dimensions first, then every value by the witnesses there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.by_design import Variants
from gradcheck_cli.judge.dimensions.receiving import Received
from gradcheck_cli.judge.dimensions.reception import sort_out
from gradcheck_cli.judge.evidence.differencer import Differencer
from gradcheck_cli.judge.evidence.evidence import Evidence
from gradcheck_cli.judge.kinks.second_opinion import Conventions
from gradcheck_cli.judge.noise.replays import Replay
from gradcheck_cli.judge.noise.tolerance import Perturbed, largest_epsilon, natural_size
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.situation import Situation
from gradcheck_cli.judge.traced import judging as traced
from gradcheck_cli.judge.untraced import judging as untraced
from gradcheck_cli.judge.verdict import AUTODIFF, DIFFERENCES, DrawVerdict, LeafVerdict, undecided, worst_status
from gradcheck_cli.judge.words import index_text
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.leaves import is_floating, walk
from gradcheck_cli.report.model import Status
from gradcheck_cli.tracing.trace import Untraceable
from gradcheck_cli.witnesses.gradients import Analytic, Autodiff, Upstream


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
    situation = Situation(
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
        leaves, findings, notes = traced.judge(situation, autodiff, perturbed, replay, conventions, variants)
    else:
        leaves, findings, notes = untraced.judge(situation, autodiff)
    if broken:
        # why there is no autodiff, or how many differences were taken, is then beside the point
        leaves, notes = tuple(replace(undecided(_excused(leaf), broken), notes=()) for leaf in leaves), ()
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


def _excused(leaf: LeafVerdict) -> LeafVerdict:
    """The leaf; passing where all that is wrong is not finite either, as the forward's own output is, or is zero by a
    reference that overflows in other elements: what is next to an overflow may have underflowed."""
    comparison, yours = leaf.comparison, leaf.received.usable
    if leaf.status is not Status.FAIL or comparison is None or yours is None or len(leaf.findings) > 1:
        return leaf
    if not comparison.wrong.size:
        return leaf
    excused = ~np.isfinite(yours.reshape(-1)[comparison.wrong])
    if comparison.unknown.size and leaf.reference is not None:
        excused |= leaf.reference.reshape(-1)[comparison.wrong] == 0
    if not excused.all():
        return leaf
    return replace(leaf, status=Status.PASS, findings=(), worst=(), wrong_map=None)


def _witnesses(autodiff: Autodiff | Untraceable, evidence: Evidence) -> tuple[str, ...]:
    names = ["yours"]
    if isinstance(autodiff, Autodiff):
        names.append(AUTODIFF)
    if evidence.elements or evidence.directions:
        names.append(DIFFERENCES)
    return tuple(names)
