"""Which candidates explain what is wrong in a case, one by one and two together; what holds in another case too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.candidates import Candidate
from gradcheck_cli.diagnose.explaining import Case, Standing, held_with
from gradcheck_cli.diagnose.misfit import NOTHING, SIMPLE, Vector

MOST_FITTED = 1_200
"""Candidates of which all pairs are fitted: 1.4 million."""

MOST_CHECKED = 64
"""Pairs that are checked by their own gradient."""

MOST_ROWS, MOST_VALUES = 3_000, 2**25
"""Gradients that are computed to find what is wrong beside one candidate, and what they may hold over all steps."""

BESIDE = 6
"""Candidates beside which another is looked for: those that explain most."""

NEAR = 1e-6
"""How far a pair's factors may be from simple ones, where no tolerance decides yet."""


@dataclass(frozen=True)
class Part:
    """A candidate and its α; −1 is a path that is missing."""

    candidate: Candidate
    factor: float


@dataclass(frozen=True)
class Fit:
    """What explains the error of a case.

    Attributes:
        parts: one candidate, or two.
        rest: what they leave unexplained, relative to the error.
        standing: the flows they were found by.
    """

    parts: tuple[Part, ...]
    rest: float
    standing: Standing


Search = Callable[[Case], list[Fit]]


def single(case: Case) -> list[Fit]:
    """The candidates that explain the error alone."""
    return list(_single(case, case.plain))


def single_without_cancelling(case: Case) -> list[Fit]:
    """The same where no path is followed that cancels in the right gradient."""
    found = case.without_cancelling
    return [] if found is None else list(_single(case, found))


def single_in_closed_form(case: Case) -> list[Fit]:
    """The same where a normaliser's gradient is right, whatever arrives there."""
    return [] if case.in_closed_form is None else single(case.in_closed_form)


def pairs(case: Case) -> list[Fit]:
    """Pairs that explain it, each with a simple factor: two numbers that are free would fit too much."""
    stand = case.without_cancelling or case.plain
    return list(_fitted_pairs(case, stand)) or list(_beside(case, stand))


ALONE: tuple[Search, ...] = (single, single_without_cancelling, single_in_closed_form)
"""The simplest first."""


def again(fit: Fit, other: Case, found: Sequence[Fit]) -> Iterator[Fit]:
    """What explains the error of another case as a fit does that of the first: the same candidates.

    Args:
        found: by the same search in the other case, where that looks for single candidates.
    """
    if len(fit.parts) == 1:
        yield from (one for one in found if _is_same(fit.parts[0].candidate, one.parts[0].candidate))
        return
    stand = other.without_cancelling or other.plain
    same = [[one for one in other.candidates if _is_same(part.candidate, one)] for part in fit.parts]
    factors = [part.factor for part in fit.parts]
    chosen = [tuple(map(Part, both, factors)) for both in islice(product(*same), MOST_CHECKED)]
    yield from _checked(other, stand, chosen)


def _is_same(one: Candidate, other: Candidate) -> bool:
    is_turn = one.turn is None or other.turn is None or one.turn.is_same(other.turn)
    return one.key == other.key and is_turn


def _single(case: Case, stand: Standing) -> Iterator[Fit]:
    misfit = case.misfit
    # at no factor does a candidate explain an element that nothing of it flows to
    wrong = np.abs(misfit.yours - stand.gradient) > misfit.tolerance * (1 + max(map(abs, SIMPLE)))
    rows = [row for row in np.flatnonzero(stand.flowing).tolist() if not wrong[_is_still(stand.flows[row])].any()]
    further = case.further(stand, rows)
    for row in rows:
        candidate = case.candidates[row]
        if candidate.is_parallel:
            fitted = misfit.fitted(stand.gradient, stand.flows[row])
            if fitted is not None:
                yield Fit((Part(candidate, fitted[0]),), fitted[1], stand)
            continue
        for factor, gradient in zip(SIMPLE, further[row]):
            rest = misfit.rest(gradient, factor)
            if rest is not None:
                yield Fit((Part(candidate, factor),), rest, stand)


def _is_still(flow: Vector) -> NDArray[np.bool_]:
    """Elements that nothing flows to."""
    still: NDArray[np.bool_] = np.abs(flow) <= NOTHING * np.abs(flow).max(initial=0.0)
    return still


