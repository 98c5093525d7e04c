"""Gates to blame: where the gradients are those of a wrong local derivative, in two cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from gradcheck_cli.diagnose.cause import Cause
from gradcheck_cli.diagnose.gates.case import Fit, GateCase, case_of
from gradcheck_cli.diagnose.gates.names import Names
from gradcheck_cli.diagnose.gates.replacements import Kind
from gradcheck_cli.diagnose.gates.wording import Told, told
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.report.model import Blame
from gradcheck_cli.witnesses.subject import Subject

Judged = tuple[Subject, DrawVerdict]
"""A case, and what the judge said of it."""

RANKS = {Kind.LEFT_OUT: 7, Kind.MASK: 7, Kind.SLIP: 7, Kind.OTHER_VALUE: 8, Kind.ELSEWHERE: 8, Kind.REDUCTION: 7}
"""Among the causes, where a path has 5: what a dropped path explains needs no wrong derivative."""

CODES = {Kind.MASK: "GC212", Kind.REDUCTION: "GC206"}
"""Other kinds are GC208."""

SAME = 1e-6
"""How far two factors may be apart that are said to be one."""


def gates(first: Judged, second: Judged, read: Callable[[str], str]) -> tuple[Cause, ...]:
    """Gates whose local derivative is left out or wrong, each in two cases, no gradient twice.

    Args:
        read: the text of a file of the user's.
    """
    subject, verdict = first
    case = case_of(subject, verdict)
    fits = case.fits() if case is not None else []
    if case is None or not fits:
        return ()
    other = case_of(*second)
    if other is None:
        return ()
    again = {fit.replacement.key: fit for fit in other.fits({fit.replacement.key for fit in fits})}
    kept = [fit for fit in fits if _holds(fit, again.get(fit.replacement.key))]
    lines = {path: read(path).splitlines() for path in case.files}
    names = Names(case.forward, [leaf.name for leaf in subject.case.leaves], lines, subject.case.dimensions)
    return _causes(_told_apart(kept), names, case)


def _holds(fit: Fit, again: Fit | None) -> bool:
    """Whether both cases show it; a number that is the same in both is a factor, and no gate."""
    if again is None or set(again.names) != set(fit.names):
        return False
    if _are_close(fit.replacement.ratio, again.replacement.ratio):
        return False
    return not all(_are_close(one, other) for one, other in zip(fit.factors, again.factors))


def _told_apart(fits: Sequence[Fit]) -> list[Fit]:
    """Without sums over wrong axes where those may be several."""
    wrong: dict[tuple[str, ...], set[tuple[int, ...]]] = defaultdict(set)
    for fit in fits:
        if fit.replacement.reduction is not None:
            wrong[fit.names].add(fit.replacement.reduction.wrong_here)
    return [fit for fit in fits if fit.replacement.reduction is None or len(wrong[fit.names]) == 1]


def _are_close(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and abs(one - other) <= SAME * max(abs(one), abs(other))


def _causes(fits: Sequence[Fit], names: Names, case: GateCase) -> tuple[Cause, ...]:
    called = {error.name: error.called for error in case.errors}
    found: list[Cause] = []
    for fit in sorted(fits, key=lambda fit: _telling(fit, names)):
        if any(set(fit.names) & set(cause.gradients) for cause in found):
            continue
        words = told(fit.replacement, names, [called[name] for name in fit.names])
        if words is not None:
            found.append(_cause(fit, words))
    return tuple(found)


def _telling(fit: Fit, names: Names) -> tuple[object, ...]:
    """What explains more first; then the simpler; of values that may be meant, one that has a name."""
    sibling = fit.replacement.sibling
    simplicity, kind, *others = fit.replacement.order
    has_name = names.is_plain(sibling.values[-1] if sibling is not None else None)
    return -len(fit.names), not fit.is_whole, simplicity, kind, not has_name, *others


def _cause(fit: Fit, words: Told) -> Cause:
    kind, use = fit.replacement.kind, words.use
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
    code = CODES.get(kind, "GC208")
    return Cause(code, fit.names, words.claim, 1.0 - fit.rest, RANKS[kind], mend=words.mend, blame=blame)
