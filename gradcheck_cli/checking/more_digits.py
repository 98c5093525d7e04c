"""A float64 layer that differs by little or at random: is it its own rounding, or the backward?

Rounding shrinks where the same code computes with more digits; a mistake stays. Where it cannot compute with more, its
gradient at inputs that are off by roundings tells: one that is another number there is none that can be judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.checking.wide import ROUNDINGS, without_findings
from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.noise.tolerance import NEAR, natural_size
from gradcheck_cli.judge.verdict import DrawVerdict, LeafVerdict, worst_status
from gradcheck_cli.judge.words import number, plural
from gradcheck_cli.layers.precision import DOUBLE_EPSILON, epsilon
from gradcheck_cli.report.model import Status
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.analytic import run_backward, run_forward
from gradcheck_cli.witnesses.composed import ComposedBackward
from gradcheck_cli.witnesses.conduct.nearby import nearby
from gradcheck_cli.witnesses.conduct.replay import replay
from gradcheck_cli.witnesses.conduct.situations import gradients_of, node_of
from gradcheck_cli.witnesses.extended.arithmetic import EXTENDED
from gradcheck_cli.witnesses.extended.function import in_extended
from gradcheck_cli.witnesses.extended.gradients import Programs, at_a_glance, sizes_of_gradient_terms
from gradcheck_cli.witnesses.extended.interpreter import BeyondEvaluation
from gradcheck_cli.witnesses.subject import Subject
from gradcheck_cli.witnesses.upstream import widened
from gradcheck_cli.witnesses.wider import case_in, upstream_in

Array = NDArray[Any]

OF_ROUNDING = frozenset({"GC201", "GC402"})
"""What rounding can look like."""

SMALL = 1e-3
"""An error counts as small below this share of the gradient, or of what its terms are by their units."""

TINY = 1e-9
"""Wrong elements below this may be zero but for rounding."""

SHRINKS = 1 / 64
"""Extended precision has 11 more bits: rounding shrinks to a two-thousandth."""

MOST_ELEMENTS = 2**14
"""Larger cases are not computed again: without a BLAS they take long."""

AS_FAR = 1 / 8
"""Yours moves by this share of its error, or more, where the inputs move by roundings,"""

MOSTLY = 0.25
"""in this share of its elements and tries, or more: some steps round to what they were."""

DISTANCES = (4.0, 16.0, 64.0, 4.0, 16.0, 64.0)
"""How many roundings the inputs move by, one try each."""

SEEDS = 1000
"""Sets them apart from the replays that the judge has seen."""

LOOKS = 3
"""Tries after which an error that stays is a mistake."""

NO_DIGITS = 2.0**-6
"""A forward whose outputs move by this share of their size has too few digits to be judged by."""


def settled_with_more_digits(verdict: DrawVerdict, subject: Subject) -> DrawVerdict:
    """The verdict; a leaf that failed passes where its errors are its own rounding, and is inconclusive where nothing
    can be told from it."""
    case = verdict.case
    failing = [at for at, leaf in enumerate(verdict.leaves) if leaf.status is Status.FAIL]
    if (
        not failing
        or verdict.findings
        or case.layer.expect
        or not all(_may_be_rounding(verdict.leaves[at]) for at in failing)
    ):
        return verdict
    if any(epsilon(leaf.value.dtype) > DOUBLE_EPSILON for leaf in case.leaves):
        return verdict
    leaves = list(verdict.leaves)
    for at in _zero_but_for_rounding(subject, verdict, failing):
        leaves[at] = without_findings(leaves[at])
    failing = [at for at in failing if leaves[at].status is Status.FAIL]
    if all(_is_small(subject, leaves[at], at) for at in failing):
        settled = _by_digits(subject, verdict, failing)
        for at, leaf in settled.items():
            leaves[at] = leaf
    for at in _random(subject, verdict, [at for at in failing if leaves[at].status is Status.FAIL]):
        leaves[at] = _untellable(leaves[at])
    status = worst_status([leaf.status for leaf in leaves])
    notes = tuple(dict.fromkeys((*verdict.notes, *(note for leaf in leaves for note in leaf.notes))))
    return replace(verdict, leaves=tuple(leaves), status=status, notes=notes)


def _may_be_rounding(leaf: LeafVerdict) -> bool:
    """Whether it was judged by measured tolerances, and has finite values where it is wrong."""
    yours, comparison = leaf.yours, leaf.comparison
    if yours is None or comparison is None or leaf.reference is None or not comparison.wrong.size:
        return False
    if leaf.tolerance is None or not leaf.tolerance.measured:
        return False
    if not {finding.code for finding in leaf.findings} <= OF_ROUNDING:
        return False
    return bool(np.isfinite(comparison.errors).all())


def _zero_but_for_rounding(subject: Subject, verdict: DrawVerdict, failing: Sequence[int]) -> list[int]:
    """The failing leaves in which all wrong elements, yours and the reference's, are below the rounding of the terms
    that they are made of: 1 − p where p is one to all digits."""
    sizes = {at: _sizes_of_wrong(verdict.leaves[at]) for at in failing}
    small = [at for at, size in sizes.items() if np.all(size <= TINY)]  # else the terms are not worth asking for
    if not small or not isinstance(subject.traced, Trace):
        return []
    terms = sizes_of_gradient_terms(subject.traced, subject.case, subject.upstream)
    if terms is None:
        return []
    found = []
    for at in small:
        comparison = verdict.leaves[at].comparison
        assert comparison is not None
        if np.all(sizes[at] <= ROUNDINGS * DOUBLE_EPSILON * terms[at].reshape(-1)[comparison.wrong]):
            found.append(at)
    return found


def _sizes_of_wrong(leaf: LeafVerdict) -> NDArray[np.float64]:
    """How large the wrong elements are, yours or the reference's, whichever is larger."""
    assert leaf.comparison is not None and leaf.yours is not None and leaf.reference is not None
    size = np.fmax(np.abs(leaf.yours), np.abs(leaf.reference))
    return np.asarray(size.reshape(-1)[leaf.comparison.wrong])


