"""Causes that are read out of the numbers a backward uses, where no slip that people are known to make explains it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from gradcheck_cli.diagnose.cause import Cause
from gradcheck_cli.diagnose.gates.case import GateCase
from gradcheck_cli.diagnose.gates.names import Names
from gradcheck_cli.diagnose.recovery.fitting import Fit, Fitting
from gradcheck_cli.diagnose.recovery.reading import Kind, Read
from gradcheck_cli.diagnose.recovery.sites import What
from gradcheck_cli.diagnose.recovery.wording import said
from gradcheck_cli.report.model import Blame
from gradcheck_cli.witnesses.subject import Subject

RANK, VAGUE = 9, 11
"""Among the causes: where the numbers are known ones, and where they are not."""

CODES = {
    Kind.PART: "GC206",
    Kind.MASK: "GC212",
    Kind.SCALED: "GC210",
    Kind.TRANSPOSED: "GC204",
    Kind.FLIPPED: "GC213",
}
"""Other numbers are GC208."""

PLAIN = frozenset(
    "add add_any sub neg reshape squeeze expand_dims transpose broadcast_in_dim convert_element_type copy slice "
    "reduce_sum concatenate stack".split()
)
"""Steps whose local derivatives are ones: nobody gets those wrong by a number."""


@dataclass(frozen=True)
class Place:
    """A case to look in."""

    subject: Subject
    case: GateCase


def recoveries(
    first: Place, second: Callable[[], Place | None], names: Names, wanted: Collection[str]
) -> tuple[Cause, ...]:
    """At most one cause of wrong gradients that nothing else explains: it holds in both cases.

    Args:
        wanted: names of the leaves.
    """
    fits = Fitting(first.subject, first.case).fits(wanted)
    other = second() if fits else None
    if other is None:
        return ()
    again = Fitting(other.subject, other.case).fits(fits[0].names, {fit.site.key for fit in fits})
    found = []
    for fit in fits:
        twin = next((one for one in again if one.site.key == fit.site.key and one.names == fit.names), None)
        if twin is not None:
            found += [(fit, one) for one in _held(fit, twin)]
    for fit, one in sorted(found, key=lambda pair: _telling(*pair, first.case, names)):
        cause = _cause(fit, one, first.case, names)
        if cause is not None:
            return (cause,)
    return ()


def _held(fit: Fit, twin: Fit) -> list[Read]:
    """What can be said of the numbers in both cases; where they are no known ones, only if nothing else could be."""
    keys = {one.key: one for one in twin.reads}
    kept = []
    for one in fit.reads:
        if one.key not in keys:
            continue
        if one.kind is Kind.SCALED and not _are_same(one.number, keys[one.key].number):
            continue
        if one.kind is Kind.UNKNOWN and not (fit.is_sure and twin.is_sure):
            continue
        kept.append(one)
    return kept


def _are_same(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and abs(one - other) <= 1e-6 * max(abs(one), abs(other))


def _telling(fit: Fit, one: Read, case: GateCase, names: Names) -> tuple[object, ...]:
    """Numbers that are known first, then steps that have a derivative to speak of, then the fewest numbers."""
    is_plain = not fit.site.positions or _primitive(fit, case) in PLAIN
    is_named = one.value is None or bool(names.value(one.value))
    whats = (What.EDGE, What.OPERAND, What.VALUE)
    unknowns = int(fit.known.sum())
    last = -max(fit.site.positions, default=-1)
    return one.kind, not is_named, is_plain, unknowns, whats.index(fit.site.what), last


def _primitive(fit: Fit, case: GateCase) -> str:
    return str(case.forward.steps.steps[fit.site.positions[0]].equation.primitive.name)


def _cause(fit: Fit, one: Read, case: GateCase, names: Names) -> Cause | None:
    use = None
    if fit.site.positions:
        position = fit.site.positions[-1]
        alive = case.forward.alive[position]
        use = names.use(position, fit.site.operand if fit.site.operand in alive else alive[0])
        if use is None:
            use = names.use_before(position, alive[0])
    called = {error.name: error.called for error in case.errors}
    claim = said(fit, one, use, names, [called[name] for name in fit.names], case)
    if claim is None:
        return None
    blame = None
    if use is not None:
        blame = Blame(
            path=use.path,
            line=use.line,
            end_line=use.end_line,
            expression=use.expression,
            operand=use.operand,
            factor=None,
            explains=1.0 - fit.rest,
            source=use.source,
        )
    rank = VAGUE if one.kind is Kind.UNKNOWN else RANK
    return Cause(CODES.get(one.kind, "GC208"), fit.names, claim, 1.0 - fit.rest, rank, blame=blame)