def _fitted_pairs(case: Case, stand: Standing) -> Iterator[Fit]:
    """By least squares over the flows that are there already, all pairs at once."""
    rows = [row for row in np.flatnonzero(stand.flowing) if case.candidates[row].is_parallel][:MOST_FITTED]
    flows = _real(stand.flows[rows])
    error = _real(case.misfit.yours - stand.gradient)
    gram, along = flows @ flows.T, flows @ error
    found = []
    for i in range(len(rows) - 1):
        later = slice(i + 1, None)
        sizes = gram[i, i] * gram.diagonal()[later]
        determinant = sizes - gram[i, later] ** 2
        with np.errstate(all="ignore"):
            one = (gram.diagonal()[later] * along[i] - gram[i, later] * along[later]) / determinant
            two = (gram[i, i] * along[later] - gram[i, later] * along[i]) / determinant
        fits = (determinant > 1e-8 * sizes) & _are_simple(one) & _are_simple(two)
        for j in np.flatnonzero(fits):
            factors = _simple(one[j]), _simple(two[j])
            left = error - factors[0] * flows[i] - factors[1] * flows[i + 1 + j]
            found.append((float(np.linalg.norm(left)), rows[i], rows[i + 1 + int(j)], factors))
    found.sort(key=lambda item: item[0])
    chosen = [
        (Part(case.candidates[i], factors[0]), Part(case.candidates[j], factors[1]))
        for _, i, j, factors in found[:MOST_CHECKED]
    ]
    yield from _checked(case, stand, chosen)


def _beside(case: Case, stand: Standing) -> Iterator[Fit]:
    """What explains the rest where one candidate is taken with its factor: one may lie behind the other."""
    rows = min(MOST_ROWS, case.program.rows_of(MOST_VALUES))
    most = min(BESIDE, rows // max(len(case.candidates), 1))
    for first in _most_explaining(case, stand)[:most]:
        held = held_with(case, stand, first.candidate, first.factor)
        seconds = [fit.parts[0] for fit in _single(case, held) if fit.parts[0].factor in SIMPLE]
        fits = list(_checked(case, stand, [(first, second) for second in seconds[:MOST_CHECKED]]))
        if fits:
            yield from fits
            return


def _most_explaining(case: Case, stand: Standing) -> list[Part]:
    """Candidates with simple factors: those first that make the most elements right, then most of the error."""
    misfit = case.misfit
    ranked: dict[tuple[int, float], Part] = {}
    rows = np.flatnonzero(stand.flowing).tolist()
    further = case.further(stand, rows)
    for row in rows:
        candidate = case.candidates[row]
        for turn, factor in enumerate(SIMPLE):
            flow = stand.flows[row]
            taken = stand.gradient + factor * flow if candidate.is_parallel else further[row][turn]
            left = np.abs(misfit.yours - taken)
            size = float(np.linalg.norm(left)) / misfit.size
            wrong = int((left > misfit.tolerance * (1 + abs(factor))).sum())
            # of several edges with one flow the first stands for all
            ranked.setdefault((wrong, float(f"{size:.9g}")), Part(candidate, factor))
    return [part for _, part in sorted(ranked.items(), key=lambda item: item[0])]


def _checked(case: Case, stand: Standing, chosen: Sequence[tuple[Part, ...]]) -> Iterator[Fit]:
    """Those of which yours is the gradient."""
    kept = [parts for parts in chosen if not set(parts[0].candidate.classes) & set(parts[1].candidate.classes)]
    if not kept:
        return
    asked = []
    for parts in kept:
        multipliers = stand.multipliers
        for part in parts:
            multipliers = case.scaled(multipliers, part.candidate, part.factor)
        asked.append(multipliers)
    for parts, gradient in zip(kept, case.gradients(asked)):
        rest = case.misfit.rest(gradient, max(abs(part.factor) for part in parts))
        if rest is not None:
            yield Fit(parts, rest, stand)


def _are_simple(factors: Vector) -> Vector:
    near: Vector = np.min([np.abs(factors - simple) for simple in SIMPLE], axis=0) < NEAR
    return near


def _simple(factor: float) -> float:
    return min(SIMPLE, key=lambda simple: abs(simple - factor))


def _real(rows: Vector) -> Vector:
    """Complex numbers as pairs of real ones."""
    return np.concatenate([rows.real, rows.imag], axis=-1) if np.iscomplexobj(rows) else rows
