"""The sites of one case at which other numbers explain what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.gates.case import GateCase
from gradcheck_cli.diagnose.gates.elementwise import Gate
from gradcheck_cli.diagnose.recovery.evidence import Evidence, evidence_of
from gradcheck_cli.diagnose.recovery.models import Model, model_of
from gradcheck_cli.diagnose.recovery.operands import other_operand
from gradcheck_cli.diagnose.recovery.reading import Kind, Read, read, read_operand, read_terms
from gradcheck_cli.diagnose.recovery.sites import MOST_UNKNOWNS, Site, What, sites_of, unknowns_of
from gradcheck_cli.diagnose.recovery.solving import solved
from gradcheck_cli.diagnose.recovery.ways import Ways, cancelling
from gradcheck_cli.diagnose.recovery.whole import whole
from gradcheck_cli.witnesses.subject import Subject

Array = NDArray[Any]

EXACT = 1e-6
"""What may be left unexplained, as a share of the error, where the layer's own rounding does not ask for more."""

LOOSE = 1e-2
"""The same, whatever the rounding."""

MOST_WORK = 2**30
"""Multiplications that the equations of one case may take, over all sites: some tenths of a second."""

OVER = 2
"""So many times as many equations as unknowns are needed, where the numbers found are no known ones."""

WELL_OVER = 5
"""The same where all that arrives comes from one element of the outputs: then it may have been wrong before."""

ALONE = 1e-6
"""How near to one, or to the diagonal of the Jacobian, the factors of the upstream gradient must be."""

SINGLE = 1e-9
"""A correlation with an output's upstream gradient that is this near to one is one."""


@dataclass(frozen=True)
class Fit:
    """Numbers at a site that explain what is wrong with some leaves.

    Attributes:
        names: of the leaves.
        used, right: the numbers of the backward and those that belong there.
        known: which of the used ones are known.
        rest: what is left unexplained, as a share of the error.
        reads: what the numbers may be, the simplest first.
        is_sure: there are many more equations than unknowns.
    """

    site: Site
    names: tuple[str, ...]
    used: Array
    right: Array
    known: NDArray[np.bool_]
    rest: float
    reads: tuple[Read, ...]
    is_sure: bool

    @property
    def is_read(self) -> bool:
        """Whether it is known what the numbers are."""
        return self.reads[0].kind is not Kind.UNKNOWN


