"""Gradients that are no derivative on purpose: straight-through estimators, which can be checked, and others.

A straight-through gradient takes the steps of its forward (rounding, sign, comparisons, `stop_gradient`) for the
identity. Autodiff of the trace with those steps as identities says what it should be. Accepted beside it: the gradient
stopped, or let through, where the forward clips; and, where the forward itself has no clip, zero for values of a size
beyond all that are let through, or on both sides of them: a step whose gradient saturates (Courbariaux et al.,
"Binarized neural networks", 2016).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.elements import Comparison, compare
from gradcheck_cli.judge.evidence.inquiry import LeafCase
from gradcheck_cli.judge.leaf import Judged
from gradcheck_cli.judge.noise.tolerance import Tolerance, largest_epsilon, unmeasured_rounding
from gradcheck_cli.judge.verdict import STRAIGHT_THROUGH
from gradcheck_cli.judge.words import number, plural

Variants = Callable[..., Sequence[tuple[NDArray[Any], ...]]]
"""`(distance, seed) ->` what a straight-through gradient may be, leaves inside, at inputs that are off by so much; each
variant's clips stopped first, then let through."""

NEXT_DOOR = 16.0
TRIES = 6
"""Exactly between two steps a rounding decides which is taken: a gradient that is right for either is right. So many
times the inputs are moved by so many roundings, to see both."""

CUSTOM = "custom"
BY_DESIGN = (STRAIGHT_THROUGH, CUSTOM)

USUAL_BOUND = 1.0
"""Estimators that saturate let through what is at most this large; above it zero may be saturation or a mistake."""


def revised(
    expect: str, leaf: LeafCase, judged: Judged, upstream: Sequence[NDArray[Any]], variants: Variants | None
) -> Judged:
    """The judgement of a leaf that is expected to be no derivative; hints where one that is not looks as if it were."""
    yours = leaf.received.usable
    if yours is None or (np.iscomplexobj(yours) and not np.iscomplexobj(leaf.autodiff)):
        return judged
    upstream = [gradient.astype(np.result_type(gradient, leaf.autodiff)) for gradient in upstream]
    upstream = [gradient for gradient in upstream if gradient.dtype == leaf.autodiff.dtype]
    if expect == CUSTOM:
        return _unchecked(leaf, judged)
    if expect == STRAIGHT_THROUGH:
        return _straight_through(leaf, judged, _candidates(leaf, upstream, variants), variants)
    if judged.comparison.wrong.size and (hint := _hint(leaf, upstream, variants)):
        remarks = {int(at): hint for at in judged.comparison.wrong}
        return replace(judged, remarks={**judged.remarks, **remarks})
    return judged


@dataclass(frozen=True)
class _Candidate:
    """One gradient that yours may be.

    Attributes:
        gradient: what it is.
        through: the same with clips let through.
        clips: whether the forward clips, and that makes a difference here.
    """

    gradient: NDArray[Any]
    through: NDArray[Any]
    clips: bool


def _candidates(leaf: LeafCase, upstream: Sequence[NDArray[Any]], variants: Variants | None) -> list[_Candidate]:
    """The straight-through gradients; the upstream gradient itself where the trace does not show the step."""
    found = [gradients[leaf.position] for gradients in variants()] if variants is not None else []
    half = len(found) // 2
    candidates = []
    for stopped, through in zip(found[:half], found[half:]):
        clips = not np.allclose(stopped, through, rtol=1e-9, atol=0)
        candidates += [_Candidate(stopped, through, clips), *([_Candidate(through, through, clips)] if clips else [])]
    if not any(np.any(candidate.gradient) for candidate in candidates) and _is_zero(leaf):
        fitting = [gradient for gradient in upstream if gradient.shape == leaf.autodiff.shape]
        if len(upstream) == len(fitting) == 1:
            candidates = [_Candidate(fitting[0], fitting[0], clips=False)]
    return [candidate for candidate in candidates if np.isfinite(candidate.gradient).all()]


