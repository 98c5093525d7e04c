"""The causes that explain what is wrong with a layer's gradients: each holds in two cases, or is not named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set

from gradcheck_cli.diagnose.blame import Blaming, Judged
from gradcheck_cli.diagnose.cause import Cause, chosen, is_wrong
from gradcheck_cli.diagnose.gates.gates import Gating
from gradcheck_cli.diagnose.hypotheses.naming import hypotheses
from gradcheck_cli.diagnose.surroundings import with_surroundings

PATHS, GATES, READ, VAGUE = 5, 7, 9, 10
"""Causes of paths have the first rank or more, of gates the second, what is read out of the numbers the third; from the
fourth on they say where the numbers are, and hardly why: gates are asked all the same."""


def causes(cases: Iterator[Judged], read: Callable[[str], str]) -> tuple[Cause, ...]:
    """What explains the wrong values of the first two cases that have some; nothing where that is one case only.

    Args:
        cases: the most telling first; no more are taken than needed.
        read: the text of a file of the user's.
    """
    failing = (case for case in cases if any(is_wrong(leaf) for leaf in case[1].leaves))
    first, second = next(failing, None), next(failing, None)
    if first is None or second is None:
        return ()
    wrong = {leaf.received.leaf.name for leaf in first[1].leaves if is_wrong(leaf)}
    found = list(hypotheses(first, second))
    blaming, gating = Blaming(first, second, read), Gating(first, second, read)
    if not _is_settled(found, wrong, PATHS):
        found += blaming.alone()
    if not _is_settled(found, wrong, GATES):
        found += gating.gates()
        # two wrong paths are less likely than one wrong gate
        found += blaming.pairs() if not _is_settled(found, wrong, VAGUE) else ()
    if not _is_settled(found, wrong, VAGUE):
        located = {name for cause in found for name in cause.gradients} - _explained(found)
        found += gating.inside(_explained(found), located)
        left = wrong - located - {name for cause in found if cause.rank < READ for name in cause.gradients}
        found += blaming.each(sorted(left)) if left and len(wrong) > 1 else ()
    return with_surroundings(chosen(found), read)


def _explained(found: Sequence[Cause]) -> set[str]:
    return {name for cause in found if cause.rank < VAGUE for name in cause.gradients}


def _is_settled(found: Sequence[Cause], wrong: Set[str], rank: int) -> bool:
    """Whether a cause explains all, so that none of this rank or more would be chosen: most time goes into looking."""
    return any(cause.rank < rank and wrong <= set(cause.gradients) for cause in found)
