"""From a comparison to one leaf's verdict: its finding, its worst elements, its status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.dimensions.receiving import Received
from gradcheck_cli.judge.elements import Comparison
from gradcheck_cli.judge.evidence.evidence import Evidence
from gradcheck_cli.judge.evidence.table import EXCLUDED
from gradcheck_cli.judge.noise.sensitivity import sensitivity
from gradcheck_cli.judge.noise.tolerance import Tolerance
from gradcheck_cli.judge.verdict import AUTODIFF, DIFFERENCES, STRAIGHT_THROUGH, LeafVerdict
from gradcheck_cli.judge.words import index_text, number, pair, plural
from gradcheck_cli.layers.case import Case
from gradcheck_cli.report.model import Element, Finding, Status
from gradcheck_cli.witnesses.gradients import Difference

MOST_SHOWN = 24
"""How many of the worst elements a verdict keeps."""

SMALL = 1e-6
"""A mistake in a term is rarely as small in all elements, relative to each."""


@dataclass(frozen=True)
class Judged:
    """One leaf's values after all witnesses have spoken.

    Attributes:
        position: of the leaf.
        autodiff: what autodiff said, None where it is missing.
        reference, bars: what yours is held against.
        comparison: yours against it; `wrong` is what counts against the user.
        decided_by: `autodiff` or `finite differences`.
        why: why nothing can be said about some elements; "" where all is decided.
        accepted: why yours passes where it is not the reference; "" where there is nothing to say.
        notes: sentences for the report.
        remarks: by position of a wrong element, what the finding says beside its numbers.
    """

    position: int
    received: Received
    autodiff: NDArray[Any] | None
    reference: NDArray[Any]
    bars: NDArray[np.float64] | None
    tolerance: Tolerance
    comparison: Comparison
    decided_by: str
    why: str = ""
    accepted: str = ""
    notes: tuple[str, ...] = ()
    remarks: Mapping[int, str] = field(default_factory=dict)


def conclude(case: Case, judged: Judged, evidence: Evidence) -> LeafVerdict:
    """The verdict on a leaf whose gradient has the right shape."""
    received, comparison = judged.received, judged.comparison
    yours = received.usable
    assert yours is not None
    worst = tuple(
        _element(judged, yours, comparison.index(int(position)), int(position), evidence.elements)
        for position in comparison.worst_first(MOST_SHOWN)
    )
    findings = list(received.findings)
    wrong_map = None
    if worst:
        wrong_map = np.zeros(comparison.shape, dtype=np.bool_)
        wrong_map.reshape(-1)[comparison.wrong] = True
        # An integer gradient is wrong in its values because of its dtype: one cause, one finding.
        if received.dtype is None or received.dtype.kind not in "biuO":
            findings.append(_finding(case, judged, yours, worst[0]))
    status = Status.FAIL if findings else Status.INCONCLUSIVE if judged.why else Status.PASS
    return LeafVerdict(
        received=received,
        status=status,
        decided_by=judged.decided_by,
        reference=judged.reference,
        bars=judged.bars,
        tolerance=judged.tolerance,
        comparison=comparison,
        worst=worst,
        wrong_map=wrong_map,
        findings=tuple(findings),
        notes=judged.notes,
        # within so many error bars a difference that decides alone leaves it open
        sensitivity=sensitivity(
            judged.tolerance, judged.reference, None if judged.bars is None else EXCLUDED * judged.bars
        ),
        why=judged.why or judged.accepted,
    )


def scalar(array: NDArray[Any], position: int) -> float | complex:
    """One element as Python's own number."""
    value = array.reshape(-1)[position]
    return complex(value) if array.dtype.kind == "c" else float(value)


def tolerance_at(tolerance: Tolerance, reference: float | complex, position: int) -> float:
    """The tolerance of one element."""
    magnitude = np.abs(np.asarray([reference]))
    return float(tolerance.at(magnitude, np.asarray([position]))[0])


