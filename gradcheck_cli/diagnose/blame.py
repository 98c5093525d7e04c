"""Blame: the use of a value in the forward whose contribution a wrong backward gets wrong.

A factor 1 + α is put on the derivative along each edge of the forward. Where yours is the gradient at one α of one
path, or of two, in all leaves and in two cases with the same α, that path is to blame.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from gradcheck_cli.diagnose.candidates import Kind
from gradcheck_cli.diagnose.cause import Cause, is_wrong
from gradcheck_cli.diagnose.constants import Taken, taken_of
from gradcheck_cli.diagnose.explaining import Case, explain
from gradcheck_cli.diagnose.misfit import SIMPLE
from gradcheck_cli.diagnose.naming import Naming, turns_of
from gradcheck_cli.diagnose.search import ALONE, Fit, Part, Search, again, pairs, single
from gradcheck_cli.diagnose.sizes import is_close, size_named
from gradcheck_cli.diagnose.wording import Path, claim, code
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.witnesses.subject import Subject

Judged = tuple[Subject, DrawVerdict]
"""A case, and what the judge said of it."""

RANK = 5
"""Of a path, among the causes."""


@dataclass(frozen=True)
class _Same:
    """A part of a fit, and the same of another case.

    Attributes:
        size: the name of its factor 1 + α where that follows a size; else "".
        constant: the number of the forward that its factor is, where it is one.
    """

    part: Part
    other: Part
    size: str
    constant: Taken | None


@dataclass(frozen=True)
class _Common:
    """A fit of one case that another has, too."""

    fit: Fit
    parts: tuple[_Same, ...]


class Blaming:
    """The search for paths in two cases; each of them is explained once, and only where it is asked for.

    Args:
        read: the text of a file of the user's.
    """

    def __init__(self, first: Judged, second: Judged, read: Callable[[str], str]) -> None:
        self._first, self._second, self._read = first, second, read

    @cached_property
    def _case(self) -> Case | None:
        return explain(*self._first)

    @cached_property
    def _other(self) -> Case | None:
        return explain(*self._second)

    def alone(self) -> tuple[Cause, ...]:
        """The path that explains all that is wrong in both cases; nothing where there is none."""
        return self._blamed(ALONE)

    def pairs(self) -> tuple[Cause, ...]:
        """The same of two paths."""
        return self._blamed((pairs,))

    def _blamed(self, searches: Sequence[Search]) -> tuple[Cause, ...]:
        if self._case is None:
            return ()
        return _blamed(self._case, lambda: self._other, searches, self._first[1], self._read)

    def each(self, names: Collection[str]) -> tuple[Cause, ...]:
        """A path for each of these leaves that one explains alone: a line that is missing for every parameter."""
        found: list[Cause] = []
        for name in names if self._case is not None and self._other is not None else ():
            assert self._case is not None and self._other is not None
            one = self._case.only(name)
            if one is not None:
                found += _blamed(one, partial(self._other.only, name), (single,), self._first[1], self._read)
        return tuple(found)


def _blamed(
    case: Case,
    second: Callable[[], Case | None],
    searches: Sequence[Search],
    verdict: DrawVerdict,
    read: Callable[[str], str],
) -> tuple[Cause, ...]:
    other: Case | None = None
    for search in searches:
        fits = search(case)
        if not fits:
            continue
        other = other or second()
        if other is None or (_is_constant(case, other) and not _is_zero(case, other)):
            return ()
        common = list(_common(fits, case, other, search))
        if common:
            return _causes(common, case, other, verdict, read)
    return ()


def _common(fits: Sequence[Fit], case: Case, other: Case, search: Search) -> list[_Common]:
    """What explains both cases with the same factors, or with factors that follow the same size."""
    found = search(other) if search is not pairs else []
    common = []
    for fit in fits:
        for same in again(fit, other, found):
            parts = [_same(part, twin, case, other) for part, twin in zip(fit.parts, same.parts)]
            kept = tuple(one for one in parts if one is not None)
            if len(kept) == len(parts):
                common.append(_Common(fit, kept))
                break
    return common


def _same(part: Part, twin: Part, case: Case, other: Case) -> _Same | None:
    """None where the factors are neither one number nor one size, nor a number of the forward's."""
    size = _same_factor(part.factor, twin.factor, case, other)
    constant = None if size or part.factor in SIMPLE else taken_of(part, case, twin, other)
    return None if size is None and constant is None else _Same(part, twin, size or "", constant)


