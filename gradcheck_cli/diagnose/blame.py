"""Blame: the use of a value in the forward whose contribution a wrong backward gets wrong.

A factor 1 + α is put on the derivative along each edge of the forward. Where yours is the gradient at one α of one
edge, in all leaves and in two cases with the same α, that edge is to blame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gradcheck_cli.diagnose.cause import Cause, is_wrong
from gradcheck_cli.diagnose.explaining import SIMPLE, Case, Explanation, explain
from gradcheck_cli.diagnose.source import Use, use_of
from gradcheck_cli.diagnose.wording import claim, code
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.report.model import Blame
from gradcheck_cli.witnesses.subject import Subject

Judged = tuple[Subject, DrawVerdict]
"""A case, and what the judge said of it."""

RANK = 5
"""Of a path, among the causes."""

SAME = 1e-6
"""How far the factors of two cases may be apart, and how far the share of the gradient that is wrong."""


def blame(first: Judged, second: Judged, read: Callable[[str], str]) -> tuple[Cause, ...]:
    """The path that explains all that is wrong in two cases; nothing where there is none.

    Args:
        read: the text of a file of the user's.
    """
    (subject, verdict), other = first, second
    case = explain(subject, verdict)
    if case is None or not case.explanations:
        return ()
    again = explain(*other)
    if again is None:
        return ()
    named = _named(_common(case, again), case, subject, read)
    if named is None:
        return ()
    wrong = [leaf.received for leaf in verdict.leaves if is_wrong(leaf)]
    gradients = tuple(received.leaf.name for received in wrong)
    names = [received.name for received in wrong]
    return (Cause(code(named), gradients, claim(named, names), named.explains, RANK, blame=named),)


def _common(first: Case, second: Case) -> list[Explanation]:
    """What explains both with the same factor, unless that factor is one of all the gradients that are wrong."""
    others = [(_key(second, other), other) for other in second.explanations]
    common = []
    for explanation in first.explanations:
        key = _key(first, explanation)
        for other_key, other in others:
            if key == other_key and _is_close(explanation.factor, other.factor):
                if _is_constant(explanation, other):
                    return []
                common.append(explanation)
                break
    return common


def _key(case: Case, explanation: Explanation) -> object:
    """The same for the same edge of another case, whose arrays have other sizes and whose loops may be longer."""
    edge = explanation.edge
    step = case.steps.steps[edge.position]
    several = len(explanation.candidate.classes) > 1
    return step.place, step.equation.primitive.name, edge.operand, several, explanation.candidate.is_loop


def _is_close(one: float, other: float) -> bool:
    return abs(one - other) <= SAME * max(abs(one), abs(other))


def _is_constant(one: Explanation, other: Explanation) -> bool:
    """Whether yours is the gradient times one number for each leaf: a factor at the leaf, and no path."""
    shares = dict(other.shares)
    return all(
        share is not None and (again := shares.get(name)) is not None and _is_close(share, again)
        for name, share in one.shares
    )


def _named(
    explanations: Sequence[Explanation], case: Case, subject: Subject, read: Callable[[str], str]
) -> Blame | None:
    """The most telling of the explanations, in the user's words."""
    names = [leaf.name for leaf in subject.case.leaves]
    files = subject.traced.files if hasattr(subject.traced, "files") else frozenset()
    lines = {path: read(path).splitlines() for path in files}
    for explanation in sorted(explanations, key=_telling):
        use = use_of(explanation.edge, case.steps, names, lines)
        if use is not None:
            return _blame(use, explanation)
    return None


def _blame(use: Use, explanation: Explanation) -> Blame:
    return Blame(
        path=use.path,
        line=use.line,
        end_line=use.end_line,
        expression=use.expression,
        operand=use.operand,
        factor=explanation.factor,
        explains=1.0 - explanation.rest,
        source=use.source,
        is_part=explanation.is_part,
    )


def _telling(explanation: Explanation) -> tuple[int, bool, bool, bool, int]:
    """Simple factors first; then where a path leaves a shared value; then single edges, the first in the forward."""
    factor = explanation.factor
    rank = SIMPLE.index(factor) if factor in SIMPLE else len(SIMPLE)
    candidate = explanation.candidate
    return rank, not explanation.is_fan_out, candidate.is_loop, len(candidate.classes) > 1, explanation.edge.position
