"""Kinks that several elements meet together: each may be between its own slopes, and all of them no gradient.

Where two entries tie for a maximum, each alone has the slopes 0 and g, and may take either. Moved together by the same
amount they move the maximum by g, smoothly: what both take must add up to g. So elements whose kinks share an output
are moved together, by equal steps, and the sum of what yours gives them must lie between the slopes along that line.

Equal steps only. Along other signs the test would be wrong for a difference of kinks: relu(a) - relu(b) at 0 has slope
1 on both sides along (1, -1), and ReLU'(0) = 0, which is nobody's mistake, gives 0. Along (1, 1) one convention for
both is always between the slopes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gradcheck_cli.judge.evidence.differencer import Place
from gradcheck_cli.judge.evidence.evidence import Evidence
from gradcheck_cli.judge.kinks.slopes import kink
from gradcheck_cli.judge.words import number
from gradcheck_cli.witnesses.gradients import Difference

MOST_LINES = 24
"""How many lines are looked along, for one draw."""

MATERIAL = 1e-5
"""Sums count as different above this share of the slopes: a smaller difference is the finite difference's."""


@dataclass(frozen=True)
class Fault:
    """Elements that are each between their slopes, and together are not.

    Attributes:
        places: the elements.
        total: what yours gives them together.
        lower, upper: the slopes along the line on which they move together by equal steps; equal where it is smooth.
        text: a sentence that says so.
        several: several kinks meet inside one output, so that the function's own slopes do not bound what the chain
            rule may give: this is no proof.
    """

    places: tuple[Place, ...]
    total: float
    lower: float
    upper: float
    text: str = ""
    several: bool = False

    @property
    def excess(self) -> float:
        """How far the total is beyond the nearest slope."""
        return self.total - min(max(self.total, self.lower), self.upper)


def faults(
    kinked: Mapping[Place, Difference],
    doubtful: frozenset[Place],
    yours: Callable[[Place], float],
    tolerance: Callable[[Place], float],
    name: Callable[[Place], str],
    evidence: Evidence,
) -> tuple[Fault, ...]:
    """The lines along which yours is no slope.

    Args:
        kinked: the elements at kinks, with their one-sided differences.
        doubtful: those among them that no other witness confirms; lines without any of them are not looked along.
        yours, tolerance, name: of an element; its name is the user's own, `dx[0, 1]`.
        evidence: asked for the derivatives along the lines.
    """
    found = []
    for line in lines(kinked):
        if not doubtful & set(line):
            continue
        along = evidence.look_together(line)
        if along is None or along.jump > 0 or along.one_sided_error is None or along.one_sided_error == float("inf"):
            continue
        slack = sum(tolerance(place) for place in line)
        both = kink(along, slack)
        middle = float(along.value.real)
        lower, upper = (both.lower, both.upper) if both is not None else (middle, middle)
        total = sum(yours(place) for place in line)
        # The error bar of a smooth line counts once on each side.
        slack += along.one_sided_error + MATERIAL * sum(abs(yours(place)) for place in line)
        if lower - slack <= total <= upper + slack:
            continue
        evidence.look_around(line)
        several = any(evidence.elements[place].several for place in line)
        text = _text([name(place) for place in line], total, lower, upper)
        found.append(Fault(tuple(line), total, lower, upper, text, several))
    return tuple(found)


def _text(names: Sequence[str], total: float, lower: float, upper: float) -> str:
    shown = [f"`{name}`" for name in names[:4]]
    together = f"{', '.join(shown[:-1])} and {shown[-1]}"
    if len(names) > 4:
        together = f"{', '.join(shown)} and {len(names) - 4} more"
    slope = f"has the slopes {number(lower)} and {number(upper)}"
    if upper - lower <= MATERIAL * (abs(upper) + abs(lower)):
        slope = f"has the slope {number((lower + upper) / 2)} on both sides"
    return f"they meet at one kink: moving {together} together {slope}, and yours add up to {number(total)}"


def lines(kinked: Mapping[Place, Difference]) -> list[tuple[Place, ...]]:
    """Elements whose kinks share an output: all of them together, and neighbours among them in pairs."""
    by_output: dict[int, list[Place]] = {}
    for place, difference in kinked.items():
        for output in difference.kinked if difference.jump == 0 else ():
            by_output.setdefault(output, []).append(place)
    groups = [tuple(sorted(group)) for group in by_output.values() if len(group) > 1]
    pairs = [pair for group in groups if len(group) > 2 for pair in pairwise(group)]
    return list(dict.fromkeys([*groups, *pairs]))[:MOST_LINES]


def faulty(found: Sequence[Fault], doubtful: frozenset[Place]) -> dict[Place, Fault]:
    """Which elements the faults speak against: those that no other witness confirms; the shortest line of each."""
    by_place: dict[Place, Fault] = {}
    for fault in sorted(found, key=lambda fault: len(fault.places)):
        for place in fault.places:
            if place in doubtful:
                by_place.setdefault(place, fault)
    return by_place