def _is_small(subject: Subject, leaf: LeafVerdict, at: int) -> bool:
    reference, comparison = leaf.reference, leaf.comparison
    assert reference is not None and comparison is not None
    values = [np.asarray(value) for value in getattr(subject.autodiff, "outputs", ())]
    natural = natural_size(values, subject.upstream.flat, subject.case.leaves[at].value)
    size = np.fmax(np.abs(reference).reshape(-1)[comparison.wrong], natural)
    return bool(np.all(comparison.errors <= SMALL * size))


def _by_digits(subject: Subject, verdict: DrawVerdict, failing: list[int]) -> dict[int, LeafVerdict]:
    """The failing leaves whose errors are gone in extended precision."""
    traced, case = subject.traced, subject.case
    too_large = sum(leaf.value.size for leaf in case.leaves) > MOST_ELEMENTS
    if not isinstance(traced, Trace) or too_large or np.finfo(EXTENDED).eps > SHRINKS * DOUBLE_EPSILON:
        return {}
    try:
        truth = at_a_glance(Programs().of(traced), case, subject.upstream)[1].values
        own = _own_in_extended(subject)
    except (BeyondEvaluation, UserError):
        return {}
    settled = {}
    for at in failing:
        yours, leaf = own[at], verdict.leaves[at]
        if yours is None or yours.shape != truth[at].shape or not _is_gone(leaf, yours, truth[at]):
            continue
        settled[at] = _passed(leaf)
    return settled


def _is_gone(leaf: LeafVerdict, yours: Array, truth: Array) -> bool:
    comparison, tolerance, own = leaf.comparison, leaf.tolerance, leaf.yours
    assert comparison is not None and tolerance is not None and own is not None
    wrong = comparison.wrong
    exact = truth.reshape(-1)[wrong]
    with np.errstate(all="ignore"):
        error = np.abs(yours.reshape(-1)[wrong] - exact)
        allowed = np.fmax(
            tolerance.at(np.abs(exact).astype(np.float64), wrong), SHRINKS * np.abs(own.reshape(-1)[wrong] - exact)
        )
    return bool(np.all(error <= allowed))


def _own_in_extended(subject: Subject) -> list[Array | None]:
    """By leaf, the user's own gradient in extended precision; None where nothing usable came back.

    Raises:
        UserError: where the layer does not run in it.
        BeyondEvaluation: where a step of it does not.
    """
    case, upstream = subject.case, subject.upstream
    if case.layer.uses_jax:
        composed = ComposedBackward(subject.bound, case, upstream)
        return list(in_extended(composed, DOUBLE_EPSILON, *composed.values()))
    wide, above = case_in(case, _extended), upstream_in(upstream, _extended)
    with np.errstate(all="ignore"):
        backward = run_backward(subject.bound, wide, run_forward(subject.bound, wide), above).backward
    found: list[Array | None] = []
    for leaf in case.leaves:
        node = node_of(backward, leaf.argument, leaf.path)
        array = None if node is None else np.asarray(node)
        found.append(array if array is not None and array.dtype.kind in "fc" else None)
    return found