def _same_factor(one: float, other: float, case: Case, another: Case) -> str | None:
    """The name of a factor that follows a size, "" where it is the same number in both; None where it is neither."""
    if one == other and one in SIMPLE:
        return ""
    name = size_named(1 + one, case.subject.case.dimensions, 1 + other, another.subject.case.dimensions)
    return name or ("" if is_close(one, other) else None)


def _is_constant(case: Case, other: Case) -> bool:
    """Whether yours is the gradient times one number for each leaf, or one size: a factor at the leaf, and no path."""
    shares = dict(other.misfit.shares(other.misfit.error))
    return all(
        share is not None
        and (once_more := shares.get(name)) is not None
        and _same_factor(share, once_more, case, other) is not None
        for name, share in case.misfit.shares(case.misfit.error)
    )


def _is_zero(case: Case, other: Case) -> bool:
    return case.misfit.is_zero() and other.misfit.is_zero()


def _causes(
    common: Sequence[_Common], case: Case, other: Case, verdict: DrawVerdict, read: Callable[[str], str]
) -> tuple[Cause, ...]:
    """The most telling of the fits, in the user's words."""
    lines = {path: read(path).splitlines() for path in getattr(case.subject.traced, "files", ())}
    naming = Naming(case, common[0].fit.standing, lines)
    for one in sorted(common, key=lambda one: _telling(one, naming)):
        is_zero = _is_zero(case, other)
        told = [
            (part, same) for same in one.parts for part in (naming.split(same.part) if not is_zero else [same.part])
        ]
        paths = [naming.path(part, one.fit.rest, _turns(part, same), same.size, same.constant) for part, same in told]
        if all(path is not None for path in paths):
            parts = [part for part, _ in told]
            reached = [_reached(case, one.fit, parts, part) for part in parts]
            return _told([replace(path, is_all=is_zero) for path in paths if path is not None], reached, verdict)
    return ()


def _turns(part: Part, same: _Same) -> str:
    """Of a path that was split, the turns are those of its own case."""
    twin = same.other if part is same.part else part
    return turns_of(part.candidate, twin.candidate)


def _reached(case: Case, fit: Fit, parts: Sequence[Part], one: Part) -> tuple[str, ...]:
    """The leaves that one of the parts makes a difference to."""
    multipliers = fit.standing.multipliers
    for part in parts:
        if part is not one:
            multipliers = case.scaled(multipliers, part.candidate, part.factor)
    without, taken = case.gradients([multipliers, case.scaled(multipliers, one.candidate, one.factor)])
    return case.misfit.reached(taken - without)


def _told(paths: Sequence[Path], reached: Sequence[tuple[str, ...]], verdict: DrawVerdict) -> tuple[Cause, ...]:
    """A cause a path; those that make a gradient of the first wrong too are one cause with the others beside it."""
    wrong = {leaf.received.leaf.name: leaf.received.name for leaf in verdict.leaves if is_wrong(leaf)}
    causes: list[Cause] = []
    beside: list[Cause] = []
    for path, leaves in zip(paths, reached):
        names = tuple(name for name in wrong if name in leaves)
        if not names:
            continue
        is_beside = bool(causes) and bool(set(names) & set(causes[0].gradients))
        text = claim(replace(path, leaves=names), [wrong[name] for name in names], besides=is_beside)
        cause = Cause(code(path), names, text, path.blame.explains, RANK, blame=path.blame)
        (beside if is_beside else causes).append(cause)
    last = None
    for cause in reversed(beside):
        last = replace(cause, beside=last)
    if last is not None:
        together = {name for cause in (causes[0], *beside) for name in cause.gradients}
        causes[0] = replace(causes[0], gradients=tuple(name for name in wrong if name in together), beside=last)
    return tuple(causes)


def _telling(common: _Common, naming: Naming) -> tuple[object, ...]:
    """Simple factors first; then where a path leaves a shared value; then single edges, the first in the forward."""
    parts = common.fit.parts
    ranks = [SIMPLE.index(part.factor) if part.factor in SIMPLE else len(SIMPLE) for part in parts]
    edges = [naming.telling(part.candidate) for part in parts]
    fans = [naming.is_fan_out(edge, part.candidate) for edge, part in zip(edges, parts)]
    kinds = [list(Kind).index(part.candidate.kind) for part in parts]
    rests = [part.candidate.kind in (Kind.REST, Kind.LEAF) for part in parts]
    return sum(ranks), sum(rests), -sum(fans), sum(kinds), sum(edge.position for edge in edges)
