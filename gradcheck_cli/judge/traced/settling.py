"""One leaf after the inquiry: autodiff covers every element, and finite differences have checked it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gradcheck_cli.judge.elements import Comparison, compare
from gradcheck_cli.judge.evidence.evidence import Evidence
from gradcheck_cli.judge.evidence.inquiry import Inquiry, LeafCase
from gradcheck_cli.judge.evidence.table import ODD, Verdict
from gradcheck_cli.judge.kinks.slopes import Kink, kink, may_be_kink
from gradcheck_cli.judge.kinks.words import accepted_text, jump_text, remarks, several_text
from gradcheck_cli.judge.leaf import Judged, scalar, tolerance_at
from gradcheck_cli.judge.verdict import AUTODIFF, DIFFERENCES
from gradcheck_cli.judge.words import index_text, number, plural

_BY_DIFFERENCES = frozenset({Verdict.RIGHT_BY_DIFFERENCES, Verdict.WRONG_BY_DIFFERENCES})


def settle(leaf: LeafCase, inquiry: Inquiry, evidence: Evidence, straight_through: bool) -> Judged:
    """One leaf's values after the inquiry: what the table says, element by element."""
    yours, comparison = leaf.received.usable, leaf.comparison
    assert yours is not None and comparison is not None
    verdicts = inquiry.verdicts[leaf.position]
    reference, bars = leaf.autodiff, None

    def having(*kinds: Verdict) -> list[int]:
        return [at for at, verdict in verdicts.items() if verdict in kinds]

    by_differences = having(*_BY_DIFFERENCES)
    kinks, jumps, together = having(Verdict.KINK), having(Verdict.JUMP), having(Verdict.WRONG_TOGETHER)
    unknown, both_off = having(Verdict.UNKNOWN), having(Verdict.BOTH_OFF)
    unseen: list[int] = []
    if kinks or any(verdict in ODD for verdict in verdicts.values()):
        unseen = [int(at) for at in comparison.wrong if int(at) not in verdicts]
    if kinks:
        unseen.extend(
            at for at, verdict in verdicts.items() if verdict is Verdict.WRONG and _is_unasked(leaf, at, evidence)
        )
    if by_differences or kinks or jumps or together or unknown or unseen:
        reference = np.array(reference, dtype=np.result_type(reference, np.float64))
        bars = np.zeros(reference.shape)
        for at in by_differences:
            difference = evidence.elements[leaf.place(at)]
            reference.reshape(-1)[at] = difference.value
            bars.reshape(-1)[at] = difference.error
        for at in together:
            if not np.isfinite(scalar(leaf.autodiff, at)):
                fault = inquiry.faults[leaf.place(at)]
                reference.reshape(-1)[at] = scalar(yours, at) - fault.excess / len(fault.places)
        # Any value between the slopes is a gradient there, so that yours is its own reference.
        reference.reshape(-1)[kinks] = yours.reshape(-1)[kinks]
        reference.reshape(-1)[[*unknown, *jumps, *unseen]] = np.nan
        comparison = compare(yours, reference, leaf.tolerance, bars)
    slopes = kinks_of(evidence, leaf)
    why = _why(leaf, comparison, both_off if not straight_through else [], unseen, evidence)
    if jumps:
        why = jump_text(leaf.received.name, leaf.place(jumps[0]), slopes[jumps[0]], len(jumps), scalar(yours, jumps[0]))
    elif any(slopes[at].several for at in unknown if at in slopes):
        why = several_text(leaf.received.name)
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
        accepted_text(
            leaf.received.name,
            [(leaf.place(at)[1], slopes[at], float(np.real(scalar(yours, at)))) for at in _met(verdicts, slopes)],
        ),
        _notes(leaf, by_differences, both_off if straight_through else [], evidence),
        remarks(
            slopes,
            {leaf.flat(place): fault for place, fault in inquiry.faults.items() if place[0] == leaf.position},
            comparison.wrong.tolist(),
        ),
    )


def kinks_of(evidence: Evidence, leaf: LeafCase) -> dict[int, Kink]:
    """The kinks of a leaf's elements, as far as their one-sided slopes are known."""
    found = {}
    for place, difference in evidence.elements.items():
        if place[0] == leaf.position and difference.forward is not None:
            at = leaf.flat(place)
            if (slopes := kink(difference, tolerance_at(leaf.tolerance, difference.value, at))) is not None:
                found[at] = slopes
    return found


def _met(verdicts: Mapping[int, Verdict], slopes: Mapping[int, Kink]) -> list[int]:
    """The elements whose kink is reported: first those where yours is not autodiff's."""
    own = [at for at in slopes if verdicts.get(at) is Verdict.KINK]
    return own + [at for at in slopes if verdicts.get(at) is Verdict.RIGHT]


def _is_unasked(leaf: LeafCase, at: int, evidence: Evidence) -> bool:
    """Whether an element could be at a kink, and no room was left to take its one-sided slopes."""
    yours, difference = leaf.received.usable, evidence.elements[leaf.place(at)]
    if yours is None or difference.forward is not None or np.iscomplexobj(leaf.autodiff):
        return False
    return may_be_kink(scalar(yours, at), difference, tolerance_at(leaf.tolerance, difference.value, at))


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
            f"autodiff does not decide everywhere in `{name}` (kinks, or a rule of its own), and finite differences "
            f"did not get to {plural(len(unseen), 'element')} that differ from it (`--full`, `--max-evals`)"
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


def _notes(leaf: LeafCase, by_differences: list[int], expected_off: list[int], evidence: Evidence) -> tuple[str, ...]:
    name, notes = leaf.received.name, []
    if by_differences:
        at = by_differences[0]
        place = leaf.place(at)
        difference = evidence.elements[place]
        where, value = index_text(place[1]) or "its one element", scalar(leaf.autodiff, at)
        judged = f"{plural(len(by_differences), 'element').capitalize()} were judged by finite differences."
        if np.isfinite(value):
            notes.append(
                f"Autodiff is the odd one out for `{name}` (at {where}: {number(value)}, finite differences "
                f"{number(difference.value)}): a custom rule, `stop_gradient` or tie inside the forward. {judged}"
            )
        else:
            notes.append(
                f"Autodiff is not finite for `{name}` (at {where}: {number(value)}, finite differences "
                f"{number(difference.value)}): an infinite slope inside the forward meets a zero. {judged}"
            )
    if expected_off:
        notes.append(
            f"`{name}` is straight-through, as expected: yours and autodiff agree, and the function's slope differs."
        )
    return tuple(notes)
