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
TAKEN = "where {place} takes an element more than once"
WINDOWS = "where windows of {value} overlap, in {place}"
PARTS = "where {place} and other parts of {value} overlap"


@dataclass(frozen=True)
class _Taken:
    """What some steps take of one value, in the order of the forward.

    Attributes:
        sources: by element that is taken, where it is in the value.
        step: by element that is taken, which of the steps takes it.
        above: by element that is taken, the gradient that arrives there.
    """

    sources: NDArray[np.intp]
    step: NDArray[np.intp]
    above: Array

    @property
    def repeats_within(self) -> bool:
        """Whether one step takes an element more than once."""
        pairs = np.stack([self.step, self.sources])
        return np.unique(pairs, axis=1).shape[1] < self.sources.size


def of_overwriting(forward: Forward, known: Known) -> Iterator[Replacement]:
    """All shares of what a value receives from the steps that take elements of it."""
    for base, positions in _by_base(forward, known).items():
        by_unit: dict[Hashable, list[int]] = defaultdict(list)
        for position in positions:
            by_unit[forward.unit[position]].append(position)
        groups = [*by_unit.values(), *([positions] if len(by_unit) > 1 else [])]
        seen: list[Array] = []
        for group in groups:
            key = tuple(dict.fromkeys(forward.unit[position] for position in group))
            taken = _taken(group, forward, known)
            where = PARTS if len(key) > 1 else INDEX if taken.repeats_within else WINDOWS
            for kind, said, change in _changes(taken, known.values[base].size):
                if any(np.array_equal(change, other) for other in seen):
                    continue
                seen.append(change)
                row = Row(entering={base: change.reshape(known.values[base].shape)})
                yield Replacement(
                    (key, kind, said), kind, row, group[0], 0, base, said=f"{said} {where}", steps=len(key)
                )


def _by_base(forward: Forward, known: Known) -> dict[int, list[int]]:
    """By value, the steps that take elements of it."""
    found: dict[int, list[int]] = defaultdict(list)
    for position, step in enumerate(forward.steps.steps):
        if step.equation.primitive.name in TAKING and 0 in forward.alive.get(position, ()):
            base = base_of(position, forward)
            if base in known.arriving and forward.result(position) in known.arriving:
                found[base].append(position)
    return found


def _taken(positions: Sequence[int], forward: Forward, known: Known) -> _Taken:
    sources = [sources_of(position, forward, known) for position in positions]
    above = np.concatenate([known.arriving[forward.result(position)].reshape(-1) for position in positions])
    step = np.repeat(np.arange(len(positions)), [one.size for one in sources])
    everywhere = np.concatenate(sources)
    # what an index beyond the end reads is no element
    inside = everywhere >= 0
    return _Taken(everywhere[inside], step[inside], above[inside])


def _changes(taken: _Taken, size: int) -> Iterator[tuple[Kind, str, Array]]:
    """What each share adds to the value's gradient, where that is anything."""
    counts = np.bincount(taken.sources, minlength=size)
    if counts.max(initial=0) < 2:
        return
    for said, shares in _shares(taken, counts[taken.sources], size):
        change = np.bincount(taken.sources, (shares - 1) * taken.above, size)
        if change.any():
            kind = Kind.AVERAGED if said == "the contributions" else Kind.OVERWRITTEN
            yield kind, said, change


def _shares(taken: _Taken, counts: NDArray[np.intp], size: int) -> Iterator[tuple[str, Array]]:
    order = np.arange(taken.sources.size)
    within = taken.step * size + taken.sources
    # `+=` by an index adds once in each step; `=` in a loop forgets what another turn has left there
    yield "only the last contribution", _first_of(within, -order)
    yield "only the last contribution", _first_of(taken.sources, -order)
    yield "only the first contribution", _first_of(taken.sources, taken.step * order.size - order)
    yield "only the first contribution", _first_of(within, order)
    yield "only the first contribution", _first_of(taken.sources, order)
    yield "only what the last turn contributes", _all_of(taken.sources, -taken.step, size)
    yield "only what the first turn contributes", _all_of(taken.sources, taken.step, size)
    # where all are taken as often, it is a factor
    if (counts != counts[0]).any():
        yield "the contributions", 1 / counts


def _first_of(groups: NDArray[np.intp], order: NDArray[np.intp]) -> Array:
    """1 at the element of each group that is first in an order, else 0."""
    sequence = np.lexsort((order, groups))
    is_first = np.ones(groups.size)
    is_first[1:] = groups[sequence][1:] != groups[sequence][:-1]
    shares = np.zeros(groups.size)
    shares[sequence] = is_first
    return shares


def _all_of(sources: NDArray[np.intp], order: NDArray[np.intp], size: int) -> Array:
    """1 at all elements of the step that is first in an order, of those that take the same element."""
    first = np.full(size, np.iinfo(np.intp).max)
    np.minimum.at(first, sources, order)
    return 1.0 * (first[sources] == order)
