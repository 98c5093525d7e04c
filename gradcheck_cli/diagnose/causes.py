"""The causes that explain what is wrong with a layer's gradients: each holds in two cases, or is not named."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gradcheck_cli.diagnose.blame import Judged, blame
from gradcheck_cli.diagnose.cause import Cause, chosen, is_wrong
from gradcheck_cli.diagnose.gates.gates import gates
from gradcheck_cli.diagnose.hypotheses.naming import hypotheses
from gradcheck_cli.diagnose.surroundings import with_surroundings

VAGUE = 10
"""Causes from this rank on say where the numbers are, and hardly why: gates are asked all the same."""


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
    found = [*hypotheses(first, second), *blame(first, second, read)]
    explained = {name for cause in found if cause.rank < VAGUE for name in cause.gradients}
    return with_surroundings(chosen([*found, *gates(first, second, read, explained)]), read)
