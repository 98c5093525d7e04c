"""A layer that fails in a narrow dtype, run in float64 on the same values: is it the dtype, or the backward?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.verdict import DrawVerdict, LeafVerdict, worst_status
from gradcheck_cli.judge.words import plural
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.precision import DOUBLE_EPSILON, epsilon
from gradcheck_cli.report.model import Status
from gradcheck_cli.witnesses.gradients import Upstream
from gradcheck_cli.witnesses.upstream import widened
from gradcheck_cli.witnesses.wider import case_in, upstream_in

OF_VALUES = frozenset({"GC201", "GC307", "GC401", "GC402"})
"""What too few digits, an overflow or an underflow can look like."""


Terms = Callable[[], Sequence[NDArray[Any]] | None]
"""By leaf, the sizes of the terms that its gradient is made of; None where they are not known."""

ROUNDINGS = 16.0
"""Times epsilon and the size of its terms: so far a gradient may be off by rounding alone."""


def settled_in_float64(
    verdict: DrawVerdict, judged_again: Callable[[Case, Upstream], DrawVerdict], terms: Terms
) -> DrawVerdict:
    """The verdict; where it failed on values in a narrow dtype and passes in float64, each leaf passes that is off by
    no more than the rounding of its terms, and the others are inconclusive.

    The same code is right there for the same inputs: what is wrong is that the dtype does not hold what the layer
    computes for these (its squares overflow, its differences cancel). A wrong backward is wrong in both.

    Args:
        verdict: on one case.
        judged_again: judges another case of the same layer.
        terms: asked only where it failed.
    """
    case = verdict.case
    codes = {finding.code for finding in verdict.all_findings}
    if not codes or not codes <= OF_VALUES or case.layer.dtype or not _is_narrow(case):
        return verdict
    try:
        again = judged_again(case_in(case, widened), upstream_in(verdict.upstream, widened))
    except UserError:  # it takes nothing wider
        return verdict
    if again.status not in (Status.PASS, Status.INCONCLUSIVE):
        return verdict
    leaves = verdict.leaves
    if again.status is Status.PASS and any(leaf.status is Status.FAIL for leaf in leaves):
        sizes = terms()
        if sizes is not None:
            leaves = tuple(_rounded(leaf, size, case) for leaf, size in zip(leaves, sizes))
            if all(leaf.status is Status.PASS for leaf in leaves) and not verdict.findings:
                return replace(verdict, leaves=leaves, status=Status.PASS)
    leaves = tuple(_undecided(leaf, str(case.dtype), other) for leaf, other in zip(leaves, again.leaves))
    if not any(leaf.status is Status.INCONCLUSIVE for leaf in leaves):
        why = f"the forward is right in float64, and {case.dtype} does not hold its values at these inputs"
        leaves = tuple(replace(leaf, status=Status.INCONCLUSIVE, why=leaf.why or why) for leaf in leaves)
    return replace(verdict, leaves=leaves, findings=(), status=worst_status([leaf.status for leaf in leaves]))


def _is_narrow(case: Case) -> bool:
    return any(epsilon(leaf.value.dtype) > DOUBLE_EPSILON for leaf in case.leaves)


def _undecided(leaf: LeafVerdict, dtype: str, wide: LeafVerdict) -> LeafVerdict:
    if leaf.status is not Status.FAIL:
        return leaf
    if wide.status is Status.INCONCLUSIVE:
        return _told(leaf, wide.why)
    comparison = leaf.comparison
    count = "" if comparison is None else f" in {comparison.wrong.size:,} of {comparison.total:,}"
    why = (
        f"`{leaf.received.name}` is right in float64, and {dtype} does not hold it at these inputs: too few digits, "
        f"an overflow or an underflow{count}"
    )
    return _told(leaf, why)


def _rounded(leaf: LeafVerdict, terms: NDArray[Any], case: Case) -> LeafVerdict:
    """The leaf, passing where it is off by no more than the rounding of its terms."""
    comparison, tolerance = leaf.comparison, leaf.tolerance
    if leaf.status is not Status.FAIL or comparison is None or tolerance is None or terms.shape != comparison.shape:
        return leaf
    allowed = np.nan_to_num(ROUNDINGS * epsilon(case.dtype) * terms)
    if not comparison.wrong.size or not np.all(comparison.errors <= allowed.reshape(-1)[comparison.wrong]):
        return leaf
    tolerance = replace(tolerance, jitter=allowed if tolerance.jitter is None else np.fmax(tolerance.jitter, allowed))
    why = (
        f"`{leaf.received.name}` is off in {plural(comparison.wrong.size, 'element')} by no more than {case.dtype} "
        "rounds the terms it is made of, and right in float64"
    )
    return replace(without_findings(leaf), tolerance=tolerance, why=leaf.why if comparison.unknown.size else why)


def without_findings(leaf: LeafVerdict) -> LeafVerdict:
    """The leaf with nothing wrong in it; what could not be told in it stays so."""
    comparison = leaf.comparison
    assert comparison is not None
    right = replace(comparison, wrong=comparison.wrong[:0], errors=comparison.errors[:0])
    status = Status.INCONCLUSIVE if comparison.unknown.size else Status.PASS
    return replace(leaf, status=status, findings=(), worst=(), wrong_map=None, comparison=right)


def _told(leaf: LeafVerdict, why: str) -> LeafVerdict:
    return replace(leaf, status=Status.INCONCLUSIVE, findings=(), worst=(), wrong_map=None, why=why)
