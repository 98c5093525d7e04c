"""One case with its program: the backwards that explain what is wrong there."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

import numpy as np

from gradcheck_cli.diagnose.edges import edges_of
from gradcheck_cli.diagnose.explaining import MOST_CANDIDATES, MOST_STEPS
from gradcheck_cli.diagnose.gates.arrangements import of_arrangements
from gradcheck_cli.diagnose.gates.counting import of_counting
from gradcheck_cli.diagnose.gates.elementwise import Family, families_of
from gradcheck_cli.diagnose.gates.errors import Wrong, errors_of, held_against
from gradcheck_cli.diagnose.gates.forward import Forward, forward_of
from gradcheck_cli.diagnose.gates.forwards import of_forwards
from gradcheck_cli.diagnose.gates.groups import of_groups
from gradcheck_cli.diagnose.gates.leaving import of_leaving
from gradcheck_cli.diagnose.gates.overwriting import of_overwriting
from gradcheck_cli.diagnose.gates.products import of_products
from gradcheck_cli.diagnose.gates.recomputed import of_recomputed
from gradcheck_cli.diagnose.gates.recovered import bounded, is_readable, recovered
from gradcheck_cli.diagnose.gates.reductions import of_reductions
from gradcheck_cli.diagnose.gates.replacements import Replacement, held, of_family
from gradcheck_cli.diagnose.gates.reverse import At, Known, Reverse, Row
from gradcheck_cli.diagnose.gates.selections import of_selections
from gradcheck_cli.diagnose.gates.slips import Site, Slip, rows_of, settled
from gradcheck_cli.diagnose.gates.unselected import of_unselected
from gradcheck_cli.diagnose.misfit import NOTHING
from gradcheck_cli.diagnose.normalisers import Normaliser, normalisers_of
from gradcheck_cli.diagnose.unrolling import unrolled
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.tracing.forward import reference_leaves
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.subject import Subject

MOST_BATCHES = 96
"""Of arrangements that are tried: each is a row of one. Of a large forward a batch has few."""


@dataclass(frozen=True)
class Fit:
    """A wrong backward that gives some of your gradients.

    Attributes:
        names: the leaves that are wrong and that it explains.
        is_whole: it gives all of your gradients, right and wrong; else yours computes some in another way.
        rest: what it leaves unexplained of the error, as a share.
        factors: of the gradients that it explains, what the right one is multiplied by where that is a number.
        is_in_closed_form: the right gradient goes through normalisers, whatever arrives there.
    """

    replacement: Replacement
    names: tuple[str, ...]
    is_whole: bool
    rest: float
    factors: tuple[float | None, ...]
    is_in_closed_form: bool = False


@dataclass(frozen=True)
class GateCase:
    """What gates can be looked for in.

    Attributes:
        errors: by leaf that was judged.
        files: the user's.
        normalisers: operands along which their gradient goes back.
    """

    forward: Forward
    known: Known
    reverse: Reverse
    errors: tuple[Wrong, ...]
    files: frozenset[str]
    normalisers: tuple[At, ...] = ()

    @cached_property
    def families(self) -> tuple[Family, ...]:
        """All gates that a gradient passes."""
        return tuple(families_of(self.forward, self.known))

    def fits(self, only: Collection[Hashable] | None = None) -> list[Fit]:
        """What explains a wrong gradient; of these keys only, where they are given."""
        return self._fitting(self._chosen(self._replacements(), only))

    def further(self, only: Collection[Hashable] | None = None) -> list[Fit]:
        """What explains a wrong gradient, and is rarer: it is asked for where the above explains nothing."""
        found = self._fitting(self._chosen(of_leaving(self.families, self.forward, self.known), only))
        factors = self.reverse.cutting(self._cancelling("reduce_max"))
        found += self._fitting(self._chosen(of_groups(self.forward, self.known, factors), only))
        found += self._fitting(self._chosen(of_counting(self.families, self.forward, self.known, self.reverse), only))
        masks = [
            mask
            for family in self.families
            if is_readable(family)
            for mask in (
                *bounded(family, self.known),
                *recovered(family, self.known, self.reverse, self.errors),
            )
            if only is None or mask.key in only
        ]
        return found + self._fitting(masks)

    def arranged(self, wanted: Collection[str], only: Collection[Hashable] | None = None) -> list[Fit]:
        """What explains one of these gradients by something inside that is transposed, or in another place."""
        leaves = frozenset(one.leaf for one in self.errors if one.name in wanted)
        found = (
            slip
            for slip in of_arrangements(self.forward, self.known)
            if (only is None or slip.key in only)
            and any(self.forward.before.get(site.enters, frozenset()) & leaves for site in slip.sites)
        )
        slips = list(islice(found, MOST_BATCHES * self.reverse.rows))
        fits = self._arranged(slips, set(wanted)) + self._fitting(
            self._chosen(of_forwards(self.forward, self.known), only)
        )
        stopped = tuple(_stopped(value, self.known) for value in self._cancelling("reduce_sum"))
        if fits or len(stopped) < 2:
            return fits
        # a loop whose turns are normalised one by one, and whose backward knows that it is: nothing goes through that
        fits = self._arranged([replace(slip, sites=(*slip.sites, *stopped)) for slip in slips], set(wanted))
        return [replace(fit, is_in_closed_form=True) for fit in fits]

    def recomputed(self, only: Collection[Hashable] | None = None) -> list[Fit]:
        """What explains a wrong gradient by a forward that lacks a step."""
        found = of_recomputed(self.forward, self.known, self.reverse)
        fits = [self._fit(one, gradients) for one, gradients in found if only is None or one.key in only]
        return [fit for fit in fits if fit is not None]

    def _arranged(self, slips: Sequence[Slip], wanted: Set[str]) -> list[Fit]:
        plain, chained = rows_of(slips, self.known, self.reverse, self.forward)
        fits = self._fitting([slip.replacement(row, self.forward) for slip, row in plain])
        if {name for fit in fits for name in fit.names} >= wanted:
            return fits
        rows = settled(chained, self.reverse)
        return fits + self._fitting([slip.replacement(row, self.forward) for slip, row in rows])

    def _chosen(self, replacements: Iterable[Replacement], only: Collection[Hashable] | None) -> list[Replacement]:
        """Those that can explain something, and of these keys, where they are given."""
        wrong = frozenset(one.leaf for one in self.errors if one.is_wrong)
        chosen = (
            one
            for one in replacements
            if (only is None or one.key in only) and self.forward.before.get(one.target, frozenset()) & wrong
        )
        return list(islice(chosen, min(MOST_CANDIDATES, self.reverse.most)))

    def _fitting(self, replacements: Sequence[Replacement]) -> list[Fit]:
        """What explains a gradient; else what does where the right gradient goes through normalisers."""
        fits = self._fitted(replacements)
        if fits or not self.normalisers:
            return fits
        rows = self._held([one.row for one in replacements])
        fits = self._fitted([replace(one, row=row) for one, row in zip(replacements, rows)])
        return [replace(fit, is_in_closed_form=True) for fit in fits]

    def _held(self, rows: Sequence[Row]) -> Iterator[Row]:
        """The rows where the right gradient goes through normalisers, and through the maxima that are taken off."""
        known = self.known
        rows = [held(row, self.normalisers, self.forward, known) for row in rows]
        maxima = self._cancelling("reduce_max")
        for start in range(0, len(rows), self.reverse.rows):
            part = rows[start : start + self.reverse.rows]
            arriving = self.reverse.arriving(part) if maxima else {}
            for number, row in enumerate(part):
                entering = dict(row.entering)
                for value in maxima:
                    missing = known.arriving[value] - arriving[value][number]
                    entering[value] = entering.get(value, 0.0) + missing
                yield Row(row.changes, entering)

    def _cancelling(self, name: str) -> list[int]:
        """Values of steps of this name through which nothing flows in the right gradient, though something arrives."""
        found, arriving = [], self.known.arriving
        for position in self.forward.alive:
            value, before = self.forward.result(position), self.forward.operand(position, 0)
            step = self.forward.steps.steps[position]
            if step.equation.primitive.name == name and before is not None and {value, before} <= arriving.keys():
                size = float(np.abs(arriving[before]).max(initial=0))
                found += [value] if float(np.abs(arriving[value]).max(initial=0)) <= NOTHING * size else []
        return found

    def _fitted(self, replacements: Sequence[Replacement]) -> list[Fit]:
        if not replacements:
            return []
        gradients = self.reverse.gradients([one.row for one in replacements])
        fits = [
            self._fit(replacement, [gradient[number] for gradient in gradients])
            for number, replacement in enumerate(replacements)
        ]
        return [fit for fit in fits if fit is not None]

    def _replacements(self) -> Iterable[Replacement]:
        for family in self.families:
            yield from of_family(family, self.forward, self.known)
        yield from of_products(self.forward, self.known)
        yield from of_selections(self.forward, self.known)
        yield from of_unselected(self.forward, self.known)
        yield from of_overwriting(self.forward, self.known)
        yield from of_reductions(self.forward, self.known)

    def _fit(self, replacement: Replacement, gradients: Sequence[np.ndarray]) -> Fit | None:
        rests = [one.rest(gradients[one.leaf].reshape(-1)) for one in self.errors]
        explained = [(one, rest) for one, rest in zip(self.errors, rests) if one.is_wrong and rest is not None]
        if not explained:
            return None
        names = tuple(one.name for one, _ in explained)
        factors = tuple(one.factor(one.yours) for one, _ in explained)
        is_whole = all(rest is not None for rest in rests)
        return Fit(replacement, names, is_whole, max(rest for _, rest in explained), factors)


def case_of(subject: Subject, verdict: DrawVerdict) -> GateCase | None:
    """None where there is nothing that a gate can explain, or the forward is too large."""
    traced = subject.traced
    errors = errors_of(verdict)
    if not isinstance(traced, Trace) or not errors or traced.steps > MOST_STEPS:
        return None
    leaves = reference_leaves(subject.case)
    steps = unrolled(traced, leaves, MOST_STEPS, with_rules=True)
    edges = edges_of(steps)
    if not edges.class_of:
        return None
    forward = forward_of(steps, edges, traced.files)
    reverse = Reverse(steps, edges, leaves, subject.upstream.flat, edges.values, device=subject.device)
    errors = held_against(errors, reverse.right)
    if not errors:
        return None
    ends = (_ends(one, forward, reverse.known) for one in normalisers_of(steps, edges))
    normalisers = tuple(end for some in ends for end in some)
    return GateCase(forward, reverse.known, reverse, errors, traced.files, normalisers)


def _stopped(value: int, known: Known) -> Site:
    """Where a change in what arrives at a value is undone."""
    right = known.arriving[value]
    return Site(value, value, lambda above: right - above)


def _ends(normaliser: Normaliser, forward: Forward, known: Known) -> list[At]:
    """The operands of a step that all of it goes through, where one works number by number."""
    steps = ([(position, k) for k in forward.alive[position]] for position in normaliser.waist)
    return next((ends for ends in steps if all(end in known.local for end in ends)), [])