def _element(
    judged: Judged,
    yours: NDArray[Any],
    index: tuple[int, ...],
    position: int,
    differences: Mapping[tuple[int, tuple[int, ...]], Difference],
) -> Element:
    mine, reference = scalar(yours, position), scalar(judged.reference, position)
    difference = differences.get((judged.position, index))
    bar = 0.0 if judged.bars is None else float(judged.bars.reshape(-1)[position])
    telling = reference != 0 and np.isfinite(reference) and np.isfinite(mine)
    return Element(
        index=index,
        yours=mine,
        autodiff=None if judged.autodiff is None else scalar(judged.autodiff, position),
        finite_difference=None if difference is None else difference.value,
        error_bar=None if difference is None else difference.error,
        tolerance=tolerance_at(judged.tolerance, reference, position) + bar,
        ratio=mine / reference if telling else None,
    )


def _finding(case: Case, judged: Judged, yours: NDArray[Any], worst: Element) -> Finding:
    name, wrong, total = judged.received.name, judged.comparison.wrong, judged.comparison.total
    bad = wrong[~np.isfinite(yours.reshape(-1)[wrong])]
    if bad.size:
        kind = "NaN" if np.isnan(yours.reshape(-1)[bad]).any() else "infinite"
        where = index_text(judged.comparison.index(int(bad[0])))
        place = f", first at {where}" if where else ""
        message = (
            f"`{name}` is {kind} in {bad.size:,} of {plural(total, 'element')}{place}, where the gradient is finite"
        )
        if wrong.size > bad.size:
            rest = wrong.size - bad.size
            message += f"; {rest:,} {'other is' if rest == 1 else 'others are'} wrong"
        code = "GC401"
    else:
        at = f"worst at {index_text(worst.index)}: " if worst.index else ""
        unseen = judged.comparison.unknown.size
        among = f"the {total - unseen:,} elements (of {total:,}) looked at" if unseen else plural(total, "element")
        position = int(np.ravel_multi_index(worst.index, judged.comparison.shape)) if worst.index else 0
        remark = judged.remarks.get(position, "")
        numbers = _numbers(judged, worst)
        if remark.startswith(STRAIGHT_THROUGH):  # held against that, so that autodiff's number means nothing here
            numbers = f"yours {number(worst.yours)}{_ratio(worst)}"
        code, message = "GC201", f"`{name}` is wrong in {wrong.size:,} of {among}; {at}{numbers}"
        if remark or (remark := _nearly_right(judged)):
            message += f"; {remark}"
    return Finding(
        code,
        message,
        str(case.layer.path),
        case.layer.line,
        judged.received.leaf.name,
        index=worst.index,
        yours=worst.yours,
        autodiff=worst.autodiff,
        finite_difference=worst.finite_difference,
        error_bar=worst.error_bar,
    )


def _nearly_right(judged: Judged) -> str:
    """What an error that is small in every element rather is than a mistake in a term; "" for a larger one."""
    error, largest = judged.comparison.max_rel_error, judged.comparison.max_abs_error
    if not error or not error <= SMALL or not largest or not largest <= SMALL * float(np.abs(judged.reference).max()):
        return ""
    digits = int(-np.log10(error))
    return f"every element is right to {digits} digits: an approximation, or an `eps` that only one of the two has"


def _numbers(judged: Judged, worst: Element) -> str:
    by_autodiff = judged.decided_by == AUTODIFF and worst.autodiff is not None
    reference = worst.autodiff if by_autodiff else worst.finite_difference
    if reference is None:
        return f"yours {number(worst.yours)}"
    mine, theirs = pair(worst.yours, reference)
    bar = "" if by_autodiff or worst.error_bar is None else f" ± {number(worst.error_bar, 1)}"
    return f"yours {mine}, {AUTODIFF if by_autodiff else DIFFERENCES} {theirs}{bar}{_ratio(worst)}"


def _ratio(worst: Element) -> str:
    return "" if worst.ratio is None else f" (ratio {_ratio_text(worst.ratio)})"


def _ratio_text(ratio: float | complex) -> str:
    if isinstance(ratio, complex):
        return number(ratio, 3)
    if 0 < abs(ratio - 1) < 1e-3:
        return f"1 {'+' if ratio > 1 else '-'} {abs(ratio - 1):.1e}"
    if ratio == 0:
        return "0"
    return f"{ratio:.3f}" if 1e-3 <= abs(ratio) < 1e4 else f"{ratio:.3g}"
