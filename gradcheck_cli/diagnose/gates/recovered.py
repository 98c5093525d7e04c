"""A mask that is none of the usual ones: with another bound, or read out of the gradients element by element.

It can be read out where each element of a selection can be told from what flows on from it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import pairwise

import numpy as np

from gradcheck_cli.diagnose.gates.elementwise import Family, Gate
from gradcheck_cli.diagnose.gates.errors import Wrong
from gradcheck_cli.diagnose.gates.replacements import Kind, Replacement, is_selection, ratio_of
from gradcheck_cli.diagnose.gates.reverse import Array, Known, Reverse, Row

MOST_ELEMENTS = 256
"""Of a selection whose mask is looked for: each is a row of a batch."""

CLOSE = 1e-6
"""How near to a mask's two values the ones that were read out must be."""


def is_readable(family: Family) -> bool:
    """Whether a gate is a selection in one step, and small."""
    gate = family.gates[0]
    is_small = len(family.gates) == 1 and gate.steps == 1 and gate.derivative.size <= MOST_ELEMENTS
    return is_small and is_selection(family)


def bounded(family: Family, known: Known) -> Iterator[Replacement]:
    """The mask with another bound, or with one more."""
    gate = family.gates[0]
    x = known.values[gate.target]
    assert family.sides is not None
    low, high = family.sides
    levels = np.unique(x)
    for below, above in pairwise(levels):
        is_above = x >= above
        masks = {
            "only above": np.where(is_above, high, low),
            "only below": np.where(is_above, low, high),
            "only above, too,": np.where(is_above, gate.derivative, low),
            "only below, too,": np.where(is_above, low, gate.derivative),
        }
        for which, mask in masks.items():
            if ratio_of(mask.reshape(-1), family, known) is None:
                said = f"{which} a bound of x between {below:.4g} and {above:.4g}"
                yield _replaced(family, known, mask, (family.key, which), said)


def _replaced(family: Family, known: Known, mask: Array, key: Hashable, said: str) -> Replacement:
    gate = family.gates[0]
    row = Row(entering={gate.target: known.arriving[gate.result] * (mask - gate.derivative)})
    return Replacement(key, Kind.MASK, row, gate.position, gate.ends[0][1], gate.target, family, said)


def recovered(family: Family, known: Known, reverse: Reverse, errors: tuple[Wrong, ...]) -> Iterator[Replacement]:
    """The mask that yours used, where it has the same two values as the right one, or stops all with zero."""
    gate = family.gates[0]
    wrong = [one for one in errors if one.is_wrong]
    change = _change(gate, known, reverse, wrong)
    if change is None:
        return
    above = known.arriving[gate.result]
    seen = np.abs(above) > CLOSE * np.abs(above).max()
    used = gate.derivative + np.divide(change, above, out=np.zeros_like(change), where=seen)
    assert family.sides is not None
    low, high = family.sides
    values = np.array(sorted({low, high, 0.0}))
    nearest = values[np.argmin(np.abs(used[..., None] - values), axis=-1)]
    if (np.abs(used - nearest) > CLOSE * max(abs(low), abs(high))).any() or np.array_equal(nearest, gate.derivative):
        return
    if ratio_of(nearest.reshape(-1), family, known) is not None:
        return
    said = other_places(nearest, gate.derivative, known.values[gate.target], "x")
    yield _replaced(family, known, nearest, (family.key, "read out"), f"in the wrong places: {said}")


def other_places(used: Array, right: Array, x: Array, name: str) -> str:
    """How many elements a mask lets through, and how many it stops, that it may not, and where the input is there."""
    more, room = np.abs(used) - np.abs(right), CLOSE * float(np.abs(right).max(initial=0.0))
    return "; ".join(
        f"it {does} {count} where {name} is {_range(x[where])}"
        for does, where in (
            ("passes", more > room),
            ("is stopped at", more < -room),
        )
        if (count := int(where.sum()))
    )


def _range(values: Array) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"


def _change(gate: Gate, known: Known, reverse: Reverse, wrong: list[Wrong]) -> Array | None:
    """What would have to enter at the gate's target; None where that is not one thing, or explains too little."""
    size = gate.derivative.size
    rows = [Row(entering={gate.target: one.reshape(gate.derivative.shape)}, is_alone=True) for one in np.eye(size)]
    gradients = reverse.gradients(rows)
    matrix = np.concatenate([gradients[one.leaf].reshape(size, -1)[:, one.at] for one in wrong], axis=1).T
    error = np.concatenate([one.error for one in wrong])
    flowing = np.flatnonzero(np.abs(known.arriving[gate.result]).reshape(-1))
    if len(error) < len(flowing) or np.linalg.matrix_rank(matrix[:, flowing]) < len(flowing):
        return None
    solved = np.linalg.lstsq(matrix[:, flowing], error, rcond=None)[0]
    change = np.zeros(size)
    change[flowing] = solved
    return change.reshape(gate.derivative.shape)