def _extended(value: Array) -> Array:
    return widened(value).astype(np.result_type(value, EXTENDED))


def _passed(leaf: LeafVerdict) -> LeafVerdict:
    comparison = leaf.comparison
    assert comparison is not None
    count, largest = comparison.wrong.size, float(comparison.errors.max())
    note = (
        f"`{leaf.received.name}` is off by up to {number(largest, 1)} in {plural(count, 'element')}, and right where "
        "the same code computes with more digits: the rounding of its own steps."
    )
    return replace(without_findings(leaf), notes=(*leaf.notes, note))


def _untellable(leaf: LeafVerdict) -> LeafVerdict:
    comparison = leaf.comparison
    assert comparison is not None
    why = (
        f"`{leaf.received.name}` moves by as much as it is off in {plural(comparison.wrong.size, 'element')} where the "
        "inputs move by a few roundings: the layer is too ill-conditioned at these inputs to be told right from wrong"
    )
    return replace(without_findings(leaf), status=Status.INCONCLUSIVE, why=why, is_noise=True)


def _random(subject: Subject, verdict: DrawVerdict, failing: Sequence[int]) -> list[int]:
    """The failing leaves whose errors are drawn anew next door; all of them where the forward's outputs are so too.

    A branch that is taken at these very inputs only moves a gradient as well, and the gradient is right next door. It
    moves it by more than a small error: one that is gone next door is a rounding that happens at some inputs and not at
    others.
    """
    if not failing:
        return []
    trace = subject.differentiable
    if not isinstance(trace, Trace):
        return list(failing) if _has_no_digits(subject) else []
    again = replay(subject.bound, trace, subject.case, subject.upstream, device=subject.device)
    far: dict[int, list[NDArray[np.bool_]]] = {at: [] for at in failing}
    small = {at: _is_small(subject, verdict.leaves[at], at) for at in failing}
    for tried, size in enumerate(DISTANCES, 1):
        try:
            backward, references = again(size * DOUBLE_EPSILON, subject.case.seed + SEEDS + tried)
        except UserError as error:
            if isinstance(error.__cause__, np.linalg.LinAlgError):
                return list(failing)  # a matrix that is singular next door
            return []
        yours = gradients_of(subject.case, backward)
        for at in failing:
            far[at].append(_is_far(verdict.leaves[at], yours[at], None if small[at] else references[at]))
        if tried == LOOKS and not any(np.any(rows) for rows in far.values()):
            return []  # nothing moves: a mistake
    stacked = {at: np.stack(rows) for at, rows in far.items()}
    random = [at for at, rows in stacked.items() if rows.any(axis=0).all() and rows.mean() >= MOSTLY]
    return list(failing) if len(random) < len(failing) and _has_no_digits(subject) else random


def _is_far(leaf: LeafVerdict, yours: Array | None, reference: Array | None) -> NDArray[np.bool_]:
    """Which wrong elements move by about their error, and are as far off next door, where that is asked for."""
    here, comparison = leaf.yours, leaf.comparison
    assert here is not None and comparison is not None
    if yours is None or yours.shape != here.shape:
        return np.zeros(comparison.wrong.size, np.bool_)
    with np.errstate(all="ignore"):
        off = np.abs(yours - here)
        if reference is not None:
            off = np.fmin(off, np.abs(yours - reference))
    return np.asarray(off.reshape(-1)[comparison.wrong] >= AS_FAR * comparison.errors)


def _has_no_digits(subject: Subject) -> bool:
    """Whether roundings of the inputs move most elements of an output by a part of their size."""
    near = nearby(subject, NEAR * DOUBLE_EPSILON)
    for outputs in zip(*(each.outputs for each in near)):
        first = np.abs(outputs[0])
        with np.errstate(all="ignore"):
            moved = np.max([np.abs(other - outputs[0]) for other in outputs[1:]], axis=0)
            if first.size and np.median(moved / np.fmax(first, np.finfo(np.float64).tiny)) > NO_DIGITS:
                return True
    return False
