"""Normalisers whose gradient is written down in closed form: the softmax in `p - y`, where the log-softmax was taken.

What goes back through them is that form, whatever arrives: a mistake elsewhere does not go on through it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gradcheck_cli.diagnose.edges import Edge, Edges, into_steps
from gradcheck_cli.graph.steps import Steps

MOST = 16
"""Steps of the logarithm of a sum of exponentials."""


def normalisers_of(steps: Steps, edges: Edges) -> tuple[Edge, ...]:
    """The second operand of each `x - log(Σ …)` whose sum is made of x alone."""
    into: dict[int, list[Edge]] = {}
    for edge in into_steps(edges, steps):
        into.setdefault(edge.position, []).append(edge)
    maker = {result: position for position, step in enumerate(steps.steps) for result in step.results}
    found = []
    for position, ends in into.items():
        if steps.steps[position].equation.primitive.name == "sub" and len(ends) == 2:
            x, normaliser = ends
            names = [steps.steps[at].equation.primitive.name for at in _between(normaliser, x, maker, into)]
            if "log" in names and "reduce_sum" in names:
                found.append(normaliser)
    return tuple(found)


def _between(after: Edge, before: Edge, maker: Mapping[int, int], into: Mapping[int, Sequence[Edge]]) -> list[int]:
    """The steps from one edge's value to another's, where that is made of it alone; else nothing."""
    left, found = {after.value}, []
    while left != {before.value}:
        latest = max(left, key=lambda value: maker.get(value, -1))
        if latest not in maker or len(found) == MOST:
            return []
        found.append(maker[latest])
        left = left - {latest} | {edge.value for edge in into.get(maker[latest], ())}
    return found
