"""Causes that are read out of the numbers a backward uses, where no slip that people are known to make explains it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.diagnose.cause import Cause
from gradcheck_cli.diagnose.gates.case import GateCase
from gradcheck_cli.diagnose.gates.errors import are_one_number
from gradcheck_cli.diagnose.gates.names import Names
from gradcheck_cli.diagnose.recovery.fitting import Fit, Fitting
from gradcheck_cli.diagnose.recovery.reading import Kind, Read
from gradcheck_cli.diagnose.recovery.sites import What
from gradcheck_cli.diagnose.recovery.wording import said
from gradcheck_cli.diagnose.source import Use
from gradcheck_cli.witnesses.subject import Subject

RANK, VAGUE = 9, 20
"""Among the causes: where the numbers are known ones; and where they are not, or are right in some places only: then it
tells more that those are a row, or a border."""

CODES = {
    Kind.ZERO: "GC209",
    Kind.PART: "GC206",
    Kind.MASK: "GC212",
    Kind.SCALED: "GC210",
    Kind.TRANSPOSED: "GC204",
    Kind.FLIPPED: "GC213",
    Kind.ALONE: "GC209",
}
"""Other numbers are GC208."""

PLAIN = frozenset(
    "add add_any sub neg reshape squeeze expand_dims transpose broadcast_in_dim convert_element_type copy slice "
    "reduce_sum concatenate stack gather scatter-add".split()
)
"""Steps whose local derivatives are ones: nobody gets those wrong by a number."""


SELECTIONS = frozenset({"select_n", "max", "min", "clamp", "abs", "sign"})


@dataclass(frozen=True)
class Place:
    """A case to look in."""

    subject: Subject
    case: GateCase
    names: Names

    def fitting(self, only: Collection[Hashable] | None = None) -> Fitting:
        """Looks there, at these sites only where they are given."""
        return Fitting(self.subject, self.case, self._text, only)

    def _text(self, position: int) -> str:
        use = self.names.use(position, self.case.forward.alive[position][0])
        return "" if use is None else use.expression


def recoveries(first: Place, second: Callable[[], Place | None], wanted: Collection[str]) -> tuple[Cause, ...]:
    """At most one cause of wrong gradients that nothing else explains: it holds in both cases.

    Args:
        wanted: names of the leaves.
    """
    names = first.names
    fits = [fit for fit in first.fitting().fits(wanted) if _may_be_said(fit, first.case)]
    other = second() if fits else None
    if other is None:
        return ()
    again = other.fitting({fit.site.key for fit in fits}).fits(fits[0].names)
    found = []
    for fit in fits:
        twin = next((one for one in again if one.site.key == fit.site.key and one.names == fit.names), None)
        if twin is not None:
            found += [(fit, one) for one in _held(fit, twin, first.case)]
    for fit, one in sorted(found, key=lambda pair: _telling(pair[0], pair[1], first.case, names)):
        cause = _cause(fit, one, first.case, names)
        if cause is not None:
            return (cause,)
    return ()


def _may_be_said(fit: Fit, case: GateCase) -> bool:
    return any(one.kind is not Kind.UNKNOWN for one in fit.reads) or (fit.is_sure and not _is_plain(fit, case))


def _held(fit: Fit, twin: Fit, case: GateCase) -> list[Read]:
    """What can be said of the numbers in both cases; where they are no known ones, only if nothing else could be."""
    keys = {one.key: one for one in twin.reads}
    kept = []
    for one in fit.reads:
        if one.key not in keys:
            continue
        if one.kind is Kind.SCALED and not are_one_number(one.number, keys[one.key].number):
            continue
        if one.kind is Kind.NUMBER and float(np.ptp(fit.right[fit.known])) == 0:
            continue
        if one.kind is Kind.MASK and _is_plain(fit, case):
            continue
        if one.kind is Kind.UNKNOWN and (_is_plain(fit, case) or not (fit.is_sure and twin.is_sure)):
            continue
        kept.append(one)
    return kept


def _telling(fit: Fit, one: Read, case: GateCase, names: Names) -> tuple[object, ...]:
    """Numbers that are known first, then steps that have a derivative to speak of, then the fewest numbers."""
    position = max(fit.site.positions, default=-1)
    operands = case.forward.steps.steps[position].operands if position >= 0 else ()
    is_own = one.value is not None and one.value in [operand.value for operand in operands]
    is_named = one.value is None or bool(names.value(one.value))
    unknowns = int(fit.known.sum())
    order = (What.EDGE, What.OPERAND, What.VALUE, What.WHOLE)
    return one.kind, not is_named, not is_own, _is_plain(fit, case), unknowns, order.index(fit.site.what), -position


def _is_plain(fit: Fit, case: GateCase) -> bool:
    return fit.site.what is not What.WHOLE and (not fit.site.positions or _primitive(fit, case) in PLAIN)


def _primitive(fit: Fit, case: GateCase) -> str:
    return str(case.forward.steps.steps[fit.site.positions[0]].equation.primitive.name)


def _cause(fit: Fit, one: Read, case: GateCase, names: Names) -> Cause | None:
    use = _use(fit, one, case, names)
    called = {error.name: error.called for error in case.errors}
    claim = said(fit, one, use, names, [called[name] for name in fit.names], case)
    if claim is None:
        return None
    is_path = one.kind in (Kind.ZERO, Kind.SCALED)
    factor = one.number - 1 if is_path and one.number is not None else None
    blame = None if use is None else use.blame(factor=factor, explains=1.0 - fit.rest)
    rank = VAGUE if one.kind in (Kind.UNKNOWN, Kind.MASK) else RANK
    return Cause(_code(one, case), fit.names, claim, 1.0 - fit.rest, rank, blame=blame)


def _code(one: Read, case: GateCase) -> str:
    if one.kind is Kind.NUMBER and one.number:
        sizes = {size for value in case.known.values.values() for size in value.shape if size > 1}
        if any(abs(one.number * size - 1) <= 1e-6 for size in sizes):
            return "GC206"
    return CODES.get(one.kind, "GC208")


def _use(fit: Fit, one: Read, case: GateCase, names: Names) -> Use | None:
    alive = case.forward.alive
    if fit.site.positions or one.position is not None:
        position = fit.site.positions[-1] if one.position is None else one.position
        k = fit.site.operand if fit.site.operand in alive[position] else alive[position][0]
        return names.use(position, k) or names.use_before(position, k)
    if fit.site.what is not What.WHOLE:
        return None
    # of a layer that works element by element, the only place where it can be
    wanted = SELECTIONS if one.kind is Kind.MASK else None
    uses = {}
    for position in alive:
        name = str(case.forward.steps.steps[position].equation.primitive.name)
        use = names.use(position, alive[position][0]) if (name in wanted if wanted else name not in PLAIN) else None
        if use is not None:
            uses[use.path, use.line] = use
    return next(iter(uses.values())) if len(uses) == 1 else None
