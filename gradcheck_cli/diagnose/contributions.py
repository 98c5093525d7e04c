"""What flows to one input along the paths of the forward, from where they part: all of it adds up to the gradient."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.edges import Edge, Edges, edges_of, step_of
from gradcheck_cli.diagnose.explaining import MOST_STEPS, MOST_VALUES
from gradcheck_cli.diagnose.gates.reverse import Reverse, Row
from gradcheck_cli.diagnose.places import Places
from gradcheck_cli.diagnose.source import Use, use_at, use_of
from gradcheck_cli.diagnose.unrolling import unrolled
from gradcheck_cli.graph.steps import Steps
from gradcheck_cli.layers.case import Case
from gradcheck_cli.tracing.forward import reference_leaves
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.gradients import Upstream


@dataclass(frozen=True)
class Flow:
    """One of the paths.

    Attributes:
        use: where it parts from the others; None where no line of the user's is known.
        gradient: what it adds to the input's, in the input's shape.
    """

    use: Use | None
    gradient: NDArray[Any]


def flows_into(
    trace: Trace,
    case: Case,
    upstream: Upstream,
    leaf: int,
    device: str,
    read: Callable[[str], str],
    *,
    with_rules: bool = False,
) -> tuple[Flow, ...] | None:
    """All paths into one leaf, in the order of the forward; () where nothing depends on it; None where it is too large.

    Args:
        leaf: its position.
        read: the text of a file of the user's.
        with_rules: functions of JAX's with a rule of their own are taken as they are: what they are made of has
            another derivative at a kink.
    """
    given = reference_leaves(case)
    steps = unrolled(trace, given, MOST_STEPS, with_rules=with_rules)
    if len(steps.steps) > MOST_STEPS:
        return None
    edges, places = edges_of(steps), Places(steps, trace)
    lines = {path: read(path).splitlines() for path in trace.files}
    names = [each.name for each in case.leaves]
    parting = _parting(steps.inputs[leaf], edges, steps)
    groups: dict[Hashable, tuple[Use | None, list[Edge]]] = {}
    for edge in parting:
        use = _use(edge, parting, places, steps, names, lines)
        groups.setdefault(use or places.use(edge), (use, []))[1].append(edge)
    if (len(groups) + 1) * sum(each.value.size for each in case.leaves) > MOST_VALUES:
        return None
    if not groups:
        return ()
    factors = np.ones((len(groups) + 1, edges.classes))
    for row, (_, group) in enumerate(groups.values(), 1):
        factors[row, [edges.class_of[edge] for edge in group]] = 0.0
    program = Reverse(steps, edges, given, upstream.flat, edges.values, device=device)
    rows = program.gradients([Row(factors=one) for one in factors])[leaf]
    return tuple(Flow(use, rows[0] - without) for (use, _), without in zip(groups.values(), rows[1:]))


def _parting(value: int, edges: Edges, steps: Steps) -> Sequence[Edge]:
    """The uses of the input; of what is made of it, where that is all that it is used for: `h` in `h = x @ w`."""
    first = uses = edges.uses.get(value, ())
    while len(uses) == 1:
        step = step_of(uses[0], steps)
        if step is None or len(step.results) != 1:
            return first
        uses = edges.uses.get(step.results[0], ())
    return uses or first


def _use(
    edge: Edge, parting: Sequence[Edge], places: Places, steps: Steps, names: Sequence[str], lines: Any
) -> Use | None:
    if step_of(edge, steps) is None:
        return use_at(next(iter(places.chain_made(edge.value)), None), lines)
    others = [other for other in parting if other.position != edge.position]
    return use_of(edge, steps, names, lines, places.told(edge, others))
