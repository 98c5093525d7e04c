"""What the judge says about one draw: values that later stages (diagnosis, report) read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.dimensions.receiving import Received
from gradcheck_cli.judge.elements import Comparison
from gradcheck_cli.judge.noise.sensitivity import Sensitivity
from gradcheck_cli.judge.noise.tolerance import Tolerance
from gradcheck_cli.layers.case import Case
from gradcheck_cli.report.model import Element, Finding, Status
from gradcheck_cli.witnesses.gradients import FiniteDifferences, Upstream

AUTODIFF = "autodiff"
DIFFERENCES = "finite differences"
DIMENSIONS = "dimensions"

STRAIGHT_THROUGH = "straight-through"
"""What a layer says to expect, and what its gradient is then held against."""

_SEVERITY = (Status.PASS, Status.INCONCLUSIVE, Status.FAIL, Status.ERROR)


@dataclass(frozen=True)
class LeafVerdict:
    """One leaf's gradient, judged.

    Attributes:
        received: what came back, with the name that the user gives it; `received.usable` is yours.
        reference: what it was held against, in the leaf's shape, NaN where nothing is known; None without any.
        bars: the reference's own error, element by element; None where it has none.
        tolerance: None where values were not judged.
        comparison: yours against the reference; `wrong` holds what is left after kinks are excused.
        decided_by: the witness that decided, "" where nothing was judged.
        worst: the worst elements, worst first.
        wrong_map: True where an element is wrong; None where nothing is.
        sensitivity: see `noise.sensitivity`.
        why: why the status is inconclusive.
        is_noise: it is another number at inputs that are off by roundings, so that nothing can be told from it.
    """

    received: Received
    status: Status
    decided_by: str = ""
    reference: NDArray[Any] | None = None
    bars: NDArray[np.float64] | None = None
    tolerance: Tolerance | None = None
    comparison: Comparison | None = None
    worst: tuple[Element, ...] = ()
    wrong_map: NDArray[np.bool_] | None = None
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    sensitivity: Sensitivity | None = None
    why: str = ""
    is_noise: bool = False

    @property
    def yours(self) -> NDArray[Any] | None:
        """The user's gradient where its shape is right."""
        return self.received.usable


@dataclass(frozen=True)
class DrawVerdict:
    """One draw, judged.

    Attributes:
        leaves: one a leaf, in the order of `case.leaves`.
        findings: those of no leaf; the leaves have their own.
        differences: all finite differences that were taken.
        witnesses: which of `yours`, `autodiff`, `finite differences` spoke.
    """

    case: Case
    upstream: Upstream
    leaves: tuple[LeafVerdict, ...]
    status: Status
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    witnesses: tuple[str, ...] = ()
    differences: FiniteDifferences = field(default_factory=FiniteDifferences)

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """The draw's own findings and the leaves'."""
        return (*self.findings, *(finding for leaf in self.leaves for finding in leaf.findings))


def worst_status(statuses: Sequence[Status]) -> Status:
    """The most severe: error, fail, inconclusive, pass."""
    return max(statuses, key=_SEVERITY.index, default=Status.PASS)


def undecided(leaf: LeafVerdict, why: str) -> LeafVerdict:
    """The leaf, inconclusive where it passed: nothing that fails becomes less."""
    if leaf.status not in (Status.PASS, Status.INCONCLUSIVE):
        return leaf
    return replace(leaf, status=Status.INCONCLUSIVE, why=why)
