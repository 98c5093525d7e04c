"""Judging a draw that autodiff cannot speak on: finite differences decide, on all elements where they can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.dimensions.receiving import Received
from gradcheck_cli.judge.elements import Comparison, compare
from gradcheck_cli.judge.evidence.differencer import Place
from gradcheck_cli.judge.evidence.evidence import COST, WIDE, Evidence, slopes
from gradcheck_cli.judge.evidence.table import TELLING, Row, Verdict, decide, is_telling
from gradcheck_cli.judge.kinks.joint import Fault, faults, faulty
from gradcheck_cli.judge.kinks.slopes import MOST_AROUND, Kink, kink, may_be_kink, to_ask
from gradcheck_cli.judge.kinks.words import accepted_text, jump_text, remarks, several_text
from gradcheck_cli.judge.leaf import Judged, scalar, tolerance_at
from gradcheck_cli.judge.noise.tolerance import Tolerance, unmeasured_rounding
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.verdict import DIFFERENCES
from gradcheck_cli.judge.words import index_text, number, plural
from gradcheck_cli.witnesses.gradients import Difference

DIRECTIONS = 4


@dataclass(frozen=True)
class Reference:
    """What finite differences know about one leaf: NaN where it was not looked at."""

    values: NDArray[Any]
    bars: NDArray[np.float64]
    seen: NDArray[np.bool_]
    tolerance: Tolerance
    size: float

    def is_zero(self) -> bool:
        """Whether every element that was looked at is zero but for its error bar."""
        return bool(np.all((np.abs(self.values) <= self.bars + self.tolerance.floor) | ~self.seen))


def gather(leaves: Sequence[Received], evidence: Evidence, settings: Settings, rng: np.random.Generator) -> None:
    """Look at all elements where there is room, else at a sample and along random directions."""
    total = sum(received.leaf.value.size for received in leaves)
    if total * COST <= settings.max_evals:
        evidence.look_at_all()
        return
    evidence.look_along(DIRECTIONS)
    chosen: list[Place] = []
    share = max(1, min(evidence.room, WIDE) // max(1, len(leaves)))
    for position, received in enumerate(leaves):
        shape, size = received.leaf.value.shape, received.leaf.value.size
        flat = np.arange(size) if size <= share else np.unique(rng.integers(size, size=share))
        chosen.extend((position, tuple(int(axis) for axis in np.unravel_index(at, shape))) for at in flat)
    evidence.look_at(chosen)


def reference_of(
    position: int,
    received: Received,
    evidence: Evidence,
    given: Tolerance | None,
    dtypes: Sequence[np.dtype[Any]],
    natural: float,
) -> Reference:
    """One leaf's finite differences as arrays."""
    shape = received.leaf.value.shape
    is_complex = received.leaf.value.dtype.kind == "c"
    values = np.full(shape, np.nan, dtype=np.complex128 if is_complex else np.float64)
    bars, seen = np.zeros(shape), np.zeros(shape, dtype=np.bool_)
    for (leaf, index), difference in evidence.elements.items():
        if leaf == position:
            values[index], bars[index], seen[index] = difference.value, difference.error, True
    values[~np.isfinite(bars)] = np.nan
    known = np.abs(values[np.isfinite(values)])
    typical = float(known.mean()) if known.size else 0.0
    relative = unmeasured_rounding(dtypes)
    floor = relative * max(typical, natural)
    return Reference(values, bars, seen, given or Tolerance(relative, floor), max(typical, TELLING * natural))


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


def settle(looked: Looked, wrong_together: Mapping[Place, Fault]) -> Judged:
    """One leaf's values, held against its finite differences and its kinks."""
    reference, yours = looked.reference, looked.yours
    values, bars = reference.values.copy(), reference.bars.copy()
    jumps = []
    for at, verdict in looked.verdicts.items():
        slopes, mine = looked.slopes.get(at), scalar(yours, at)
        fault = wrong_together.get(looked.place(at))
        if verdict in (Verdict.UNKNOWN, Verdict.JUMP) or (fault is not None and fault.several):
            values.reshape(-1)[at] = np.nan
            jumps.extend([at] if verdict is Verdict.JUMP else [])
        elif fault is not None:
            values.reshape(-1)[at] = mine - fault.excess / len(fault.places)
            bars.reshape(-1)[at] = 0.0
        elif slopes is not None:
            values.reshape(-1)[at] = slopes.nearest(float(np.real(mine)))
            bars.reshape(-1)[at] = slopes.error
    comparison = looked.comparison
    if looked.verdicts:
        comparison = compare(yours, values, reference.tolerance, bars)
    why = _why(looked.received, yours, reference, values, bars)
    name = looked.received.name
    if jumps:
        at = jumps[0]
        why = jump_text(name, looked.place(at), looked.slopes[at], len(jumps), scalar(yours, at))
    undecided = [at for at in looked.verdicts if not np.isfinite(values.reshape(-1)[at])]
    if not jumps and any(_several(looked, at, wrong_together) for at in undecided):
        why = several_text(name)
    faulted = {at: wrong_together[looked.place(at)] for at in looked.verdicts if looked.place(at) in wrong_together}
    met = [at for at, verdict in looked.verdicts.items() if verdict is Verdict.KINK and at not in faulted]
    return Judged(
        looked.position,
        looked.received,
        None,
        values,
        bars,
        reference.tolerance,
        comparison,
        DIFFERENCES,
        why,
        accepted_text(name, [(looked.place(at)[1], looked.slopes[at], float(yours.reshape(-1)[at])) for at in met]),
        _notes(looked.received, reference),
        remarks(looked.slopes, faulted, comparison.wrong.tolist()),
    )


