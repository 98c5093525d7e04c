"""Which edges explain what is wrong with the gradients of one case: yours = g(0) + α · what flows along the edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.cause import is_wrong
from gradcheck_cli.diagnose.edges import Candidate, Edge, Edges, candidates_of, edges_of
from gradcheck_cli.diagnose.flows import Flows
from gradcheck_cli.graph.steps import Steps, steps_of
from gradcheck_cli.judge.verdict import AUTODIFF, DrawVerdict, LeafVerdict
from gradcheck_cli.report.model import Status
from gradcheck_cli.tracing.forward import reference_leaves
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.subject import Subject

Vector = NDArray[Any]

DROPPED = -1.0
SIMPLE = (DROPPED, -2.0, 1.0, -0.5)
"""α of a path that is dropped, has the wrong sign, is counted twice, is halved: tried before any other number."""

MOST_STEPS = 600
"""Steps of a forward above which nobody is blamed: compiling takes some 5 ms a step."""

MOST_CANDIDATES = 4_000

MOST_VALUES = 2**25
"""Gradients of all candidates together, in numbers: 256 MiB. Above, smaller sizes (`--dim`) would tell as well."""

REST = 1e-3
"""How much of the error an edge may leave unexplained, whatever the tolerances allow."""

CLEAR = 20.0
"""The error is this many times the tolerances, or nothing is read out of it: rounding fits many edges."""

NOTHING = 1e-10
"""A flow of less than this share of the gradient is none: a path that cancels."""


@dataclass(frozen=True)
class Explanation:
    """One candidate that explains the error of a case.

    Attributes:
        factor: α; −1 is a path that is missing.
        rest: what it leaves unexplained, relative to the error.
        edge: by which the path is named.
        is_fan_out: that edge leaves a value that is used elsewhere too.
        is_part: the same expression has other uses of that value, or other turns, which are right.
        shares: by leaf that is wrong, what the gradient's own multiple c is where the error is c times it; None where
            it is no multiple. Where all are the same in all draws, the gradients have a factor, and no path is wrong.
    """

    candidate: Candidate
    factor: float
    rest: float
    edge: Edge
    is_fan_out: bool
    is_part: bool
    shares: tuple[tuple[str, float | None], ...]


@dataclass(frozen=True)
class Case:
    """One failing case: its forward's steps, and the edges that explain what is wrong there."""

    steps: Steps
    explanations: tuple[Explanation, ...]


def explain(subject: Subject, verdict: DrawVerdict) -> Case | None:
    """The edges that explain all that is wrong in this case; None where it is none that blame can speak of."""
    traced = subject.traced
    leaves = _leaves(verdict)
    if not isinstance(traced, Trace) or leaves is None or traced.steps > MOST_STEPS:
        return None
    steps = steps_of(traced)
    edges = edges_of(steps)
    candidates = candidates_of(steps, edges)
    elements = sum(leaf.value.size for leaf in subject.case.leaves)
    if not candidates or len(candidates) > MOST_CANDIDATES or (len(candidates) + 1) * elements > MOST_VALUES:
        return None
    given = reference_leaves(subject.case)
    flows = Flows(steps, edges, given, subject.upstream.flat, rows=len(candidates) + 1, device=subject.device)
    factors = np.ones((len(candidates) + 1, edges.classes))
    for row, candidate in enumerate(candidates, 1):
        factors[row, list(candidate.classes)] = 0.0
    gradients = flows.gradients(factors)
    return Case(steps, tuple(_explaining(steps, candidates, edges, gradients, leaves)))


def _leaves(verdict: DrawVerdict) -> list[tuple[int, LeafVerdict]] | None:
    """The leaves with their positions; None unless at least one is wrong, and each is right or wrong by autodiff."""
    found = []
    for position, leaf in enumerate(verdict.leaves):
        if leaf.yours is None and leaf.status is Status.PASS:  # none was asked for
            continue
        if leaf.yours is None or leaf.reference is None or leaf.tolerance is None or leaf.decided_by != AUTODIFF:
            return None
        if not np.isfinite(leaf.yours).all() or not np.isfinite(leaf.reference).all():
            return None
        found.append((position, leaf))
    return found if any(is_wrong(leaf) for _, leaf in found) else None


@dataclass(frozen=True)
class _Error:
    """All leaves of a case in one row: yours, the gradient, how far they are apart, how far they may be."""

    parts: tuple[tuple[str, slice], ...]
    gradient: Vector
    error: Vector
    tolerance: Vector

    @property
    def size(self) -> float:
        """The error's length."""
        return float(np.linalg.norm(self.error))


