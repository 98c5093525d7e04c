"""Contributions that are to add up, and overwrite each other: an index that occurs twice, windows that overlap.

A step that takes elements of a value, by an index or as a window, hands the gradient back to where it took them. What
is taken several times, by one step or by the turns of a loop, receives a sum. Each replacement here is another share of
its terms: the last alone, the first alone, their mean.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.replacements import Kind, Replacement
from gradcheck_cli.diagnose.gates.reverse import Array, Known, Row
from gradcheck_cli.diagnose.gates.taking import TAKING, base_of, sources_of

INDEX = "where an index of {place} occurs more than once"
TAKEN = "where elements of {value} are taken more than once, in {place}"
WINDOWS = "where windows of {value} overlap, in {place}"
PARTS = "where {place} and other parts of {value} overlap"
ALONE = "only what comes through the part of {value} in {place} where other uses of it contribute, too"
LAST, FIRST = "only the last contribution", "only the first contribution"

NOTHING = 1e-12
"""Of the gradient that arrives, a change that is rounding."""


@dataclass(frozen=True)
class _Taken:
    """What some steps take of one value, in the order of the forward.

    Attributes:
        sources: by element that is taken, where it is in the value.
        step: by element that is taken, which of the steps takes it.
        above: by element that is taken, the gradient that arrives there.
        size: how many elements the value has.
    """

    sources: NDArray[np.intp]
    step: NDArray[np.intp]
    above: Array
    size: int

    @property
    def counts(self) -> NDArray[np.intp]:
        """How often each element of the value is taken."""
        return np.bincount(self.sources, minlength=self.size)

    def given_back(self, shares: Array) -> Array:
        """What the value receives, element by element, where each term counts with its share."""
        return np.bincount(self.sources, shares * self.above, self.size)

    @property
    def within(self) -> NDArray[np.intp]:
        """By element that is taken, a number for its step and where it is in the value."""
        return self.step * self.size + self.sources

    @property
    def repeats_within(self) -> bool:
        """Whether one step takes an element more than once."""
        return np.unique(self.within).size < self.sources.size


def of_overwriting(forward: Forward, known: Known) -> Iterator[Replacement]:
    """All shares of what a value receives from the steps that take elements of it."""
    for base, positions in _by_base(forward, known).items():
        arriving = known.arriving[base]
        by_unit: dict[Hashable, list[int]] = defaultdict(list)
        for position in positions:
            by_unit[forward.unit[position]].append(position)
        # by what is said: in another case the last contribution may not be what the first one is
        seen: dict[str, list[Array]] = {}
        room = NOTHING * float(np.abs(arriving).max(initial=0))
        for group in (*by_unit.values(), *([positions] if len(by_unit) > 1 else [])):
            key = tuple(dict.fromkeys(forward.unit[position] for position in group))
            taken = _taken(group, base, forward, known)
            for kind, said, change in (*_shared(taken, len(key)), *_alone(taken, arriving.reshape(-1))):
                before = seen.setdefault(said, [np.zeros(arriving.size)])
                if any(float(np.abs(change - other).max(initial=0)) <= room for other in before):
                    continue
                before.append(change)
                row = Row(entering={base: change.reshape(arriving.shape)})
                yield Replacement((key, kind, said), kind, row, group[0], 0, base, said=said, steps=len(key))


def _by_base(forward: Forward, known: Known) -> dict[int, list[int]]:
    """By value, the steps that take elements of it."""
    found: dict[int, list[int]] = defaultdict(list)
    for position, step in enumerate(forward.steps.steps):
        if step.equation.primitive.name in TAKING and 0 in forward.alive.get(position, ()):
            base = base_of(position, forward)
            if base in known.arriving and forward.result(position) in known.arriving:
                found[base].append(position)
    return found


def _taken(positions: Sequence[int], base: int, forward: Forward, known: Known) -> _Taken:
    sources = [sources_of(position, forward, known) for position in positions]
    above = np.concatenate([known.arriving[forward.result(position)].reshape(-1) for position in positions])
    step = np.repeat(np.arange(len(positions)), [one.size for one in sources])
    everywhere = np.concatenate(sources)
    # what an index beyond the end reads is no element
    inside = everywhere >= 0
    size = known.values[base].size
    return _Taken(everywhere[inside], step[inside], above[inside], size)


Change = tuple[Kind, str, Array]
"""What is said of a wrong backward, and what it adds to the value's gradient."""


def _shared(taken: _Taken, units: int) -> Iterator[Change]:
    """Other shares of what is taken several times."""
    counts = taken.counts
    if counts.max(initial=0) < 2:
        return
    where = PARTS if units > 1 else INDEX if taken.repeats_within else WINDOWS
    for said, shares in (*_in_each_step(taken), *_over_all(taken)):
        yield Kind.OVERWRITTEN, f"{said} {where}", taken.given_back(shares - 1)
    own = counts[taken.sources]
    # where all are taken as often, it is a factor
    if (own != own[0]).any():
        yield Kind.AVERAGED, f"the contributions {where}", taken.given_back(1 / own - 1)


def _alone(taken: _Taken, arriving: Array) -> Iterator[Change]:
    """Nothing of what other uses contribute to the elements that are taken; where that is all, it is a path."""
    is_taken = taken.counts > 0
    if is_taken.all():
        return
    for shares in (np.ones(taken.sources.size), *(shares for _, shares in _over_all(taken))):
        yield Kind.OVERWRITTEN, ALONE, np.where(is_taken, taken.given_back(shares) - arriving, 0.0)


Shares = tuple[str, Array]
"""Which terms are kept, and the share of each."""


def _in_each_step(taken: _Taken) -> Iterator[Shares]:
    """`+=` by an index adds once in each step."""
    order = np.arange(taken.sources.size)
    yield LAST, _first_of(taken.within, -order)
    yield FIRST, _first_of(taken.within, order)


def _over_all(taken: _Taken) -> Iterator[Shares]:
    """`=` forgets what another step has left there."""
    order = np.arange(taken.sources.size)
    yield LAST, _first_of(taken.sources, -order)
    yield FIRST, _first_of(taken.sources, order)
    # the steps backwards, the elements of each forwards
    yield FIRST, _first_of(taken.sources, taken.step * order.size - order)
    is_nothing = taken.above == 0
    if is_nothing.any():  # only the winner of each window is written
        behind = 2 * order.size * is_nothing
        yield LAST, _first_of(taken.sources, behind - order)
        yield FIRST, _first_of(taken.sources, behind + order)


def _first_of(groups: NDArray[np.intp], order: NDArray[np.intp]) -> Array:
    """1 at the element of each group that is first in an order, else 0."""
    sequence = np.lexsort((order, groups))
    is_first = np.ones(groups.size)
    is_first[1:] = groups[sequence][1:] != groups[sequence][:-1]
    shares = np.zeros(groups.size)
    shares[sequence] = is_first
    return shares
