"""A fit in the user's words: of the edges of one path the most telling, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from math import prod

from gradcheck_cli.diagnose.candidates import Candidate, Kind, Turn
from gradcheck_cli.diagnose.constants import Taken, told
from gradcheck_cli.diagnose.edges import Edge, step_of
from gradcheck_cli.diagnose.explaining import Case, Standing
from gradcheck_cli.diagnose.search import Part
from gradcheck_cli.diagnose.sizes import is_close
from gradcheck_cli.diagnose.source import Use, use_at, use_of
from gradcheck_cli.diagnose.wording import Path
from gradcheck_cli.graph.steps import Step

REDUCING = frozenset({"reduce_sum", "broadcast_in_dim"})
"""Steps that a sum is taken by, on the way forward or back."""

MOST_TOLD = 3
"""Uses of one value that are told one by one."""

LONGEST = 20
"""Steps that are followed along a path."""


class Naming:
    """Names the paths of one case.

    Args:
        lines: of each of the user's files.
    """

    def __init__(self, case: Case, stand: Standing, lines: Mapping[str, Sequence[str]]) -> None:
        self._case, self._lines = case, lines
        chains = {one.classes[0] for one in case.candidates if one.kind is Kind.CHAIN}
        self._flowing = {
            number
            for candidate, flows in zip(case.candidates, stand.flowing)
            if flows and candidate.kind in (Kind.CHAIN, Kind.EXPRESSION)
            for number in candidate.classes
            if candidate.kind is Kind.CHAIN or number not in chains  # one of two uses in one step: `h * h`
        }

    def telling(self, candidate: Candidate) -> Edge:
        """The edge at which the path leaves a shared value, else its first."""
        inner = [edge for edge in candidate.edges if step_of(edge, self._case.steps) is not None]
        if candidate.kind is not Kind.CHAIN:
            return (inner or candidate.edges)[0]
        return next(
            (edge for edge in candidate.edges if self.is_fan_out(edge, candidate)), (inner or candidate.edges)[0]
        )

    def split(self, part: Part) -> list[Part]:
        """A part whose edges are several uses of one value, as one part a use; others as they are."""
        if part.candidate.kind is not Kind.REST:
            return [part]
        case = self._case
        groups: dict[Hashable, list[Edge]] = {}
        for edge in part.candidate.edges:
            groups.setdefault(case.places.use(edge), []).append(edge)
        found = []
        for use, group in groups.items():
            count = sum(case.places.use(edge) == use for edge in case.edges.class_of)
            kind = Kind.CHAIN if count == 1 else Kind.LOOP if count == len(group) else Kind.LATER
            classes = tuple(sorted({case.edges.class_of[edge] for edge in group} & self._flowing))
            if classes:
                found.append(Part(Candidate(kind, classes, tuple(group), (kind, use)), part.factor))
        return found if len(found) <= MOST_TOLD else [part]

    def is_fan_out(self, edge: Edge, candidate: Candidate) -> bool:
        """Whether the edge's value is used outside of the candidate too."""
        own = {edge} if candidate.kind is Kind.CHAIN else set(candidate.edges)
        return any(
            self._case.edges.class_of[other] in self._flowing
            for other in self._case.edges.uses[edge.value]
            if other not in own
        )

    def path(self, part: Part, rest: float, turns: str, size: str, taken: Taken | None = None) -> Path | None:
        """The path in the user's words; None where no line of the user's is known."""
        case, edge = self._case, self.telling(part.candidate)
        use = self._use(edge)
        if use is None:
            return None
        is_part = self._is_part(edge, part.candidate)
        blame = use.blame(factor=part.factor, explains=1.0 - rest, is_part=is_part)
        sizes = case.subject.case.dimensions
        known = [f"{name} = {sizes[name]}" for name in dict.fromkeys(re.findall(r"\w+", size)) if name in sizes]
        upstream = self._upstream(edge)
        constant = told(taken, case, self._lines) if taken is not None else ""
        return Path(blame, size, ", ".join(known), self._reduces(part), turns, upstream, constant=constant)

    def _use(self, edge: Edge) -> Use | None:
        case, places = self._case, self._case.places
        if step_of(edge, case.steps) is None:
            return use_at(next(iter(places.chain_made(edge.value)), None), self._lines)
        others = (
            other
            for other in case.edges.uses[edge.value]
            if case.edges.class_of[other] in self._flowing and other.position != edge.position
        )
        names = [leaf.name for leaf in case.subject.case.leaves]
        return use_of(edge, case.steps, names, self._lines, places.told(edge, others))

    def _is_part(self, edge: Edge, candidate: Candidate) -> bool:
        """Whether what the candidate leaves out of its expression carries a gradient from the same value."""
        chain = self._case.places.chain(edge)
        own = {self._case.edges.class_of[other] for other in candidate.edges}
        return (
            bool(chain)
            and any(
                self._case.edges.class_of[other] in self._flowing - own
                and self._case.places.chain(other) == chain
                and other.position != edge.position
                for other in self._case.edges.uses[edge.value]
            )
            and candidate.turn is None
            and candidate.kind in (Kind.CHAIN, Kind.EXPRESSION)
        )

    def _upstream(self, edge: Edge) -> str:
        """What the upstream gradient is called, where the edge is an output."""
        if step_of(edge, self._case.steps) is not None:
            return ""
        number = edge.position - len(self._case.steps.steps)
        names = self._case.subject.case.layer.upstream_names
        return f"`{names[number]}`" if len(names) == len(self._case.steps.outputs) else f"number {number + 1}"

    def _reduces(self, part: Part) -> bool:
        """Whether the path is taken as often as what a sum on it has terms, as far as nothing else comes to it."""
        steps, uses = self._case.steps, self._case.edges.uses
        along = [edge for edge in part.candidate.edges if step_of(edge, steps) is not None]
        last = max(along, key=lambda edge: edge.position, default=None)
        for _ in range(LONGEST):
            step = step_of(last, steps) if last is not None else None
            after = uses.get(step.results[0], ()) if step is not None and len(step.results) == 1 else ()
            if len({edge.position for edge in after}) != 1 or step_of(after[0], steps) is None:
                break
            last = after[0]
            along.append(last)
            if len({operand.value for operand in steps.steps[last.position].operands} & set(uses)) > 1:
                break
        terms = [_terms(steps.steps[edge.position], edge.operand) for edge in along]
        often = 1 + part.factor
        return any(is_close(often, count) or is_close(often, 1 / count) for count in (*terms, prod(terms)) if count > 1)