def _explaining(
    steps: Steps,
    candidates: Sequence[Candidate],
    edges: Edges,
    gradients: Sequence[Vector],
    leaves: Sequence[tuple[int, LeafVerdict]],
) -> list[Explanation]:
    rows = np.concatenate([gradients[position].reshape(len(candidates) + 1, -1) for position, _ in leaves], axis=1)
    known = _known(rows[0], leaves)
    if known is None:
        return []
    flows = rows[0] - rows[1:]
    sizes = np.einsum("ij,ij->i", flows, flows.conj()).real
    flowing = sizes > (NOTHING * np.linalg.norm(known.gradient)) ** 2
    shared = _Sharing(steps, edges, candidates, flowing)
    found = []
    for row, candidate in enumerate(candidates):
        if not flowing[row]:
            continue
        factor = float(np.real(np.vdot(flows[row], known.error)) / sizes[row])
        fitted = _fitted(factor, flows[row], known)
        if fitted is None or (candidate.is_loop and fitted[0] != DROPPED):
            continue
        edge = shared.telling(candidate)
        shares = _shares(fitted[0] * flows[row], known)
        is_part = shared.is_part(edge, candidate)
        found.append(Explanation(candidate, *fitted, edge, shared.is_fan_out(edge, candidate), is_part, shares))
    return found


def _known(gradient: Vector, leaves: Sequence[tuple[int, LeafVerdict]]) -> _Error | None:
    """What is wrong; None where it is too little, or these gradients are not those that yours were held against."""
    parts, yours, references, tolerances = [], [], [], []
    start = 0
    for _, leaf in leaves:
        assert leaf.yours is not None and leaf.reference is not None and leaf.tolerance is not None
        size = leaf.reference.size
        parts.append((leaf.received.leaf.name, slice(start, start + size)))
        start += size
        yours.append(np.asarray(leaf.yours, np.result_type(leaf.yours.dtype, np.float64)).reshape(-1))
        references.append(leaf.reference.reshape(-1))
        allowed = leaf.tolerance.at(np.abs(references[-1]), slice(0, size))
        tolerances.append(allowed if leaf.bars is None else allowed + leaf.bars.reshape(-1))
    tolerance, mine = np.concatenate(tolerances), np.concatenate(yours)
    if (np.abs(np.concatenate(references) - gradient) > tolerance).any():
        return None
    known = _Error(tuple(parts), gradient, mine - gradient, tolerance)
    return known if known.size > CLEAR * float(np.linalg.norm(tolerance)) else None


def _fitted(factor: float, flow: Vector, known: _Error) -> tuple[float, float] | None:
    """The factor, made simple where that explains as much, and the rest; None where too much is left."""
    rest = float(np.linalg.norm(known.error - factor * flow)) / known.size
    if not rest < REST:
        return None
    for simple in SIMPLE:
        if abs(simple - factor) <= 8 * abs(factor) * max(rest, 1e-12):
            factor = simple
    left = known.error - factor * flow
    if (np.abs(left) > known.tolerance * (1 + abs(factor))).any():
        return None
    return factor, float(np.linalg.norm(left)) / known.size


def _shares(error: Vector, known: _Error) -> tuple[tuple[str, float | None], ...]:
    shares: list[tuple[str, float | None]] = []
    for name, part in known.parts:
        wrong, gradient = error[part], known.gradient[part]
        size = float(np.linalg.norm(wrong))
        if size <= NOTHING * known.size:
            continue
        length = float(np.vdot(gradient, gradient).real)
        share = float(np.real(np.vdot(gradient, wrong))) / length if length else 0.0
        is_multiple = float(np.linalg.norm(wrong - share * gradient)) <= REST * size
        shares.append((name, share if is_multiple else None))
    return tuple(shares)


class _Sharing:
    """Which values are used more than once by what carries a gradient."""

    def __init__(self, steps: Steps, edges: Edges, candidates: Sequence[Candidate], flowing: NDArray[np.bool_]) -> None:
        self._steps = steps.steps
        self._edges = edges
        self._flowing = {c.classes[0] for c, flows in zip(candidates, flowing) if flows and len(c.classes) == 1}

    def is_fan_out(self, edge: Edge, candidate: Candidate) -> bool:
        """Whether the edge's value is used outside of the candidate too."""
        own = set(candidate.edges) if len(candidate.classes) > 1 else {edge}
        others = [other for other in self._edges.uses[edge.value] if other not in own]
        carried = any(self._edges.class_of[other] in self._flowing for other in others)
        return carried or edge.value in self._edges.outputs

    def is_part(self, edge: Edge, candidate: Candidate) -> bool:
        """Whether what the candidate leaves out of its expression carries a gradient from the same value."""
        place = self._steps[edge.position].place
        own = {self._edges.class_of[other] for other in candidate.edges}
        return place is not None and any(
            self._edges.class_of[other] in self._flowing - own and self._steps[other.position].place == place
            for other in self._edges.uses[edge.value]
        )

    def telling(self, candidate: Candidate) -> Edge:
        """The edge at which the path leaves a shared value, else its first."""
        if candidate.is_loop or len(candidate.classes) > 1:
            return candidate.edges[0]
        return next((edge for edge in candidate.edges if self.is_fan_out(edge, candidate)), candidate.edges[0])
