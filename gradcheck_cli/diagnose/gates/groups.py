"""Sums within groups, as a softmax over each node's edges takes them, that run over all elements on the way back.

What a forward sums within groups and hands back to each of their elements, its backward sums within them, too. Here it
sums over all. What is the same within a group may stand inside that sum or outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.paths import after, uses_of
from gradcheck_cli.diagnose.gates.replacements import Kind, Replacement, operand_of
from gradcheck_cli.diagnose.gates.reverse import Array, Known, Row
from gradcheck_cli.graph.values import function_of

STEPS, CLOSE = 4, 1e-9
"""Elementwise steps after the sums that are followed, and how far what is one number within a group may vary."""

SAID = "{adds} up over all elements where {place} adds up within groups"


@dataclass(frozen=True)
class _Sums:
    """Sums within groups of the elements of one vector.

    Attributes:
        source, result: the vector, and by element the sum of its group.
        same: by two elements, 1 where they are of one group, else 0.
        position, operand: of the step that adds up.
    """

    source: int
    result: int
    same: Array
    position: int
    operand: int


def of_groups(forward: Forward, known: Known, factors: NDArray[np.float64]) -> Iterator[Replacement]:
    """All such sums that are taken over all elements.

    Args:
        factors: of a row: nothing flows back to what cancels in the right gradient, as the maximum in a softmax.
    """
    uses = uses_of(forward)
    for sums in _sums(forward, known):
        for value, inner in after(sums.result, np.ones(len(sums.same)), uses, forward, known, STEPS):
            above, seen = known.arriving[value], list[Array]()
            right = sums.same @ (inner * above)
            for wrong in _over_all(inner, above, sums.same, known):
                change = wrong - right
                if np.isfinite(change).all() and change.any() and not any(np.allclose(change, one) for one in seen):
                    seen.append(change)
                    key = forward.unit[sums.position], forward.unit[forward.maker[value]], len(seen), "groups"
                    row = Row(entering={sums.source: change}, factors=factors)
                    yield Replacement(key, Kind.COUNTED, row, sums.position, sums.operand, sums.source, said=SAID)


def _over_all(inner: Array, above: Array, same: Array, known: Known) -> Iterator[Array]:
    """The sum of `inner * above` over all, with what is one number within each group inside or outside."""
    weights = [np.ones(len(same)), inner, *(value for value in known.values.values() if value.shape == inner.shape)]
    for weight in weights:
        if weight.dtype.kind == "f" and np.isfinite(weight).all() and weight.all():
            ratio = inner / weight
            mean = same @ ratio / same.sum(axis=1)
            if (np.abs(ratio - mean) <= CLOSE * np.abs(ratio).max()).all():
                yield ratio * float(weight @ above)


def _sums(forward: Forward, known: Known) -> Iterator[_Sums]:
    for position, alive in forward.alive.items():
        name = str(forward.steps.steps[position].equation.primitive.name)
        if len(forward.turns[forward.unit[position]]) > 1 or name not in ("dot_general", "scatter-add"):
            continue
        for k in alive:
            found = _product(position, k, forward, known) if name == "dot_general" else None
            if name == "scatter-add" and k == 2:
                found = _scattered(position, forward, known)
            if found is not None and {found.source, found.result} <= known.arriving.keys():
                yield found


def _product(position: int, k: int, forward: Forward, known: Known) -> _Sums | None:
    """A product with a constant matrix that says which elements are of one group."""
    matrix, source = operand_of(position, 1 - k, forward, known), forward.operand(position, k)
    other = forward.operand(position, 1 - k)
    if source is None or (other is not None and other in forward.before) or not _is_of_groups(matrix):
        return None
    result = forward.result(position)
    if known.values[source].shape != matrix.shape[:1] or known.values[result].shape != matrix.shape[:1]:
        return None
    return _Sums(source, result, np.asarray(matrix, np.float64), position, k)


def _scattered(position: int, forward: Forward, known: Known) -> _Sums | None:
    """Sums that are gathered again for each element: what one of them reaches is seen by unit vectors."""
    source, total = forward.operand(position, 2), forward.result(position)
    for at, _ in forward.uses.get(total, ()):
        step, result = forward.steps.steps[at] if at < len(forward.steps.steps) else None, None
        if step is None or step.equation.primitive.name != "gather" or source is None:
            continue
        result = forward.result(at)
        array = known.values[source]
        if array.ndim != 1 or known.values[result].shape != array.shape:
            continue
        zero, indices = operand_of(position, 0, forward, known), operand_of(position, 1, forward, known)
        taken = [operand_of(at, k, forward, known) for k in range(1, len(step.operands))]
        add, take = function_of(forward.steps.steps[position]), function_of(step)
        columns = [take(add(np.zeros_like(zero), indices, unit)[0], *taken)[0] for unit in np.eye(len(array))]
        same = np.stack([np.asarray(column) for column in columns])
        if _is_of_groups(same):
            return _Sums(source, result, same, position, 2)
    return None


def _is_of_groups(matrix: Array) -> bool:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isin(matrix, (0, 1)).all():
        return False
    numbers = np.asarray(matrix, np.float64)
    return bool((numbers == numbers.T).all() and (numbers @ numbers == numbers * numbers.sum(axis=1)).all())