def _terms(step: Step, operand: int) -> float:
    """How many terms a sum has that is taken over what goes in there, on the way forward or back; 1 without a sum."""
    before, after = step.equation.invars[operand].aval.shape, step.equation.outvars[0].aval.shape
    is_copied = before != after and len(before) == len(after) and all(a in (1, b) for a, b in zip(before, after))
    if not is_copied and step.equation.primitive.name not in REDUCING:
        return 1
    small, large = sorted([prod(before), prod(after)])
    return float(large) / float(max(small, 1))


def turns_of(one: Candidate, other: Candidate) -> str:
    """Which turns of a loop it is, as it holds in two cases; "" where it is none."""
    match one.kind:
        case Kind.LOOP:
            return "in every turn"
        case Kind.LATER:
            return "in all turns but the first"
        case Kind.EARLIER:
            return "in all turns but the last"
        case Kind.REST:
            return "nor through other uses of it"
    if one.turn is None or other.turn is None:
        return ""
    return _turn(one.turn, other.turn)


def _turn(one: Turn, other: Turn) -> str:
    if one.count - one.number == other.count - other.number == 1:
        return f"in the last turn (t = {one.number})"
    if one.number == other.number:
        return "in the first turn (t = 0)" if one.number == 0 else f"in one turn (t = {one.number})"
    return f"in turn {one.count - one.number} from the end (t = {one.number})"
