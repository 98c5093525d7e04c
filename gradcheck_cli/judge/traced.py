"""Judging a draw that autodiff speaks on: it covers every element; finite differences check autodiff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.differencer import Place
from gradcheck_cli.judge.elements import Comparison, compare
from gradcheck_cli.judge.evidence import Evidence, along, length
from gradcheck_cli.judge.leaf import Judged, scalar, tolerance_at
from gradcheck_cli.judge.noise import Tolerance
from gradcheck_cli.judge.receiving import Received
from gradcheck_cli.judge.table import MATERIAL, ODD, TELLING, Row, Verdict, decide
from gradcheck_cli.judge.verdict import AUTODIFF, DIFFERENCES
from gradcheck_cli.judge.words import index_text, number, plural
from gradcheck_cli.witnesses.gradients import Directional

DIRECTIONS = 2
SUSPECTS_WORST = 8
SUSPECTS_RANDOM = 4
SAMPLE_PER_LEAF = 2
SMALL = 32
"""Layers with at most this many elements are differenced whole."""
ROUNDS = 4


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
    """

    verdicts: tuple[Mapping[int, Verdict], ...]
    contradiction: str = ""
    notes: tuple[str, ...] = ()


def inquire(leaves: Sequence[LeafCase], evidence: Evidence, full: bool, rng: np.random.Generator) -> Inquiry:
    """Take the finite differences that this draw needs: directions, suspects, a sample, and more where these object."""
    total = sum(leaf.autodiff.size for leaf in leaves)
    evidence.look_along(DIRECTIONS)
    evidence.look_at((place for leaf in leaves for place in _suspects(leaf, rng)), one_sided=True)
    if full or total <= SMALL:
        evidence.look_at_all()
    else:
        evidence.look_at(place for leaf in leaves for place in _sample(leaf, rng, SAMPLE_PER_LEAF))
    gradients = tuple(leaf.autodiff for leaf in leaves)
    contradicting = [direction for direction in evidence.directions if _contradicts(leaves, gradients, direction)]
    verdicts = _decide_all(leaves, evidence)
    for _ in range(ROUNDS):
        suspicious = _second_look(leaves, verdicts)
        wanted = _more(leaves, verdicts, bool(contradicting), evidence.room, rng)
        learned = evidence.look_at(suspicious, one_sided=True)
        learned |= evidence.look_at(wanted)
        if not learned:
            break
        verdicts = _decide_all(leaves, evidence)
    explained = any(verdict in ODD or verdict is Verdict.KINK for found in verdicts for verdict in found.values())
    contradiction = "" if explained or not contradicting else _contradiction(gradients, contradicting[0])
    notes = []
    if contradiction and evidence.complete:
        notes.append(f"{contradiction}; every single element agrees, so that a kink in between is likely.")
        contradiction = ""
    if note := _unconfirmed(leaves, gradients, evidence):
        notes.append(note)
    return Inquiry(verdicts, contradiction, tuple(notes))


def settle(leaf: LeafCase, inquiry: Inquiry, evidence: Evidence, straight_through: bool) -> Judged:
    """One leaf's values after the inquiry: what the table says, element by element."""
    yours, comparison = leaf.received.usable, leaf.comparison
    assert yours is not None and comparison is not None
    verdicts = inquiry.verdicts[leaf.position]
    reference, bars = leaf.autodiff, None
    by_differences = [at for at, verdict in verdicts.items() if verdict in _BY_DIFFERENCES]
    kinks = [at for at, verdict in verdicts.items() if verdict is Verdict.KINK]
    unknown = [at for at, verdict in verdicts.items() if verdict is Verdict.UNKNOWN]
    both_off = [at for at, verdict in verdicts.items() if verdict is Verdict.BOTH_OFF]
    unseen: list[int] = []
    if any(verdict in ODD for verdict in verdicts.values()):
        unseen = [int(at) for at in comparison.wrong if int(at) not in verdicts]
    if by_differences or kinks or unknown or unseen:
        reference = np.array(reference, dtype=np.result_type(reference, np.float64))
        bars = np.zeros(reference.shape)
        for at in by_differences:
            difference = evidence.elements[leaf.place(at)]
            reference.reshape(-1)[at] = difference.value
            bars.reshape(-1)[at] = difference.error
        # Any value between the slopes is a gradient there, so that yours is its own reference.
        reference.reshape(-1)[kinks] = yours.reshape(-1)[kinks]
        reference.reshape(-1)[[*unknown, *unseen]] = np.nan
        comparison = compare(yours, reference, leaf.tolerance, bars)
    why = _why(leaf, comparison, both_off if not straight_through else [], unseen, evidence)
    if not why and inquiry.contradiction:
        why = inquiry.contradiction
    return Judged(
        leaf.position,
        leaf.received,
        leaf.autodiff,
        reference,
        bars,
        leaf.tolerance,
        comparison,
        DIFFERENCES if by_differences else AUTODIFF,
        why,
        _kinks_text(leaf, kinks, evidence),
        _notes(leaf, by_differences, both_off if straight_through else [], evidence),
    )


_BY_DIFFERENCES = frozenset({Verdict.RIGHT_BY_DIFFERENCES, Verdict.WRONG_BY_DIFFERENCES})


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


