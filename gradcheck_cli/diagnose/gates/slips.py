"""A backward that goes back through a step with something in the wrong place: where it does, and what that changes.

What is handed back at a site depends linearly on the gradient that arrives there. In a loop, where a turn's change
flows on to the turns before it, changes are made anew until what arrives no longer moves: as many times as there are
turns.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.replacements import Kind, Replacement
from gradcheck_cli.diagnose.gates.reverse import Array, Known, Reverse, Row

MOST_TURNS = 64
"""Of a loop whose turns' changes flow into one another: each takes a reverse pass."""


@dataclass(frozen=True)
class Site:
    """One place on the way back.

    Attributes:
        reads: the value whose gradient the change is made of; that before the change, where it is the one that it
            enters.
        enters: the value at which the change enters.
        change: what is handed back there less what should be.
    """

    reads: int
    enters: int
    change: Callable[[Array], Array]


@dataclass(frozen=True)
class Slip:
    """The same thing in the wrong place, in each turn of a loop.

    Attributes:
        key: the same in another case.
        said: what the gradient does, with `{place}` for the expression, `{other}` for the step's other operand and
            `{value}` for the value that it is about.
        mend: what to do instead, with the same marks.
        code: of the rule, where the kind does not say it.
    """

    key: Hashable
    kind: Kind
    sites: tuple[Site, ...]
    position: int
    operand: int
    said: str
    mend: str = ""
    about: int | None = None
    code: str = ""

    def replacement(self, row: Row, forward: Forward) -> Replacement:
        """The slip as one more wrong backward."""
        target = forward.operand(self.position, self.operand)
        assert target is not None
        return Replacement(
            self.key,
            self.kind,
            row,
            self.position,
            self.operand,
            target,
            said=self.said,
            mend=self.mend,
            about=self.about,
            code=self.code,
        )


Pair = tuple[Slip, Row]
"""A slip with its backward."""


def rows_of(slips: Sequence[Slip], known: Known, reverse: Reverse, forward: Forward) -> tuple[list[Pair], list[Pair]]:
    """The backward of each slip that changes anything; apart, those that `settled` must be asked for."""
    above = _above(forward)
    found: list[Pair] = []
    chained: list[Pair] = []
    left = reverse.most
    for slip in slips:
        row = Row(entering=_entering(slip, known.arriving, {}))
        if not any(change.any() for change in row.entering.values()):
            continue
        if not _is_chained(slip, above):
            found.append((slip, row))
        elif len(slip.sites) < left and len(slip.sites) <= MOST_TURNS:
            left -= 1 + len(slip.sites)
            chained.append((slip, row))
    return found, chained


def settled(pairs: Sequence[Pair], reverse: Reverse) -> Iterator[Pair]:
    """Those whose changes come to rest, in their order."""
    found: dict[int, Row] = {}
    left = deque((number, row, len(slip.sites)) for number, (slip, row) in enumerate(pairs))
    while left:
        batch = [left.popleft() for _ in range(min(reverse.rows, len(left)))]
        arriving = reverse.arriving([row for _, row, _ in batch])
        for place, (number, row, turns) in reversed(list(enumerate(batch))):
            again = _entering(pairs[number][0], {value: rows[place] for value, rows in arriving.items()}, row.entering)
            if all(np.allclose(change, row.entering[value], rtol=1e-12, atol=0) for value, change in again.items()):
                found[number] = row
            elif turns:
                left.appendleft((number, Row(entering=again), turns - 1))
    return ((pairs[number][0], found[number]) for number in sorted(found))


def _entering(slip: Slip, arriving: Mapping[int, Array], before: Mapping[int, Array]) -> dict[int, Array]:
    entering: dict[int, Array] = {}
    for site in slip.sites:
        gradient = arriving[site.reads]
        if site.reads == site.enters:
            gradient = gradient - before.get(site.reads, 0.0)
        entering[site.enters] = entering.get(site.enters, 0.0) + site.change(gradient)
    return entering


def _above(forward: Forward) -> dict[int, int]:
    """By value, the values that it is made of, one bit each."""
    above: dict[int, int] = {}
    for position, step in enumerate(forward.steps.steps):
        values = [forward.operand(position, k) for k in forward.alive.get(position, ())]
        bits = 0
        for value in values:
            if value is not None:
                bits |= above.get(value, 0) | 1 << value
        above.update((result, bits) for result in step.results)
    return above


def _is_chained(slip: Slip, above: Mapping[int, int]) -> bool:
    """Whether what enters at one site reaches another."""
    reads = 0
    for site in slip.sites:
        reads |= 1 << site.reads
    return any((above.get(site.enters, 0) | 1 << site.enters) & reads & ~_own(site) for site in slip.sites)


def _own(site: Site) -> int:
    return 1 << site.reads if site.reads == site.enters else 0
