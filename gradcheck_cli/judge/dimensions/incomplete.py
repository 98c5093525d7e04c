"""Leaves whose values could not be judged: no gradient came back, or one of the wrong shape or structure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.dimensions.reception import (
    Judge,
    Reception,
    is_left_out,
    missing_finding,
    shape_finding,
)
from gradcheck_cli.judge.elements import compare
from gradcheck_cli.judge.noise.tolerance import Tolerance
from gradcheck_cli.judge.verdict import DIMENSIONS, LeafVerdict
from gradcheck_cli.layers.case import Case
from gradcheck_cli.report.model import Finding, Status


def complete(
    case: Case,
    reception: Reception,
    judged: dict[int, LeafVerdict],
    values: Sequence[Judge],
    zero: dict[int, bool],
    witness: str,
) -> tuple[tuple[LeafVerdict, ...], tuple[Finding, ...]]:
    """Verdicts for the leaves whose values could not be judged: absent, of the wrong shape or structure."""
    misshapen = [
        (received, values[position])
        for position, received in enumerate(reception.leaves)
        if received.array is not None and not received.has_right_shape
    ]
    absent = [
        received
        for position, received in enumerate(reception.leaves)
        if received.missing and not received.findings and not zero[position]
        if received.leaf.argument not in reception.explained and not is_left_out(case, received)
    ]
    together = len(absent) > 1 and (bool(reception.stub) or len(absent) == len(case.leaves))
    leaves = []
    for position, received in enumerate(reception.leaves):
        if position in judged:
            leaves.append(judged[position])
        elif received.missing and zero[position]:
            leaves.append(LeafVerdict(received, Status.PASS, witness, why="no gradient came back, and it is zero"))
        elif is_left_out(case, received) and received.leaf.argument not in reception.explained:
            why = f"`{received.name}` is None, JAX's zero: `{received.leaf.argument}` is taken for a constant"
            leaves.append(LeafVerdict(received, Status.PASS, witness, why=why))
        else:
            findings = list(received.findings)
            explained = received.leaf.argument in reception.explained
            if received.array is not None and not explained:
                others = [(other, judge) for other, judge in misshapen if other is not received]
                findings.append(shape_finding(case, received, values[position], others))
            elif received in absent and not together:
                findings.append(missing_finding(case, reception, [received]))
            leaves.append(LeafVerdict(received, Status.FAIL, DIMENSIONS, findings=tuple(findings)))
    return tuple(leaves), (missing_finding(case, reception, absent),) if together else ()


def values_judge(reference: NDArray[Any], tolerance: Tolerance, bars: NDArray[np.float64] | None = None) -> Judge:
    """A function that says whether values are right for a leaf, None where its reference is not known everywhere."""

    def judge(array: NDArray[Any]) -> bool | None:
        if array.shape != reference.shape:
            return None
        comparison = compare(array, reference, tolerance, bars)
        if comparison.wrong.size:
            return False
        return None if comparison.unknown.size else True

    return judge
