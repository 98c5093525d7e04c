"""Asking finite differences about autodiff: directions, suspects, a sample, and more where these object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.dimensions.receiving import Received
from gradcheck_cli.judge.elements import Comparison
from gradcheck_cli.judge.evidence.differencer import Place
from gradcheck_cli.judge.evidence.evidence import LARGE, Evidence, Slope, slopes
from gradcheck_cli.judge.evidence.table import MATERIAL, ODD, TELLING, Row, Verdict, decide
from gradcheck_cli.judge.kinks.joint import Fault
from gradcheck_cli.judge.kinks.slopes import MOST_AROUND, kink, may_be_kink, to_ask
from gradcheck_cli.judge.leaf import scalar, tolerance_at
from gradcheck_cli.judge.noise.tolerance import Tolerance
from gradcheck_cli.judge.words import number
from gradcheck_cli.witnesses.gradients import Difference

DIRECTIONS = 2
SUSPECTS_WORST = 8
SUSPECTS_RANDOM = 4
SAMPLE_PER_LEAF = 2
SMALL = 32
"""Layers with at most this many elements are differenced whole."""
ROUNDS = 4

EXPLAINING = ODD | {Verdict.KINK, Verdict.JUMP}
"""Verdicts on an element that explain why a random direction contradicts autodiff."""


@dataclass(frozen=True)
class LeafCase:
    """One leaf before finite differences have spoken; `comparison` is None where yours has no usable shape."""

    position: int
    received: Received
    autodiff: NDArray[Any]
    tolerance: Tolerance
    size: float
    comparison: Comparison | None

    def place(self, position: int) -> Place:
        """The element at a position of the flattened leaf."""
        shape = self.autodiff.shape
        return self.position, tuple(int(axis) for axis in np.unravel_index(position, shape)) if shape else ()

    def flat(self, place: Place) -> int:
        """The position of an element in the flattened leaf."""
        return int(np.ravel_multi_index(place[1], self.autodiff.shape)) if place[1] else 0


@dataclass(frozen=True)
class Inquiry:
    """What finite differences had to say about autodiff.

    Attributes:
        verdicts: by leaf position, then by position in the flattened leaf, for the elements that were looked at.
        contradiction: a sentence, where a random direction contradicts autodiff and no element explains it.
        notes: sentences for the report.
        faults: why elements that are each between their slopes are wrong together, see `joint`.
    """

    verdicts: tuple[Mapping[int, Verdict], ...]
    contradiction: str = ""
    notes: tuple[str, ...] = ()
    faults: Mapping[Place, Fault] = field(default_factory=dict)


def inquire(leaves: Sequence[LeafCase], evidence: Evidence, full: bool, rng: np.random.Generator) -> Inquiry:
    """Take the finite differences that this draw needs: directions, suspects, a sample, and more where these object."""
    total = sum(leaf.autodiff.size for leaf in leaves)
    evidence.look_along(DIRECTIONS if total <= LARGE else 1)
    evidence.look_at(place for leaf in leaves for place in _suspects(leaf, rng))
    if full or total <= SMALL:
        evidence.look_at_all()
    else:
        evidence.look_at(
            place for leaf in leaves for place in _sample(leaf, rng, SAMPLE_PER_LEAF if total <= LARGE else 1)
        )
    along = slopes([leaf.autodiff for leaf in leaves], evidence.directions)
    contradicting = [slope for slope in along if _contradicts(leaves, slope)]
    verdicts = _decide_all(leaves, evidence)
    for _ in range(ROUNDS):
        suspicious = _second_look(leaves, verdicts, evidence)
        wanted = _more(leaves, verdicts, bool(contradicting), evidence.room, rng)
        learned = evidence.look_at(suspicious, one_sided=True)
        learned |= evidence.look_at(wanted)
        learned |= evidence.look_around(_outside(leaves, verdicts, evidence))
        if not learned:
            break
        verdicts = _decide_all(leaves, evidence)
    explained = any(verdict in EXPLAINING for found in verdicts for verdict in found.values())
    contradiction = "" if explained or not contradicting else _contradiction(contradicting[0])
    notes = []
    if contradiction and evidence.complete:
        notes.append(f"{contradiction}; every single element agrees, so that a kink in between is likely.")
        contradiction = ""
    at_kinks = any(verdict in (Verdict.KINK, Verdict.JUMP) for found in verdicts for verdict in found.values())
    if not at_kinks and (note := _unconfirmed(leaves, along, evidence)):
        notes.append(note)
    return Inquiry(verdicts, contradiction, tuple(notes))


def _suspects(leaf: LeafCase, rng: np.random.Generator) -> list[Place]:
    """The worst elements of a leaf, some of its other wrong ones, and some that autodiff gives no number for."""
    comparison = leaf.comparison
    if comparison is None:
        return []
    chosen = [*comparison.worst_first(SUSPECTS_WORST), *comparison.unknown[:SUSPECTS_WORST]]
    if comparison.wrong.size:
        chosen.extend(rng.choice(comparison.wrong, SUSPECTS_RANDOM))
    return [leaf.place(int(position)) for position in dict.fromkeys(chosen)]


def _sample(leaf: LeafCase, rng: np.random.Generator, count: int) -> list[Place]:
    size = leaf.autodiff.size
    if count >= size:
        return [leaf.place(position) for position in range(size)]
    chosen = np.unique(rng.integers(size, size=2 * count))
    return [leaf.place(int(position)) for position in rng.permutation(chosen)[:count]]


def _decide_all(leaves: Sequence[LeafCase], evidence: Evidence) -> tuple[dict[int, Verdict], ...]:
    verdicts: tuple[dict[int, Verdict], ...] = tuple({} for _ in leaves)
    for place, difference in evidence.elements.items():
        leaf = leaves[place[0]]
        at = leaf.flat(place)
        yours, comparison = leaf.received.usable, leaf.comparison
        if yours is None or comparison is None:
            continue
        autodiff = scalar(leaf.autodiff, at)
        row = Row(
            yours=scalar(yours, at),
            autodiff=autodiff,
            agree=not (_contains(comparison.wrong, at) or _contains(comparison.unknown, at)),
            difference=difference,
            tolerance=tolerance_at(leaf.tolerance, autodiff if np.isfinite(autodiff) else difference.value, at),
            size=leaf.size,
        )
        verdicts[place[0]][at] = decide(row)
    return verdicts


def _contains(ascending: NDArray[np.int64], position: int) -> bool:
    found = int(np.searchsorted(ascending, position))
    return found < ascending.size and int(ascending[found]) == position


def _second_look(
    leaves: Sequence[LeafCase], verdicts: Sequence[Mapping[int, Verdict]], evidence: Evidence
) -> list[Place]:
    """Elements where the slopes on the two sides may excuse yours or tell a kink from a `stop_gradient`."""
    places: list[Place] = []
    for leaf, found in zip(leaves, verdicts):
        known = {at: evidence.elements[leaf.place(at)] for at in found}
        candidates = [at for at, verdict in found.items() if _is_open(leaf, at, verdict, known[at])]
        asked = to_ask(candidates, known, Verdict.KINK in found.values())
        places.extend(leaf.place(at) for at in asked)
    return places


def _outside(leaves: Sequence[LeafCase], verdicts: Sequence[Mapping[int, Verdict]], evidence: Evidence) -> list[Place]:
    """Elements at kinks where yours is beyond the slopes: gradients around may have more to choose from."""
    places: list[Place] = []
    for leaf, found in zip(leaves, verdicts):
        wrong = [at for at, verdict in found.items() if verdict in (Verdict.WRONG, Verdict.WRONG_BY_DIFFERENCES)]
        kinked = [at for at in wrong if kink(evidence.elements[leaf.place(at)], 0.0) is not None]
        places.extend(leaf.place(at) for at in kinked[:MOST_AROUND])
    return places


def _is_open(leaf: LeafCase, at: int, verdict: Verdict, difference: Difference) -> bool:
    yours = leaf.received.usable
    if yours is None or verdict in (Verdict.KINK, Verdict.RIGHT_BY_DIFFERENCES):
        return False
    if verdict is Verdict.RIGHT:
        # A bar this wide says that something is there: a kink, whose convention is then named, or noise.
        wide = difference.error > TELLING * max(leaf.size, abs(difference.value))
        return wide and np.isfinite(difference.error) and not np.iscomplexobj(leaf.autodiff)
    if verdict in (Verdict.BOTH_OFF, Verdict.UNKNOWN):
        return True
    tolerance = tolerance_at(leaf.tolerance, difference.value, at)
    return may_be_kink(scalar(yours, at), difference, tolerance)


def _more(
    leaves: Sequence[LeafCase],
    verdicts: Sequence[Mapping[int, Verdict]],
    contradicted: bool,
    room: int,
    rng: np.random.Generator,
) -> list[Place]:
    """What else must be seen: a whole leaf where autodiff is in doubt, all wrong elements where one is a kink."""
    wanted: list[Place] = []
    known = any(verdict in ODD for found in verdicts for verdict in found.values())
    for leaf, found in zip(leaves, verdicts):
        comparison = leaf.comparison
        kinds = set(found.values())
        if comparison is not None and kinds & {*ODD, Verdict.KINK, Verdict.UNKNOWN}:
            wanted.extend(leaf.place(int(at)) for at in comparison.worst_first(room))
            wanted.extend(leaf.place(int(at)) for at in comparison.unknown[:room])
        if kinds & ODD or (contradicted and not known):
            wanted.extend(_sample(leaf, rng, max(1, room)))
    return wanted


def _contradicts(leaves: Sequence[LeafCase], slope: Slope) -> bool:
    difference = slope.difference
    if not (np.isfinite(slope.value) and np.isfinite(difference.value) and np.isfinite(difference.error)):
        return False
    rounding = max(leaf.tolerance.relative for leaf in leaves) * slope.size
    floors = sum(leaf.tolerance.floor * float(np.sqrt(leaf.autodiff.size)) for leaf in leaves)
    allowed = difference.error + rounding + floors + MATERIAL * slope.size
    return bool(abs(slope.value - difference.value) > allowed)


def _contradiction(slope: Slope) -> str:
    return (
        f"along a random direction of all inputs autodiff has the slope {number(slope.value, 6)}, finite differences "
        f"{number(slope.difference.value, 6)} ± {number(slope.difference.error, 1)}"
    )


def _unconfirmed(leaves: Sequence[LeafCase], along: Sequence[Slope], evidence: Evidence) -> str:
    """A note where no finite difference was precise enough to confirm autodiff."""
    seen = [(slope.difference, slope.size) for slope in along]
    seen += [(difference, leaves[place[0]].size) for place, difference in evidence.elements.items()]
    if not seen:
        limited = evidence.possible and not evidence.room
        return "Finite differences did not check autodiff: `--max-evals` leaves no room for them." if limited else ""
    if any(difference.error <= TELLING * max(size, abs(difference.value)) for difference, size in seen):
        return ""
    difference, size = min(seen, key=lambda pair: pair[0].error if np.isfinite(pair[0].error) else np.inf)
    slope = max(size, abs(difference.value))
    return (
        "Finite differences are too noisy here to confirm autodiff: "
        f"their smallest error bar is {number(difference.error, 2)} on a slope of {number(slope, 2)}."
    )
