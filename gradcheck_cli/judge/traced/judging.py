"""Judging a draw that autodiff speaks on: tolerances, the inquiry, and what is revised after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.by_design import BY_DESIGN, CUSTOM, Variants, revised
from gradcheck_cli.judge.dimensions.incomplete import complete, values_judge
from gradcheck_cli.judge.dimensions.receiving import Received
from gradcheck_cli.judge.elements import compare
from gradcheck_cli.judge.evidence.evidence import LARGE
from gradcheck_cli.judge.evidence.inquiry import LeafCase, inquire
from gradcheck_cli.judge.evidence.table import TELLING
from gradcheck_cli.judge.kinks.loose import tightened
from gradcheck_cli.judge.kinks.second_opinion import Conventions, by_convention, together
from gradcheck_cli.judge.leaf import conclude
from gradcheck_cli.judge.noise.replays import Repeats, Replay, Replays
from gradcheck_cli.judge.noise.tolerance import (
    MORE_REPLAYS,
    PERTURBATIONS,
    REPLAYS,
    Perturbed,
    given,
    jitter,
    may_be_rounding,
    measure,
    noise_of,
    perturbations,
    replay_distances,
    typical_size,
)
from gradcheck_cli.judge.precision_loss import REPEATS, is_narrowed, precision_losses, worded
from gradcheck_cli.judge.situation import Judgement, Situation
from gradcheck_cli.judge.traced.settling import settle
from gradcheck_cli.judge.verdict import AUTODIFF
from gradcheck_cli.witnesses.gradients import Autodiff


def judge(
    situation: Situation,
    autodiff: Autodiff,
    perturbed: Perturbed | None,
    replay: Replay | None,
    conventions: Conventions | None,
    variants: Variants | None,
) -> Judgement:
    """Every leaf of a draw held against autodiff; the arguments are those of `judge_draw`."""
    case, reception, evidence, settings = situation.case, situation.reception, situation.evidence, situation.settings
    naturals, dtypes = situation.naturals, situation.dtypes
    fixed = given(settings)
    everything = [dtype for of_leaf in dtypes for dtype in of_leaf]
    count = PERTURBATIONS if sum(leaf.value.size for leaf in case.leaves) <= LARGE else 1
    moved = () if fixed is not None else perturbations(perturbed, everything, case.seed, count)
    again = Replays(case, None if fixed is not None else replay, replay_distances(everything))
    repeats = Repeats(case, None if fixed is not None else replay, REPEATS)
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
    leaf_cases = [_looked_at_again(situation, leaf, again, repeats) for leaf in leaf_cases]
    leaf_cases = [tightened(leaf, evidence) for leaf in leaf_cases]
    inquiry = inquire(leaf_cases, evidence, settings.full, situation.rng)
    inquiry = by_convention(leaf_cases, together(leaf_cases, inquiry, evidence), evidence, conventions)
    expect, upstream = case.layer.expect if case.layer.expect in BY_DESIGN else "", situation.upstream
    values = [values_judge(leaf.autodiff, leaf.tolerance) for leaf in leaf_cases]
    judged = {
        leaf.position: conclude(
            case,
            revised(expect, leaf, settle(leaf, inquiry, evidence, bool(expect)), upstream.flat, variants),
            evidence,
        )
        for leaf in leaf_cases
        if leaf.comparison is not None
    }
    if expect == CUSTOM:
        judged = {position: replace(leaf, sensitivity=None) for position, leaf in judged.items()}
    if not expect:
        for position, loss in precision_losses(leaf_cases, dtypes, repeats).items():
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


def _looked_at_again(situation: Situation, leaf: LeafCase, again: Replays, repeats: Repeats) -> LeafCase:
    """The leaf; where it differs, with the rounding inside yours taken into its tolerance, unless it is a cast's."""
    before, yours, comparison = leaf, leaf.received.usable, leaf.comparison
    if yours is None or comparison is None or not comparison.wrong.size:
        return leaf
    own, dtypes = yours - leaf.autodiff, situation.dtypes[leaf.position]
    for count in (REPLAYS, REPLAYS + MORE_REPLAYS):
        errors = again.errors(count, leaf.position)
        if len(errors) < count:
            return leaf
        references = [leaf.autodiff, *again.references(count, leaf.position)]
        unit = situation.units[leaf.position]
        tolerance = jitter([own, *errors], leaf.autodiff, leaf.tolerance, dtypes, unit, references)
        comparison = compare(yours, leaf.autodiff, tolerance)
        leaf, wrong = replace(leaf, tolerance=tolerance, comparison=comparison), comparison.wrong
        if not wrong.size or not may_be_rounding(own, wrong, leaf.autodiff, tolerance, dtypes):
            break
    if is_narrowed(before, dtypes, repeats):
        return before
    return leaf
