"""The sites of one case at which other numbers explain what is wrong."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.gates.case import GateCase
from gradcheck_cli.diagnose.recovery.evidence import Evidence, evidence_of
from gradcheck_cli.diagnose.recovery.reading import Kind, Read, read, read_operand
from gradcheck_cli.diagnose.recovery.sites import (
    MOST_UNKNOWNS,
    Model,
    Site,
    What,
    model_of,
    other_operand,
    sites_of,
    unknowns_of,
)
from gradcheck_cli.diagnose.recovery.solving import Solved, solved
from gradcheck_cli.diagnose.recovery.ways import Ways, cancelling
from gradcheck_cli.witnesses.subject import Subject

Array = NDArray[Any]

EXACT = 1e-6
"""What may be left unexplained, as a share of the error, where the layer's own rounding does not ask for more."""

LOOSE = 1e-2
"""The same, whatever the rounding."""

OVER = 2
"""So many times as many equations as unknowns are needed, where the numbers found are no known ones."""

MOST_NUMBERS = 2**24
"""In the equations of one site: 128 MiB."""

MOST_WAYS = 6_000
"""Elements of values for which the way to the leaves is asked in one case."""


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


class Fitting:
    """Looks in one case."""

    def __init__(self, subject: Subject, case: GateCase) -> None:
        self._subject, self.case = subject, case

    @cached_property
    def _evidence(self) -> Evidence | None:
        return evidence_of(self._subject, self.case)

    @cached_property
    def _ways(self) -> tuple[Ways, ...]:
        assert self._evidence is not None
        cut = cancelling(self.case, self._evidence.arriving)
        return (Ways(self.case), *([Ways(self.case, cut)] if cut else []))

    @cached_property
    def _models(self) -> dict[tuple[Hashable, int], tuple[Site, Model]]:
        """By site and by what is cut."""
        assert self._evidence is not None
        found: dict[tuple[Hashable, int], tuple[Site, Model]] = {}
        asked: set[int] = set()
        for site in sites_of(self.case):
            if unknowns_of(site, self.case) > MOST_UNKNOWNS:
                continue
            new = {target for target in site.targets if target not in asked}
            size = sum(int(np.prod(self.case.reverse.shape(target))) for target in asked | new)
            if size > MOST_WAYS:
                continue
            asked |= new
            for cut, ways in enumerate(self._ways):
                model = model_of(site, self.case, self._evidence.arriving, ways)
                if model is not None:
                    found[site.key, cut] = site, model
        return found

    def fits(self, wanted: Collection[str], only: Collection[Hashable] | None = None) -> list[Fit]:
        """Sites that explain all of the wanted leaves, and leave the right ones right; else the wanted ones alone.

        Args:
            wanted: names of leaves that are wrong.
            only: keys of sites.
        """
        if self._evidence is None:
            return []
        right = {error.name for error in self.case.errors if not error.is_wrong}
        tried = [(set(wanted) | right, tuple(wanted)), (set(wanted), tuple(wanted))]
        tried += [({name}, (name,)) for name in wanted if len(wanted) > 1]
        for looked_at, names in tried:
            found = self._fits(looked_at, names, only)
            if found:
                return found
        return []

    def _fits(self, looked_at: set[str], names: tuple[str, ...], only: Collection[Hashable] | None) -> list[Fit]:
        evidence = self._evidence
        assert evidence is not None
        kept = np.concatenate([np.full(len(one.at), one.name in looked_at) for one in evidence.errors])
        wrongs = np.concatenate(evidence.wrongs, axis=1)
        noise = float(
            np.linalg.norm([size for one, size in zip(evidence.errors, evidence.noise) if one.name in looked_at])
        )
        found: dict[Hashable, Fit] = {}
        for (key, _), (site, model) in self._models.items():
            if key in found or (only is not None and key not in only):
                continue
            if evidence.count * len(model.right) * int(kept.sum()) > MOST_NUMBERS:
                continue
            one = solved(model, wrongs, kept)
            if one is not None and one.rest <= min(max(EXACT * one.size, noise), LOOSE * one.size):
                found[key] = self._fit(site, model, one, names, kept)
        return list(found.values())

    def _fit(self, site: Site, model: Model, one: Solved, names: tuple[str, ...], kept: NDArray[np.bool_]) -> Fit:
        evidence = self._evidence
        assert evidence is not None
        reached = int(np.count_nonzero(np.any([np.abs(part.ways).any(axis=0) for part in model.parts], axis=0) & kept))
        unknowns = int(model.counts.sum())
        used = model.right + one.change
        reads = tuple(_reads(site, used, model, self.case))
        return Fit(
            site,
            names,
            used,
            model.right,
            model.counts,
            one.rest / one.size,
            reads,
            is_sure=OVER * unknowns <= evidence.rank * reached,
        )


def _reads(site: Site, used: Array, model: Model, case: GateCase) -> Iterator[Read]:
    is_one = len(site.results) == 1
    if site.what is What.OPERAND:
        if is_one:
            shape = np.shape(other_operand(site.positions[0], site.operand, case))
            alike = {number: value for number, value in _floats(case) if value.shape == shape}
            yield from read_operand(used, model.right, model.counts, shape, alike)
        else:
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
