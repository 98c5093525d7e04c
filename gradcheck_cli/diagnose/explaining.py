"""What is known of one failing case: its forward's edges, what flows along them, and what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.candidates import Candidate, candidates_of
from gradcheck_cli.diagnose.edges import Edges, edges_of
from gradcheck_cli.diagnose.gates.reverse import Reverse, Row
from gradcheck_cli.diagnose.misfit import DROPPED, NOTHING, SIMPLE, Misfit, Vector, judged_leaves, misfit_of
from gradcheck_cli.diagnose.normalisers import normalisers_of
from gradcheck_cli.diagnose.places import Places
from gradcheck_cli.diagnose.unrolling import unrolled
from gradcheck_cli.graph.steps import Steps
from gradcheck_cli.judge.verdict import DrawVerdict, LeafVerdict
from gradcheck_cli.tracing.forward import reference_leaves
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.subject import Subject

MOST_STEPS = 600
"""Steps of a forward above which nobody is blamed: compiling takes some 5 ms a step."""

MOST_CANDIDATES = 4_000

MOST_VALUES = 2**25
"""Gradients of all candidates together, in numbers: 256 MiB. Above, smaller sizes (`--dim`) would tell as well."""

Multipliers = NDArray[np.float64]
"""Of each class of edges: 1 + α."""


@dataclass(frozen=True)
class Case:
    """One failing case.

    Attributes:
        program: the gradient, for any multipliers.
        leaves: positions of those that are judged.
        held: the multipliers of the gradient itself, where some paths are none: what goes through them is right.
    """

    subject: Subject
    steps: Steps
    edges: Edges
    places: Places
    candidates: tuple[Candidate, ...]
    program: Reverse
    leaves: tuple[int, ...]
    misfit: Misfit
    held: Multipliers | None = None

    @property
    def ones(self) -> Multipliers:
        """The multipliers of the gradient itself."""
        return np.ones(self.edges.classes) if self.held is None else self.held

    def gradients(self, multipliers: Sequence[Multipliers]) -> Vector:
        """One row of all judged leaves for each set of multipliers."""
        rows = self.program.gradients([Row(factors=one) for one in multipliers])
        return np.concatenate([rows[leaf].reshape(len(multipliers), -1) for leaf in self.leaves], axis=1)

    def scaled(self, multipliers: Multipliers, candidate: Candidate, factor: float) -> Multipliers:
        """The multipliers with a candidate's contribution taken 1 + `factor` times."""
        changed = multipliers.copy()
        changed[list(candidate.classes)] = multipliers[list(candidate.classes)] * (1 + factor)
        return changed

    def further(self, stand: Standing, rows: Sequence[int]) -> dict[int, Vector]:
        """By candidate of these that is not parallel, the gradient at each of the simple factors."""
        several = [row for row in rows if not self.candidates[row].is_parallel]
        missing = [row for row in several if row not in stand.further]
        if missing:
            asked = [
                self.scaled(stand.multipliers, self.candidates[row], factor) for row in missing for factor in SIMPLE[1:]
            ]
            gradients = self.gradients(asked).reshape(len(missing), len(SIMPLE) - 1, -1)
            for row, others in zip(missing, gradients):
                stand.further[row] = np.concatenate([[stand.gradient - stand.flows[row]], others])
        return {row: stand.further[row] for row in several}

    @cached_property
    def plain(self) -> Standing:
        """All flows, of the gradient as it is."""
        return standing(self, self.ones)

    @cached_property
    def without_cancelling(self) -> Standing | None:
        """All flows where no path that cancels is followed; None where that changes nothing, or the gradient.

        A softmax subtracts its maximum: in the right gradient, what flows through it cancels, and nobody writes it
        down. Where another path is missing it would no longer cancel.
        """
        if not self._cancelling:
            return None
        multipliers = self.ones
        multipliers[self._cancelling] = 0.0
        found = standing(self, multipliers)
        return None if (np.abs(found.gradient - self.misfit.gradient) > self.misfit.tolerance).any() else found

    def only(self, name: str) -> Case | None:
        """The same case where one leaf is looked at; None where it is not wrong, or nothing flows to it alone.

        It has the candidates that make a difference to this leaf only: the others would be wrong, too.
        """
        places = [place for place, (other, _) in enumerate(self.misfit.parts) if other == name]
        reached = {
            row for row in np.flatnonzero(self.plain.flowing) if self.misfit.reached(self.plain.flows[row]) == (name,)
        }
        if not places or not reached:
            return None
        misfit = self.misfit.only(name)
        candidates = tuple(self.candidates[row] for row in sorted(reached))
        case = replace(self, candidates=candidates, leaves=(self.leaves[places[0]],), misfit=misfit)
        return case if misfit.is_off(slice(None)) else None

    @property
    def _cancelling(self) -> list[int]:
        single = [(row, one.classes[0]) for row, one in enumerate(self.candidates) if len(one.classes) == 1]
        return [number for row, number in single if not self.plain.flowing[row]]

    @cached_property
    def in_closed_form(self) -> Case | None:
        """The same case where the right gradient goes through each normaliser; None where there is none."""
        held = self.ones
        normalisers = [self.edges.class_of[one.edge] for one in normalisers_of(self.steps, self.edges)]
        if not normalisers:
            return None
        held[[*normalisers, *self._cancelling]] = 0.0
        (gradient,) = self.gradients([held])
        through = self.misfit.gradient - gradient
        misfit = replace(self.misfit, yours=self.misfit.yours - through, gradient=gradient)
        return replace(self, misfit=misfit, held=held)