def _second_look(leaves: Sequence[LeafCase], verdicts: Sequence[Mapping[int, Verdict]]) -> list[Place]:
    """Elements whose slopes on the two sides decide."""
    doubtful = {*ODD, Verdict.UNKNOWN, Verdict.WRONG}
    return [
        leaf.place(at) for leaf, found in zip(leaves, verdicts) for at, verdict in found.items() if verdict in doubtful
    ]


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


def _contradicts(leaves: Sequence[LeafCase], gradients: tuple[NDArray[Any], ...], direction: Directional) -> bool:
    slope, difference = along(gradients, direction), direction.difference
    if not (np.isfinite(slope) and np.isfinite(difference.value) and np.isfinite(difference.error)):
        return False
    size = max(length(gradients, direction), abs(difference.value))
    rounding = sum(leaf.tolerance.relative for leaf in leaves) / max(1, len(leaves)) * size
    floors = sum(leaf.tolerance.floor * float(np.sqrt(leaf.autodiff.size)) for leaf in leaves)
    return bool(abs(slope - difference.value) > difference.error + rounding + floors + MATERIAL * size)


def _contradiction(gradients: tuple[NDArray[Any], ...], direction: Directional) -> str:
    slope, difference = along(gradients, direction), direction.difference
    return (
        f"along a random direction of all inputs autodiff has the slope {number(slope, 6)}, finite differences "
        f"{number(difference.value, 6)} ± {number(difference.error, 1)}"
    )


def _unconfirmed(leaves: Sequence[LeafCase], gradients: tuple[NDArray[Any], ...], evidence: Evidence) -> str:
    """A note where no finite difference was precise enough to confirm autodiff."""
    seen = [(direction.difference, length(gradients, direction)) for direction in evidence.directions]
    seen += [(difference, leaves[place[0]].size) for place, difference in evidence.elements.items()]
    if not seen:
        return (
            "" if evidence.room else "Finite differences did not check autodiff: `--max-evals` leaves no room for them."
        )
    if any(difference.error <= TELLING * max(size, abs(difference.value)) for difference, size in seen):
        return ""
    difference, size = min(seen, key=lambda pair: pair[0].error if np.isfinite(pair[0].error) else np.inf)
    slope = max(size, abs(difference.value))
    return (
        "Finite differences are too noisy here to confirm autodiff: "
        f"their smallest error bar is {number(difference.error, 2)} on a slope of {number(slope, 2)}."
    )


def _why(leaf: LeafCase, comparison: Comparison, both_off: list[int], unseen: list[int], evidence: Evidence) -> str:
    name = leaf.received.name
    if both_off:
        at = max(both_off, key=lambda at: abs(scalar(leaf.autodiff, at) - evidence.elements[leaf.place(at)].value))
        place = leaf.place(at)
        difference = evidence.elements[place]
        return (
            f"yours and autodiff agree, but the forward has another slope in {plural(len(both_off), 'element')} "
            f"of `{name}`: at {index_text(place[1]) or 'its one element'} {number(scalar(leaf.autodiff, at))} against "
            f"{number(difference.value)} ± {number(difference.error, 1)}; a `stop_gradient`, a custom rule, "
            'a rounding or a jump inside the forward does this (say `expect="straight-through"` where it is meant)'
        )
    if unseen:
        return (
            f"autodiff is wrong somewhere in `{name}`, and {plural(len(unseen), 'element')} that differ from it were "
            "not looked at by finite differences (`--full`, `--max-evals`)"
        )
    if comparison.unknown.size:
        index = comparison.index(int(comparison.unknown[0]))
        value = scalar(leaf.autodiff, int(comparison.unknown[0]))
        problem = f"autodiff gives {number(value)}" if not np.isfinite(value) else "the three witnesses differ"
        return (
            f"{problem} in {plural(comparison.unknown.size, 'element')} of `{name}`"
            f"{f', first at {index_text(index)}' if index else ''}, and finite differences cannot tell there"
        )
    return ""


def _kinks_text(leaf: LeafCase, kinks: list[int], evidence: Evidence) -> str:
    if not kinks:
        return ""
    yours = leaf.received.usable
    assert yours is not None
    place = leaf.place(kinks[0])
    difference = evidence.elements[place]
    assert difference.forward is not None and difference.backward is not None
    low, high = sorted((float(np.real(difference.backward)), float(np.real(difference.forward))))
    return (
        f"`{leaf.received.name}` meets a kink in {plural(len(kinks), 'element')}"
        f"{f', first at {index_text(place[1])}' if place[1] else ''}: "
        f"the slopes on its two sides are {number(low)} and {number(high)}, and yours, "
        f"{number(scalar(yours, kinks[0]))}, is between them"
    )


def _notes(leaf: LeafCase, by_differences: list[int], expected_off: list[int], evidence: Evidence) -> tuple[str, ...]:
    name, notes = leaf.received.name, []
    if by_differences:
        at = by_differences[0]
        place = leaf.place(at)
        difference = evidence.elements[place]
        notes.append(
            f"Autodiff is the odd one out for `{name}` (at {index_text(place[1]) or 'its one element'}: "
            f"{number(scalar(leaf.autodiff, at))}, finite differences {number(difference.value)}): "
            f"a custom rule, `stop_gradient` or tie inside the forward. "
            f"{plural(len(by_differences), 'element').capitalize()} were judged by finite differences."
        )
    if expected_off:
        notes.append(
            f"`{name}` is straight-through, as expected: yours and autodiff agree, and the function's slope differs."
        )
    return tuple(notes)