class Fitting:
    """Looks in one case.

    Args:
        text_of: see `sites_of`.
        only: keys of the sites to look at; all without them.
    """

    def __init__(
        self,
        subject: Subject,
        case: GateCase,
        text_of: Callable[[int], str],
        only: Collection[Hashable] | None = None,
    ) -> None:
        self._subject, self.case, self._text_of, self._only = subject, case, text_of, only
        self._models: dict[tuple[Hashable, bool], Model | None] = {}
        self._work = 0

    @cached_property
    def _evidence(self) -> Evidence | None:
        return evidence_of(self._subject, self.case)

    def fits(self, wanted: Collection[str]) -> list[Fit]:
        """Sites that explain all of the wanted leaves, and leave the right ones right; else the wanted ones alone.

        Args:
            wanted: names of leaves that are wrong.
        """
        if self._evidence is None:
            return []
        names = tuple(error.name for error in self.case.errors if error.name in wanted)
        right = {error.name for error in self.case.errors if not error.is_wrong}
        tried = [({*names, *right}, names), (set(names), names)]
        tried += [({name}, (name,)) for name in names if len(names) > 1]
        for looked_at, names in tried:
            found = [*self._whole(names), *self._fits(looked_at, names, is_cut=False)]
            if not any(fit.is_read for fit in found):
                found += self._fits(looked_at, names, is_cut=True)
            if found:
                return found
        return []

    def _whole(self, names: tuple[str, ...]) -> Iterator[Fit]:
        evidence = self._evidence
        assert evidence is not None
        if len(names) != 1 or len(evidence.outputs) != 1:
            return
        number = next(place for place, one in enumerate(evidence.errors) if one.name == names[0])
        found = whole(evidence, number, next(iter(evidence.outputs)))
        if found is None or found.yours is None:
            return
        site = Site(("whole", number), What.WHOLE, (), 0, (), ())
        right = found.right
        if right is None:
            reads = tuple(self._alone(number, found.yours, found.known))
            right = np.zeros_like(found.yours)
        else:
            reads = tuple(read(found.yours, right, found.known, {}, None))
        if reads:
            yield Fit(site, names, found.yours, right, found.known, 0.0, reads, is_sure=True)

    def _alone(self, number: int, yours: Array, known: NDArray[np.bool_]) -> Iterator[Read]:
        """What yours is where it works element by element, and the gradient does not."""
        evidence = self._evidence
        assert evidence is not None
        if np.ptp(yours[known]) <= ALONE and abs(yours[known][0] - 1) <= ALONE:
            yield Read(Kind.ONE, "upstream", number=1.0)
            return
        found = self._ways.of(list(evidence.outputs))
        if found is not None:
            ways = found[0]
            start = sum(len(one.at) for one in evidence.errors[:number])
            at = evidence.errors[number].at
            diagonal = ways[at, start + np.arange(len(at))]
            if (np.abs(yours - diagonal)[known] <= ALONE * np.abs(diagonal).max(initial=0.0)).all():
                yield Read(Kind.ALONE, "alone")

    @cached_property
    def _ways(self) -> Ways:
        assert self._evidence is not None
        return Ways(self.case, cancelling(self.case, self._evidence.arriving))

    @cached_property
    def _sites(self) -> list[tuple[int, Site]]:
        """With how many unknowns each has, the fewest first."""
        sites = ((unknowns_of(site, self.case), site) for site in sites_of(self.case, self._text_of))
        ordered = sorted(sites, key=lambda pair: (pair[0], -max(pair[1].positions, default=-1)))
        return [
            (size, site)
            for size, site in ordered
            if size <= MOST_UNKNOWNS and (self._only is None or site.key in self._only)
        ]

    def _model(self, site: Site, *, is_cut: bool) -> Model | None:
        assert self._evidence is not None
        key = site.key, is_cut
        if key not in self._models:
            ways = self._ways.cut if is_cut else self._ways.of
            self._models[key] = model_of(site, self.case, self._evidence.arriving, ways)
        return self._models[key]

    def _fits(self, looked_at: set[str], names: tuple[str, ...], *, is_cut: bool) -> list[Fit]:
        evidence = self._evidence
        assert evidence is not None
        kept = np.concatenate([np.full(len(one.at), one.name in looked_at) for one in evidence.errors])
        wrongs = np.concatenate(evidence.wrongs, axis=1)
        sizes = [size for one, size in zip(evidence.errors, evidence.noise) if one.name in looked_at]
        noise = float(np.linalg.norm(sizes))
        found = []
        for unknowns, site in self._sites:
            self._work += unknowns * unknowns * (unknowns // 3 + int(kept.sum()))
            if self._work > MOST_WORK:
                break
            model = self._model(site, is_cut=is_cut)
            if model is None:
                continue
            one = solved(model, wrongs, kept)
            if one is not None and one.rest <= min(max(EXACT * one.size, noise), LOOSE * one.size):
                used = model.right + one.change
                reads = (*self._of_regions(site, used, model), *_reads(site, used, model, self.case))
                is_sure = self._is_sure(site, model, kept)
                found.append(Fit(site, names, used, model.right, model.counts, one.rest / one.size, reads, is_sure))
        return found

    @cached_property
    def _regions(self) -> dict[int, list[Gate]]:
        """Several steps that work element by element, by the value that they work on."""
        found: dict[int, list[Gate]] = {}
        for family in self.case.families:
            for gate in family.gates if len(family.gates) == 1 and family.gates[0].steps > 1 else ():
                found.setdefault(gate.target, []).append(gate)
        return found

    def _of_regions(self, site: Site, used: Array, model: Model) -> Iterator[Read]:
        """What the numbers are as the local derivative of several steps together, as a function of what goes in."""
        if site.what is not What.VALUE or len(site.results) != 1 or self._evidence is None:
            return
        (value,), arriving, known = site.results, self._evidence.arriving, self.case.known
        for gate in self._regions.get(value, ()):
            due = gate.derivative.reshape(-1)
            through = arriving[gate.result] * due
            if np.abs(through - arriving[value]).max() > ALONE * np.abs(through).max():
                continue
            names = {number: known.values[number].reshape(-1) for number in (value, gate.result)}
            for one in read(used * due, due, model.counts, names, None):
                if one.kind in (Kind.ONE, Kind.REPLACED, Kind.NUMBER):
                    yield replace(one, key=("steps", gate.steps, one.key), position=gate.position)

    def _is_sure(self, site: Site, model: Model, kept: NDArray[np.bool_]) -> bool:
        """Whether there are many more equations than unknowns, and no more than one output is enough for most."""
        assert self._evidence is not None
        reached = np.any([np.abs(part.ways).any(axis=0) for part in model.parts], axis=0) & kept
        unknowns = int(model.counts.sum())
        equations = int(np.minimum(self._outputs, self._evidence.count)[reached].sum())
        if equations < OVER * unknowns or _is_chain(site, self.case):
            return False
        is_one = (len(site.results) == 1 or site.is_shared) and equations >= WELL_OVER * unknowns
        return is_one or site.what is What.OPERAND or self._is_varied(model)

    @cached_property
    def _outputs(self) -> NDArray[np.intp]:
        """By element of the leaves, how many elements of the outputs depend on it."""
        assert self._evidence is not None
        found = np.zeros(sum(len(one.at) for one in self._evidence.errors), np.intp)
        for value in self._evidence.outputs:
            ways = self._ways.of([value])
            if ways is not None:
                found += np.count_nonzero(ways[0], axis=0)
        return found

    def _is_varied(self, model: Model) -> bool:
        """Whether what arrives comes from several elements of the outputs each: else it may be wrong before."""
        assert self._evidence is not None
        above = self._evidence.above
        above = above / np.maximum(np.linalg.norm(above, axis=0), 1e-300)
        for part in model.parts:
            lengths = np.linalg.norm(part.above, axis=0)
            arriving = part.above[:, lengths > 0] / lengths[lengths > 0]
            alike = np.abs(above.T @ arriving).max(axis=0, initial=0.0)
            if np.count_nonzero(alike > 1 - SINGLE) * 2 > len(alike):
                return False
        return True


def _is_chain(site: Site, case: GateCase) -> bool:
    """Whether what the gradient goes to in one turn comes of the result of another: then the numbers of the turns
    multiply, and equations in which they add up are met by what no numbers give."""
    if site.is_shared or len(site.positions) < 2:
        return False
    between = case.forward.steps.steps[min(site.positions) : max(site.positions) + 1]
    if len({step.place for step in between}) == 1:
        return False  # no turns: one expression takes several steps of a kind, as `einsum` of three arrays does
    made, ahead = set[int]() if site.what is What.VALUE else set(site.results), list(site.results)
    while ahead:
        uses = [position for position, _ in case.forward.uses.get(ahead.pop(), ()) if position in case.forward.alive]
        further = {case.forward.result(position) for position in uses} - made
        made |= further
        ahead += further
    return not made.isdisjoint(site.targets)


def _reads(site: Site, used: Array, model: Model, case: GateCase) -> Iterator[Read]:
    is_one = len(site.results) == 1 or site.is_shared
    if site.what is What.OPERAND:
        if is_one:
            shape = np.shape(other_operand(site.positions[0], site.operand, case))
            size = int(np.prod(shape))
            alike = {number: value.reshape(shape) for number, value in _floats(case) if value.size == size}
            yield from read_operand(used, model.right, model.counts, shape, alike)
        else:
            yield from read_terms(used, model.right, model.counts)
            yield Read(Kind.UNKNOWN, "unknown")
        return
    values, summed = _beside(site, case) if is_one else ({}, None)
    yield from read(used, model.right, model.counts, values, summed)


def _floats(case: GateCase) -> Iterator[tuple[int, Array]]:
    for number, value in case.known.values.items():
        if value.dtype.kind == "f" and value.ndim and np.isfinite(value).all():
            yield number, value


def _beside(site: Site, case: GateCase) -> tuple[dict[int, Array], Array | None]:
    """Values that can stand where a site's numbers do, and the places along the axes that its operand has not."""
    shape = case.reverse.shape(site.results[0])
    values = {}
    for number, value in _floats(case):
        try:
            values[number] = np.broadcast_to(value, shape).reshape(-1)
        except ValueError:
            continue
    target = case.reverse.shape(site.targets[0])
    axes = [axis for axis, (mine, whole) in enumerate(zip(target, shape)) if mine != whole]
    if len(target) != len(shape) or not axes:
        return values, None
    summed = np.arange(int(np.prod([shape[axis] for axis in axes])))
    order = np.ones(len(shape), int)
    order[axes] = [shape[axis] for axis in axes]
    return values, np.broadcast_to(summed.reshape(order), shape).reshape(-1)