@dataclass(frozen=True)
class Standing:
    """What flows along each candidate, where some multipliers hold already.

    Attributes:
        gradient: by these multipliers alone.
        flows: by candidate, how much less the gradient is without it.
        further: see `Case.further`; what was asked for so far.
        flowing: by candidate, whether anything flows along it.
    """

    multipliers: Multipliers
    gradient: Vector
    flows: Vector
    further: dict[int, Vector]
    flowing: NDArray[np.bool_]


def standing(case: Case, multipliers: Multipliers) -> Standing:
    """All flows where these multipliers hold."""
    asked = [multipliers, *(case.scaled(multipliers, candidate, DROPPED) for candidate in case.candidates)]
    rows = case.gradients(asked)
    return _standing(case, multipliers, rows[0], rows[0] - rows[1:])


def held_with(case: Case, stand: Standing, held: Candidate, factor: float) -> Standing:
    """All flows where a candidate is taken with its factor, too: what no path joins with it flows as before."""
    multipliers = case.scaled(stand.multipliers, held, factor)
    changed = [
        row
        for row, candidate in enumerate(case.candidates)
        if not case.edges.are_apart(held.classes, candidate.classes)
    ]
    asked = [multipliers, *(case.scaled(multipliers, case.candidates[row], DROPPED) for row in changed)]
    rows = case.gradients(asked)
    flows = stand.flows.copy()
    flows[changed] = rows[0] - rows[1:]
    return _standing(case, multipliers, rows[0], flows)


def _standing(case: Case, multipliers: Multipliers, gradient: Vector, flows: Vector) -> Standing:
    # leaf by leaf: their units differ
    flowing = np.zeros(len(flows), np.bool_)
    for _, part in case.misfit.parts:
        flowing |= np.linalg.norm(flows[:, part], axis=1) > NOTHING * np.linalg.norm(gradient[part])
    return Standing(multipliers, gradient, flows, {}, flowing)


def explain(subject: Subject, verdict: DrawVerdict) -> Case | None:
    """What is known of a failing case; None where it is none that blame can speak of."""
    leaves = judged_leaves(verdict)
    if not isinstance(subject.traced, Trace) or leaves is None or subject.traced.steps > MOST_STEPS:
        return None
    misfit = misfit_of(leaves)
    if misfit is None:
        return None
    # what JAX's own functions are made of tells more, but at a kink their rules say something else
    return next((case for rules in (False, True) if (case := _case(subject, misfit, leaves, rules)) is not None), None)


def _case(subject: Subject, misfit: Misfit, leaves: Sequence[tuple[int, LeafVerdict]], with_rules: bool) -> Case | None:
    traced = subject.traced
    assert isinstance(traced, Trace)
    given = reference_leaves(subject.case)
    steps = unrolled(traced, given, MOST_STEPS, with_rules=with_rules)
    edges = edges_of(steps)
    places = Places(steps, traced)
    candidates = candidates_of(steps, edges, places)
    elements = sum(leaf.value.size for leaf in subject.case.leaves)
    if not candidates or len(candidates) > MOST_CANDIDATES or (len(candidates) + 1) * elements > MOST_VALUES:
        return None
    program = Reverse(steps, edges, given, subject.upstream.flat, edges.values, device=subject.device)
    if len(candidates) >= program.most:
        return None
    positions = tuple(position for position, _ in leaves)
    case = Case(subject, steps, edges, places, tuple(candidates), program, positions, misfit)
    (gradient,) = case.gradients([case.ones])
    if (np.abs(gradient - misfit.gradient) > misfit.tolerance).any():
        return None
    return replace(case, misfit=replace(misfit, gradient=gradient))
