"""Normalisers whose gradient is written down in closed form: the softmax in `p - y`, where the log-softmax was taken.

What goes back through them is that form, whatever arrives: a mistake elsewhere does not go on through it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gradcheck_cli.diagnose.edges import Edge, Edges, into_steps
from gradcheck_cli.graph.steps import Steps

MOST = 16
"""Steps of the logarithm of a sum of exponentials."""


@dataclass(frozen=True)
class Normaliser:
    """The `log(Σ …)` of one `x - log(Σ …)`.

    Attributes:
        edge: the second operand of the difference.
        waist: the steps that all of it goes through, by position, the last first.
    """

    edge: Edge
    waist: tuple[int, ...]


def normalisers_of(steps: Steps, edges: Edges) -> tuple[Normaliser, ...]:
    """All of them whose sum is made of x alone."""
    into: dict[int, list[Edge]] = {}
    for edge in into_steps(edges, steps):
        into.setdefault(edge.position, []).append(edge)
    maker = {result: position for position, step in enumerate(steps.steps) for result in step.results}
    found = []
    for position, ends in into.items():
        if steps.steps[position].equation.primitive.name != "sub" or len(ends) != 2:
            continue
        between = _between(ends[1].value, ends[0].value, maker, into)
        names = {steps.steps[at].equation.primitive.name for at, _ in between}
        if {"log", "reduce_sum"} <= names:
            found.append(Normaliser(ends[1], tuple(at for at, is_waist in between if is_waist)))
    return tuple(found)


def _between(
    after: int, before: int, maker: Mapping[int, int], into: Mapping[int, Sequence[Edge]]
) -> list[tuple[int, bool]]:
    """The steps from a value back to another, where it is made of that alone, and whether all goes through each."""
    left = {after}
    found: list[tuple[int, bool]] = []
    while left != {before}:
        latest = max(left, key=lambda value: maker.get(value, -1))
        if latest not in maker or len(found) == MOST:
            return []
        found.append((maker[latest], len(left) == 1))
        left = left - {latest} | {edge.value for edge in into.get(maker[latest], ())}
    return found
