"""Gates to blame: where the gradients are those of a wrong local derivative, in two cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import replace
from functools import cached_property

from gradcheck_cli.diagnose.cause import Cause
from gradcheck_cli.diagnose.gates.case import Fit, GateCase, case_of
from gradcheck_cli.diagnose.gates.errors import are_one_number
from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.names import Names
from gradcheck_cli.diagnose.gates.replacements import Kind, Replacement
from gradcheck_cli.diagnose.gates.wording import Told, told
from gradcheck_cli.diagnose.recovery.recovery import Place, recoveries
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.witnesses.subject import Subject

Judged = tuple[Subject, DrawVerdict]
"""A case, and what the judge said of it."""

RANKS = dict.fromkeys(Kind, 7) | {
    Kind.OTHER_VALUE: 8,
    Kind.ELSEWHERE: 8,
    Kind.TRANSPOSED: 9,
    Kind.MISPLACED: 9,
    Kind.EXPONENT: 9,
    Kind.FORMULA: 9,
    Kind.RECOMPUTED: 9,
}
"""Among the causes, where a path has 5: what a dropped path explains needs no wrong derivative."""

CODES = {
    Kind.MASK: "GC212",
    Kind.OVERWRITTEN: "GC209",
    Kind.AVERAGED: "GC206",
    Kind.REDUCTION: "GC206",
    Kind.COUNTED: "GC206",
    Kind.TRANSPOSED: "GC204",
    Kind.MISPLACED: "GC213",
}
"""Other kinds are GC208."""


class Gating:
    """The search for wrong backwards in one case, and for what is found there in the second one.

    Args:
        read: the text of a file of the user's.
    """

    def __init__(self, first: Judged, second: Judged, read: Callable[[str], str]) -> None:
        self._first, self._second, self._read = first, second, read

    def gates(self) -> tuple[Cause, ...]:
        """Gates whose local derivative is left out or wrong, each in two cases, no gradient twice."""
        return self._found(GateCase.fits)

    def inside(self, explained: Collection[str], located: Collection[str]) -> tuple[Cause, ...]:
        """Where that leaves a gradient: rarer gates, what is transposed or misplaced, numbers that are read out.

        Args:
            explained: the gradients (names of leaves) that have another cause.
            located: those of which it is known where they are wrong: that tells more than numbers that are read out.
        """
        found = self._found(GateCase.further) if self._left(explained) else ()
        left = self._left(explained, found)
        found += self._found(lambda case, only: case.arranged(left, only)) if left else ()
        found += self._found(GateCase.recomputed) if self._left(explained, found) else ()
        left = self._left(explained, found) - set(located)
        return found + self._recovered(left) if left else found

    @cached_property
    def _case(self) -> GateCase | None:
        return case_of(*self._first)

    @cached_property
    def _other(self) -> GateCase | None:
        return case_of(*self._second)

    def _left(self, explained: Collection[str], found: Sequence[Cause] = ()) -> set[str]:
        """The gradients that are wrong and have no cause."""
        errors = () if self._case is None else self._case.errors
        told = {*explained, *(name for cause in found for name in cause.gradients)}
        return {error.name for error in errors if error.is_wrong} - told

    def _found(self, fits_of: Callable[[GateCase, Collection[Hashable] | None], list[Fit]]) -> tuple[Cause, ...]:
        fits = [] if self._case is None else fits_of(self._case, None)
        if not fits or self._case is None or self._other is None:
            return ()
        again = {fit.replacement.key: fit for fit in fits_of(self._other, {fit.replacement.key for fit in fits})}
        kept = [
            replace(fit, names=tuple(dict.fromkeys((*fit.names, *again[fit.replacement.key].names))))
            for fit in fits
            if _holds(fit, again.get(fit.replacement.key))
        ]
        return _causes(_told_apart(kept), self._place.names, self._case)

    def _recovered(self, wanted: Collection[str]) -> tuple[Cause, ...]:
        def second() -> Place | None:
            return None if self._other is None else self._place_of(self._second[0], self._other)

        return recoveries(self._place, second, wanted)

    @cached_property
    def _place(self) -> Place:
        assert self._case is not None
        return self._place_of(self._first[0], self._case)

    def _place_of(self, subject: Subject, case: GateCase) -> Place:
        lines = {path: self._read(path).splitlines() for path in case.files}
        leaves = [leaf.name for leaf in subject.case.leaves]
        return Place(subject, case, Names(case.forward, leaves, lines, subject.case.dimensions))


def _holds(fit: Fit, again: Fit | None) -> bool:
    """Whether both cases show it; a number that is the same in both is a factor, and no gate."""
    if again is None or again.is_in_closed_form != fit.is_in_closed_form:
        return False
    # what explains all may explain a gradient more where that is clearly wrong in one case only
    if set(again.names) != set(fit.names) and not (fit.is_whole and again.is_whole):
        return False
    if are_one_number(fit.replacement.ratio, again.replacement.ratio):
        return False
    others = dict(zip(again.names, again.factors))
    return not all(are_one_number(one, others.get(name)) for name, one in zip(fit.names, fit.factors))


def _told_apart(fits: Sequence[Fit]) -> list[Fit]:
    """Without sums over wrong axes where those may be several."""
    wrong: dict[tuple[str, ...], set[tuple[int, ...]]] = defaultdict(set)
    for fit in fits:
        if fit.replacement.reduction is not None:
            wrong[fit.names].add(fit.replacement.reduction.wrong_here)
    return [fit for fit in fits if fit.replacement.reduction is None or len(wrong[fit.names]) == 1]


def _causes(fits: Sequence[Fit], names: Names, case: GateCase) -> tuple[Cause, ...]:
    called = {error.name: error.called for error in case.errors}
    found: list[Cause] = []
    for fit in sorted(fits, key=lambda fit: _telling(fit, names)):
        if any(set(fit.names) & set(cause.gradients) for cause in found):
            continue
        words = told(fit.replacement, names, [called[name] for name in fit.names])
        if words is not None:
            found.append(_cause(fit, words, case.forward))
    return tuple(found)


def _telling(fit: Fit, names: Names) -> tuple[object, ...]:
    """What explains more first; then the simpler; of values that may be meant, one that has a name."""
    sibling = fit.replacement.sibling
    simplicity, kind, *others = fit.replacement.order
    has_name = names.is_plain(sibling.values[-1] if sibling is not None else None)
    return -len(fit.names), not fit.is_whole, simplicity, kind, not has_name, *others


def _cause(fit: Fit, words: Told, forward: Forward) -> Cause:
    kind, use = fit.replacement.kind, words.use
    blame = None if use is None else use.blame(factor=None, explains=1.0 - fit.rest)
    is_path = _leaves_a_path_out(fit.replacement, forward)
    code = "GC209" if is_path else fit.replacement.code or CODES.get(kind, "GC208")
    return Cause(code, fit.names, words.claim, 1.0 - fit.rest, RANKS[kind], mend=words.mend, blame=blame)


def _leaves_a_path_out(replacement: Replacement, forward: Forward) -> bool:
    """Whether an implicit function's slope lacks one of its terms: each is that of a path."""
    sibling, family = replacement.sibling, replacement.family
    is_factor = replacement.kind is Kind.OTHER_VALUE and family is not None and family.other is not None
    if not replacement.is_leaving or not is_factor or sibling is None:
        return False
    due = forward.operand(replacement.position, 1 - replacement.operand)
    maker = None if due is None else forward.maker.get(due)
    step = None if maker is None else forward.steps.steps[maker]
    if step is None or step.equation.primitive.name not in ("add", "sub"):
        return False
    return sibling.values[0] in [operand.value for operand in step.operands]
