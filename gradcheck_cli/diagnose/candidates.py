"""The sets of edges that a backward may get wrong together: what a user calls one path may be several edges.

`h * h` uses `h` twice; a loop writes one line's edge once for each turn; and a backward that overwrites a gradient
where it should add to it keeps one use of a value and loses all others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Any

from gradcheck_cli.diagnose.edges import Edge, Edges, step_of
from gradcheck_cli.diagnose.places import Places
from gradcheck_cli.graph.steps import Steps

MOST_USES = 6
"""Uses of one value of which any may be wrong together: 56 ways."""


class Kind(StrEnum):
    """What the edges of a candidate have in common."""

    CHAIN = "chain"
    """They follow each other, and one flow goes along all of them."""
    EXPRESSION = "expression"
    """One expression uses one value several times."""
    LOOP = "loop"
    """All turns of a loop."""
    LATER = "later"
    """All turns of a loop but the first, to which another value comes."""
    EARLIER = "earlier"
    """All turns of a loop but the last."""
    REST = "rest"
    """Several uses of a value, such as all but one."""
    LEAF = "leaf"
    """All uses of an input."""


@dataclass(frozen=True)
class Turn:
    """One turn of a loop: the how many-th, from 0, and of how many."""

    number: int
    count: int

    def is_same(self, other: Turn) -> bool:
        """Whether this is that turn of a loop that may have another length, counted from the start or from the end."""
        return self.number == other.number or self.count - self.number == other.count - other.number


@dataclass(frozen=True)
class Candidate:
    """Edges whose contribution a backward may get wrong as one.

    Attributes:
        classes: what is scaled, by number of the class.
        edges: any one of them names the path, where it is a chain; else all belong to it.
        key: the same for the same candidate of another case, whose arrays have other sizes and loops other lengths.
        turn: of a chain in a loop.
        is_parallel: no path runs through two of the classes; the gradient is a linear function of their factor.
    """

    kind: Kind
    classes: tuple[int, ...]
    edges: tuple[Edge, ...]
    key: Hashable
    turn: Turn | None = None
    is_parallel: bool = True


def candidates_of(steps: Steps, edges: Edges, places: Places) -> list[Candidate]:
    """All of them, chains first; each set of classes once."""
    found: dict[tuple[int, ...], Candidate] = {}
    for kind, key, group, turn in _groups(steps, edges, places):
        classes = tuple(sorted({edges.class_of[edge] for edge in group}))
        if classes not in found and (kind is Kind.CHAIN or len(classes) > 1):
            first = tuple(sorted(group, key=lambda edge: (edge.position, edge.operand)))
            found[classes] = Candidate(kind, classes, first, (kind, key), turn, edges.are_parallel(classes))
    return list(found.values())


Group = tuple[Kind, Any, Sequence[Edge], Turn | None]


def _groups(steps: Steps, edges: Edges, places: Places) -> Iterator[Group]:
    ordered = sorted(edges.class_of, key=lambda edge: (edge.position, edge.operand))
    uses = _by(ordered, places.use)
    turns = {
        edge: Turn(number, len(group))
        for group in uses.values()
        if _is_loop(group, places) and len({edges.class_of[edge] for edge in group}) == len(group)
        for number, edge in enumerate(group)
    }
    for chain in _by(ordered, edges.class_of.__getitem__).values():
        if not _is_half(chain, edges, steps):
            turn = next((turns[edge] for edge in chain if edge in turns), None)
            yield Kind.CHAIN, places.use(chain[0]), chain, turn
    nowhere = Turn(0, 1)
    for group in _by(
        ordered, lambda edge: (edge.value, places.chain(edge) or edge.position, turns.get(edge, nowhere).number)
    ).values():
        yield Kind.EXPRESSION, places.use(group[0]), group, turns.get(group[0])
    loops = [group for group in uses.values() if _is_loop(group, places)]
    loops += [
        group
        for group in _by(ordered, lambda edge: (places.made(edge.value), places.chain(edge))).values()
        if len({edge.value for edge in group}) > 1 and len({edge.operand for edge in group}) > 1
    ]
    for group in loops:
        key = places.use(group[0])
        yield Kind.LOOP, key, group, None
        made = [[edge for edge in group if edge.value in places.maker], group[1:]]
        for later in made:
            if len(later) < len(group):
                yield Kind.LATER, key, later, None
        yield Kind.EARLIER, key, group[:-1], None
    for family in _by(ordered, lambda edge: places.made(edge.value)).values():
        several = _by(family, lambda edge: _one_use(edge, steps, places))
        # of many uses a backward keeps one or forgets one, such as a state's but for where it leaves its loop
        least = 2 if len(several) <= MOST_USES else len(several) - 1
        for count in range(least, len(several)):
            for uses_together in combinations(several, count):
                yield Kind.REST, uses_together, [edge for use in uses_together for edge in several[use]], None
    for value in steps.inputs:
        yield Kind.LEAF, value, edges.uses.get(value, ()), None


def _one_use(edge: Edge, steps: Steps, places: Places) -> Hashable:
    """What takes many values side by side, as a stack of a loop's states does, uses them in one way."""
    step = step_of(edge, steps)
    many = step is not None and len(step.operands) > 2 and places.chain(edge)
    return (places.chain(edge), step.equation.primitive.name) if step is not None and many else places.use(edge)


def _is_loop(group: Sequence[Edge], places: Places) -> bool:
    """Whether one line made these edges of one kind, once a turn."""
    return len(group) > 1 and bool(places.chain(group[0]))


def _by(edges: Iterable[Edge], key: Any) -> dict[Any, list[Edge]]:
    groups: dict[Any, list[Edge]] = defaultdict(list)
    for edge in edges:
        groups[key(edge)].append(edge)
    return groups


def _is_half(chain: Sequence[Edge], edges: Edges, steps: Steps) -> bool:
    """Whether a step uses the value twice, as `h * h` does: nobody drops one of the two."""
    return any(
        other.position == edge.position and other != edge
        for edge in chain
        if step_of(edge, steps) is not None
        for other in edges.uses[edge.value]
    )
