"""After the table: kinks that several elements meet together, and autodiff under the user's own convention."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.elements import Comparison, compare
from gradcheck_cli.judge.evidence.differencer import Place
from gradcheck_cli.judge.evidence.evidence import Evidence
from gradcheck_cli.judge.evidence.inquiry import Inquiry, LeafCase
from gradcheck_cli.judge.evidence.table import Verdict
from gradcheck_cli.judge.kinks.joint import faults, faulty
from gradcheck_cli.judge.kinks.slopes import kink
from gradcheck_cli.judge.leaf import scalar, tolerance_at
from gradcheck_cli.judge.words import index_text
from gradcheck_cli.witnesses.gradients import Difference

_SETTLED = frozenset({Verdict.RIGHT, Verdict.RIGHT_BY_DIFFERENCES, Verdict.KINK})


class Conventional(Protocol):
    """Autodiff under one convention at kinks; `name` says which."""

    @property
    def name(self) -> str:
        """The convention, in words."""

    @property
    def gradients(self) -> tuple[NDArray[Any], ...]:
        """One a leaf."""


Conventions = Callable[[], Iterable[Conventional]]


def kinked_places(leaves: Sequence[LeafCase], evidence: Evidence) -> dict[Place, Difference]:
    """The elements that one-sided differences have shown at a kink."""
    found = {}
    for place, difference in evidence.elements.items():
        leaf = leaves[place[0]]
        if difference.forward is None or leaf.received.usable is None:
            continue
        if kink(difference, tolerance_at(leaf.tolerance, difference.value, leaf.flat(place))) is not None:
            found[place] = difference
    return found


def together(leaves: Sequence[LeafCase], inquiry: Inquiry, evidence: Evidence) -> Inquiry:
    """The inquiry, with elements marked that are each between their slopes and together are no gradient."""
    doubtful = frozenset(
        leaf.place(at)
        for leaf, verdicts in zip(leaves, inquiry.verdicts)
        for at, verdict in verdicts.items()
        if verdict is Verdict.KINK and leaf.comparison is not None and _differs(leaf.comparison, at)
    )
    if not doubtful:
        return inquiry

    def yours(place: Place) -> float:
        gradient = leaves[place[0]].received.usable
        assert gradient is not None
        return float(np.real(scalar(gradient, leaves[place[0]].flat(place))))

    def tolerance(place: Place) -> float:
        leaf = leaves[place[0]]
        return tolerance_at(leaf.tolerance, yours(place), leaf.flat(place))

    def name(place: Place) -> str:
        return f"{leaves[place[0]].received.name}{index_text(place[1])}"

    found = faults(kinked_places(leaves, evidence), doubtful, yours, tolerance, name, evidence)
    if not found:
        return inquiry
    blamed = faulty(found, doubtful)
    changed = [dict(verdicts) for verdicts in inquiry.verdicts]
    for place, fault in blamed.items():
        verdict = Verdict.UNKNOWN if fault.several else Verdict.WRONG_TOGETHER
        changed[place[0]][leaves[place[0]].flat(place)] = verdict
    return replace(inquiry, verdicts=tuple(changed), faults=blamed)


def by_convention(
    leaves: Sequence[LeafCase], inquiry: Inquiry, evidence: Evidence, conventions: Conventions | None
) -> Inquiry:
    """The inquiry, with leaves excused that are autodiff's gradient under another convention at kinks.

    Asked only where something is open or wrong and some element was seen at a kink: it compiles a program.
    """
    suspects = [leaf for leaf in leaves if _is_open(leaf, inquiry.verdicts[leaf.position])]
    if conventions is None or not suspects or not kinked_places(leaves, evidence):
        return inquiry
    # Leaves that are wrong together must be right by one and the same convention.
    tied = {place[0] for fault in inquiry.faults.values() for place in fault.places}
    changed = [dict(verdicts) for verdicts in inquiry.verdicts]
    excused: dict[int, str] = {}
    for conventional in conventions():
        matching = {leaf.position for leaf in leaves if _matches(leaf, conventional)}
        for leaf in suspects:
            at = leaf.position
            if at in excused or at not in matching or (at in tied and not tied <= matching):
                continue
            excused[at] = conventional.name
            changed[at] = _excused(leaf, changed[at])
        if len(excused) == len(suspects):
            break
    if not excused:
        return inquiry
    notes = [
        f"`{leaves[at].received.name}` meets kinks inside the forward, and is what the chain rule gives there where "
        f"{name}."
        for at, name in excused.items()
    ]
    faulted = {place: fault for place, fault in inquiry.faults.items() if place[0] not in excused}
    return replace(inquiry, verdicts=tuple(changed), faults=faulted, notes=(*inquiry.notes, *notes))


def _matches(leaf: LeafCase, conventional: Conventional) -> bool:
    gradient, yours = conventional.gradients[leaf.position], leaf.received.usable
    if yours is None or not np.isfinite(gradient).all():
        return False
    return not compare(yours, gradient, leaf.tolerance).wrong.size


def _is_open(leaf: LeafCase, verdicts: Mapping[int, Verdict]) -> bool:
    if leaf.comparison is None or leaf.received.usable is None:
        return False
    if not (leaf.comparison.wrong.size or leaf.comparison.unknown.size):
        return False
    differing = [int(at) for at in (*leaf.comparison.wrong, *leaf.comparison.unknown)]
    return not set(verdicts.values()) <= _SETTLED or not all(at in verdicts for at in differing)


def _differs(comparison: Comparison, at: int) -> bool:
    return bool(at in comparison.wrong or at in comparison.unknown)


def _excused(leaf: LeafCase, verdicts: Mapping[int, Verdict]) -> dict[int, Verdict]:
    assert leaf.comparison is not None
    differing = {int(at): Verdict.KINK for at in (*leaf.comparison.wrong, *leaf.comparison.unknown)}
    open_ones = {at: Verdict.KINK for at, verdict in verdicts.items() if verdict not in _SETTLED}
    return {**verdicts, **differing, **open_ones}