def _straight_through(
    leaf: LeafCase, judged: Judged, candidates: Sequence[_Candidate], variants: Variants | None
) -> Judged:
    yours = leaf.received.usable
    assert yours is not None
    best = _best(leaf, yours, candidates)
    if best is not None and best[0] and variants is not None and not np.iscomplexobj(yours):
        best = _best(leaf, yours, _between_steps(leaf, yours, candidates, variants))
    if best is not None and best[0] == 0:
        _, reference, comparison, tolerance, saturated = best
        zero = f", and zero in {plural(saturated, 'element')} beyond those it lets through" if saturated else ""
        note = (
            f"`{leaf.received.name}` is straight-through, as expected: it is the gradient with the forward's steps as "
            f"the identity{zero}."
        )
        return replace(
            judged, reference=reference, bars=None, tolerance=tolerance, comparison=comparison, why="", accepted="",
            notes=(note,), remarks={},
        )  # fmt: skip
    is_derivative = leaf.comparison is not None and not leaf.comparison.wrong.size
    if best is None or (is_derivative and not _is_zero(leaf)):
        return judged  # the derivative is never wrong; where no step is seen, nothing else can be said
    if is_derivative and _is_saturated(leaf, candidates):
        why = (
            f"`{leaf.received.name}` is zero, and every value is above {USUAL_BOUND:g} in size: nothing tells a "
            "gradient that saturates there from one that is left out; smaller inputs would"
        )
        return replace(judged, why=why)
    _, reference, comparison, tolerance, _ = best
    remarks = {
        int(at): f"straight-through, with the forward's steps as the identity, is {number(_at(reference, int(at)))}"
        for at in comparison.wrong
    }
    return replace(
        judged, reference=reference, bars=None, tolerance=tolerance, comparison=comparison, why="", accepted="",
        remarks=remarks,
    )  # fmt: skip


_Best = tuple[int, NDArray[Any], Comparison, Tolerance, int]


def _best(leaf: LeafCase, yours: NDArray[Any], candidates: Sequence[_Candidate]) -> _Best | None:
    """The candidate with the fewest wrong elements: these, it, the comparison, the tolerance, how many saturate.

    Of several with as many, the one that yours is the nearest to a multiple of: what is halved is wrong everywhere.
    """
    found: list[_Best] = []
    for candidate in candidates:
        tolerance = _tolerance(leaf, candidate.gradient)
        reference, saturated = _with_saturation(leaf, yours, candidate, tolerance)
        comparison = compare(yours, reference, tolerance)
        found.append((comparison.wrong.size, reference, comparison, tolerance, saturated))
    return min(found, key=lambda best: (best[0], _off_any_multiple(yours, best[1])), default=None)


def _off_any_multiple(yours: NDArray[Any], reference: NDArray[Any]) -> float:
    """What is left of yours beside its best multiple of the reference."""
    size = float(np.vdot(reference, reference).real)
    return float(np.linalg.norm(yours - np.vdot(reference, yours) / size * reference if size else yours))


def _between_steps(
    leaf: LeafCase, yours: NDArray[Any], candidates: Sequence[_Candidate], variants: Variants
) -> list[_Candidate]:
    """The candidates, with yours where it lies between what they are next door, on both sides of a step."""
    size = NEXT_DOOR * largest_epsilon([leaf.received.leaf.value.dtype])
    around = [_candidates(leaf, (), lambda seed=seed: variants(size, seed)) for seed in range(1, TRIES + 1)]
    found = []
    for position, candidate in enumerate(candidates):
        nearby = [point[position].gradient for point in around if len(point) == len(candidates)]
        every = np.stack([candidate.gradient, *nearby])
        low, high = every.min(axis=0), every.max(axis=0)
        tolerance = _tolerance(leaf, candidate.gradient)
        allowed = tolerance.at(np.abs(candidate.gradient).reshape(-1), slice(None)).reshape(yours.shape)
        excused = (low - allowed <= yours) & (yours <= high + allowed) & (high - low > allowed)
        found.append(replace(candidate, gradient=np.where(excused, yours, candidate.gradient)))
    return found


def _is_saturated(leaf: LeafCase, candidates: Sequence[_Candidate]) -> bool:
    values = leaf.received.leaf.value
    is_zero = leaf.received.usable is not None and not np.any(leaf.received.usable)
    return is_zero and not any(item.clips for item in candidates) and bool(np.all(np.abs(values) > USUAL_BOUND))