def _several(looked: Looked, at: int, wrong_together: Mapping[Place, Fault]) -> bool:
    """Whether several kinks meet inside one output there."""
    found, fault = looked.slopes.get(at), wrong_together.get(looked.place(at))
    return (found is not None and found.several) or (fault is not None and fault.several)


def contradiction_of(
    leaves: Sequence[Received], evidence: Evidence, tolerances: Sequence[Tolerance]
) -> tuple[str, bool]:
    """A sentence where yours is not the slope along a random direction; and whether any direction could tell."""
    yours = [received.usable for received in leaves]
    if any(gradient is None for gradient in yours) or not evidence.directions:
        return "", False
    telling = False
    relative = max(tolerance.relative for tolerance in tolerances)
    for slope in slopes([gradient for gradient in yours if gradient is not None], evidence.directions):
        difference = slope.difference
        allowed = difference.error + relative * slope.size
        if not np.isfinite(allowed) or not np.isfinite(difference.value):
            continue
        telling |= difference.error <= TELLING * slope.size
        if not abs(slope.value - difference.value) <= allowed:
            return (
                f"along a random direction of all inputs your gradients give the slope {number(slope.value, 6)}, "
                f"finite differences {number(difference.value, 6)} ± {number(difference.error, 1)}",
                True,
            )
    return "", telling


def _look_into(
    position: int, yours: NDArray[Any], reference: Reference, comparison: Comparison, evidence: Evidence
) -> dict[int, Verdict]:
    """The table's verdicts on the elements that differ, with their one-sided slopes; on all where one is a kink."""
    wrong = [int(at) for at in comparison.worst_first(comparison.wrong.size)]
    noisy = np.flatnonzero(_noisy(yours, reference, reference.values, reference.bars))
    suspects = list(dict.fromkeys([*wrong, *(int(at) for at in noisy)]))
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


def _noisy(
    yours: NDArray[Any], reference: Reference, values: NDArray[Any], bars: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which elements were looked at with an error bar that is too wide to decide."""
    with np.errstate(invalid="ignore"):
        sizes = np.fmax(np.fmax(np.abs(values), np.abs(yours)), reference.size)
        return np.asarray(reference.seen & np.isfinite(values) & (bars > TELLING * sizes))


def _tolerance(reference: Reference, at: int) -> float:
    return tolerance_at(reference.tolerance, scalar(reference.values, at), at)


def _verdict(yours: NDArray[Any], reference: Reference, at: int, difference: Difference) -> Verdict:
    row = Row(scalar(yours, at), None, False, difference, _tolerance(reference, at), reference.size)
    verdict = decide(row)
    return Verdict.UNKNOWN if verdict is Verdict.RIGHT_BY_DIFFERENCES and not is_telling(row, difference) else verdict


def _why(
    received: Received,
    yours: NDArray[Any],
    reference: Reference,
    values: NDArray[Any],
    bars: NDArray[np.float64],
) -> str:
    """Why the finite differences that were taken do not decide; "" where they do."""
    lost = reference.seen & ~np.isfinite(values)
    if lost.any():
        index = tuple(int(axis) for axis in np.argwhere(lost)[0])
        where = index_text(index) or "its one element"
        count = plural(int(lost.sum()), "element")
        return f"finite differences do not settle in {count} of `{received.name}`, first at {where}"
    noisy = _noisy(yours, reference, values, bars)
    if noisy.sum() * 2 > reference.seen.sum():
        bar = number(float(np.median(bars[noisy])), 2)
        return (
            f"the forward is too noisy for finite differences: in {plural(int(noisy.sum()), 'element')} of "
            f"`{received.name}` the error bar (typically {bar}) is above {TELLING:g} of the gradient"
        )
    if not reference.seen.any() and values.size:
        return f"no finite difference of `{received.name}` was taken, and autodiff is missing"
    return ""


def _notes(received: Received, reference: Reference) -> tuple[str, ...]:
    unseen = int(reference.seen.size - reference.seen.sum())
    if not unseen:
        return ()
    return (
        f"{unseen:,} of {plural(reference.seen.size, 'element')} of `{received.name}` were not checked one by one "
        "(`--max-evals`), only together along random directions.",
    )
