"""One leaf's suspicious elements looked into: one-sided differences, and what the table says of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.dimensions.receiving import Received
from gradcheck_cli.judge.elements import Comparison, compare
from gradcheck_cli.judge.evidence.differencer import Place
from gradcheck_cli.judge.evidence.evidence import Evidence
from gradcheck_cli.judge.evidence.table import Row, Verdict, decide, is_telling
from gradcheck_cli.judge.kinks.joint import Fault, faults, faulty
from gradcheck_cli.judge.kinks.slopes import MOST_AROUND, Kink, kink, may_be_kink, to_ask
from gradcheck_cli.judge.leaf import scalar, tolerance_at
from gradcheck_cli.judge.untraced.reference import Reference, noisy
from gradcheck_cli.judge.words import index_text
from gradcheck_cli.witnesses.gradients import Difference


@dataclass(frozen=True)
class Looked:
    """One leaf after its suspicious elements were looked into.

    Attributes:
        yours: the user's gradient.
        comparison: yours against the central differences.
        verdicts: the table's, on elements that differ or are at a kink.
        slopes: the kinks there are, by position.
    """

    position: int
    received: Received
    reference: Reference
    yours: NDArray[Any]
    comparison: Comparison
    verdicts: Mapping[int, Verdict]
    slopes: Mapping[int, Kink]

    def place(self, at: int) -> Place:
        """The element at a position of the flattened leaf."""
        return self.position, self.comparison.index(at)


def look_into(position: int, received: Received, reference: Reference, evidence: Evidence) -> Looked:
    """Take the one-sided differences that a leaf's suspicious elements need, and ask the table."""
    yours = received.usable
    assert yours is not None
    comparison = compare(yours, reference.values, reference.tolerance, reference.bars)
    verdicts = _look_into(position, yours, reference, comparison, evidence)
    slopes = {}
    for at in verdicts:
        found = kink(evidence.elements[position, comparison.index(at)], _tolerance(reference, at))
        if found is not None:
            slopes[at] = found
    return Looked(position, received, reference, yours, comparison, verdicts, slopes)


def together(looked: Sequence[Looked], evidence: Evidence) -> Mapping[Place, Fault]:
    """Elements that are each between their slopes, and with others at the same kink are no gradient."""
    by_position = {leaf.position: leaf for leaf in looked}
    doubtful = frozenset(
        leaf.place(at) for leaf in looked for at, verdict in leaf.verdicts.items() if verdict is Verdict.KINK
    )

    def yours(place: Place) -> float:
        return float(np.real(by_position[place[0]].yours[place[1]]))

    def tolerance(place: Place) -> float:
        leaf = by_position[place[0]]
        at = int(np.ravel_multi_index(place[1], leaf.yours.shape)) if place[1] else 0
        return tolerance_at(leaf.reference.tolerance, yours(place), at)

    def name(place: Place) -> str:
        return f"{by_position[place[0]].received.name}{index_text(place[1])}"

    kinked = {place: evidence.elements[place] for leaf in looked for place in map(leaf.place, leaf.slopes)}
    return faulty(faults(kinked, doubtful, yours, tolerance, name, evidence), doubtful) if doubtful else {}


def _look_into(
    position: int, yours: NDArray[Any], reference: Reference, comparison: Comparison, evidence: Evidence
) -> dict[int, Verdict]:
    """The table's verdicts on the elements that differ, with their one-sided slopes; on all where one is a kink."""
    wrong = [int(at) for at in comparison.worst_first(comparison.wrong.size)]
    unclear = np.flatnonzero(noisy(yours, reference, reference.values, reference.bars))
    suspects = list(dict.fromkeys([*wrong, *(int(at) for at in unclear)]))
    for _ in range(3):
        known = {at: evidence.elements[position, comparison.index(at)] for at in suspects}
        candidates = [at for at in suspects if may_be_kink(scalar(yours, at), known[at], _tolerance(reference, at))]
        asked = to_ask(candidates, known, any(kink(known[at], 0.0) for at in suspects))
        if not evidence.look_at(((position, comparison.index(at)) for at in asked), one_sided=True):
            break
    beyond = [
        (position, comparison.index(at))
        for at in suspects
        if (found := kink(evidence.elements[position, comparison.index(at)], 0.0)) is not None
        and not found.allows(scalar(yours, at), _tolerance(reference, at))
    ]
    evidence.look_around(beyond[:MOST_AROUND])
    # A noisy element that is no kink stays as it is: `_why` says what the noise means for the leaf.
    known = {at: evidence.elements[position, comparison.index(at)] for at in suspects}
    counted = set(wrong)
    return {
        at: _verdict(yours, reference, at, known[at])
        for at in suspects
        if at in counted or kink(known[at], _tolerance(reference, at)) is not None
    }


def _tolerance(reference: Reference, at: int) -> float:
    return tolerance_at(reference.tolerance, scalar(reference.values, at), at)


def _verdict(yours: NDArray[Any], reference: Reference, at: int, difference: Difference) -> Verdict:
    row = Row(scalar(yours, at), None, False, difference, _tolerance(reference, at), reference.size)
    verdict = decide(row)
    return Verdict.UNKNOWN if verdict is Verdict.RIGHT_BY_DIFFERENCES and not is_telling(row, difference) else verdict