def _with_saturation(
    leaf: LeafCase, yours: NDArray[Any], candidate: _Candidate, tolerance: Tolerance
) -> tuple[NDArray[Any], int]:
    """The gradient, with yours in its place where it may be either; and how many elements are zero by saturation."""
    reference = np.array(candidate.gradient)
    wrong = compare(yours, reference, tolerance).wrong
    if not wrong.size or np.iscomplexobj(reference):
        return reference, 0
    flat, mine, through = reference.reshape(-1), yours.reshape(-1), candidate.through.reshape(-1)
    if candidate.clips:
        # Exactly at a bound of a clip both are right, and what is between.
        low, high = np.minimum(0, through), np.maximum(0, through)
        at_bound = (flat != 0) & (flat != through)
        excused = wrong[(at_bound & (low <= mine) & (mine <= high))[wrong]]
        flat[excused] = mine[excused]
        return reference, 0
    values = np.asarray(leaf.received.leaf.value, np.float64).reshape(-1)
    passing = np.ones(mine.size, dtype=np.bool_)
    passing[wrong] = False
    passing &= flat != 0
    if not passing.any():
        return reference, 0
    zero = np.zeros(mine.size, dtype=np.bool_)
    zero[wrong[mine[wrong] == 0]] = True
    low, high = values[passing].min(), values[passing].max()
    below, above = zero & (values < low), zero & (values > high)
    outside = zero & (np.abs(values) > np.abs(values[passing]).max())
    if below.any() and above.any():
        outside |= below | above
    flat[outside] = 0.0
    return reference, int(outside.sum())


def _unchecked(leaf: LeafCase, judged: Judged) -> Judged:
    """Only what is not finite counts: that is meant by nobody."""
    yours = leaf.received.usable
    assert yours is not None
    finite = np.isfinite(yours) | ~np.isfinite(leaf.autodiff)
    reference = np.where(finite, yours, leaf.autodiff)
    note = f'The values of `{leaf.received.name}` are not checked: another gradient is meant (`expect="custom"`).'
    return replace(
        judged, reference=reference, bars=None, comparison=compare(yours, reference, leaf.tolerance), why="",
        accepted="", notes=(note,), remarks={},
    )  # fmt: skip


def _hint(leaf: LeafCase, upstream: Sequence[NDArray[Any]], variants: Variants | None) -> str:
    """What yours may be on purpose, and how to say so; "" where it looks like a mistake."""
    yours = leaf.received.usable
    assert yours is not None
    if not np.isfinite(yours).all() or not yours.any():
        return ""
    if _is_zero(leaf):
        for candidate in _candidates(leaf, upstream, variants):
            tolerance = _tolerance(leaf, candidate.gradient)
            reference, _ = _with_saturation(leaf, yours, candidate, tolerance)
            if not compare(yours, reference, tolerance).wrong.size:
                looks = "the forward is constant around every element, and this looks like a straight-through estimator"
                return f"{looks}: where it is meant, {_say(STRAIGHT_THROUGH)}"
        return f"the forward is constant around every element: where a surrogate is meant, {_say(CUSTOM)}"
    fitting = [gradient for gradient in upstream if gradient.shape == leaf.autodiff.shape]
    if len(fitting) != 1 or compare(leaf.autodiff, fitting[0], _tolerance(leaf, fitting[0])).wrong.size:
        return ""
    factor = float(np.real(np.vdot(leaf.autodiff, yours) / np.vdot(leaf.autodiff, leaf.autodiff)))
    is_scaled = not compare(yours, factor * leaf.autodiff, _tolerance(leaf, yours)).wrong.size
    what = f"scaled by {number(factor)}" if is_scaled else "another one"
    return (
        f"the forward is the identity in `{leaf.received.leaf.name}`: where its gradient is {what} on purpose, "
        f"{_say(CUSTOM)}"
    )


def _say(expect: str) -> str:
    return f'say `expect="{expect}"`, or write `# gradcheck: expect[{expect}]` on the line of the backward'


def _is_zero(leaf: LeafCase) -> bool:
    return bool(np.all(np.abs(leaf.autodiff) <= leaf.tolerance.floor)) and leaf.autodiff.size > 0


def _tolerance(leaf: LeafCase, reference: NDArray[Any]) -> Tolerance:
    """Nothing was measured of a gradient that is no derivative: the tolerance for what measures nothing."""
    if not leaf.tolerance.measured:
        return leaf.tolerance
    dtypes = [dtype for dtype in (leaf.received.leaf.value.dtype, leaf.received.dtype) if dtype is not None]
    relative = max(unmeasured_rounding(dtypes), leaf.tolerance.relative)
    typical = float(np.mean(np.abs(reference))) if reference.size else 0.0
    scale = np.abs(reference) if leaf.tolerance.scale is None else np.fmax(np.abs(reference), leaf.tolerance.scale)
    return replace(leaf.tolerance, relative=relative, floor=max(leaf.tolerance.floor, relative * typical), scale=scale)


def _at(array: NDArray[Any], position: int) -> complex | float:
    value = array.reshape(-1)[position]
    return complex(value) if array.dtype.kind == "c" else float(value)
