"""Selections that are left out with all that they do to the values: `max(0, x)**2` that is differentiated as `x**2`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from gradcheck_cli.diagnose.gates.elementwise import along, regions
from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.replacements import Kind, Replacement
from gradcheck_cli.diagnose.gates.reverse import Array, Known, Row
from gradcheck_cli.graph.values import function_of, value_of

SAID = "everywhere, and what follows it takes x"


def of_unselected(forward: Forward, known: Known) -> Iterator[Replacement]:
    """All maxima and minima of a value and a constant, with what works element by element on what they give."""
    for position in forward.alive:
        if forward.result(position) not in known.arriving or len(forward.turns[forward.unit[position]]) > 1:
            continue
        for target, inside in regions(position, forward, known):
            selection = inside[-1]
            name = forward.steps.steps[selection].equation.primitive.name
            if len(inside) < 2 or name not in ("max", "min") or len(forward.alive[selection]) != 1:
                continue
            wrong = _derivative(target, inside, forward, known)
            change = known.arriving[forward.result(position)] * (wrong - along(target, inside, forward, known))
            if np.isfinite(change).all() and change.any():
                (k,) = forward.alive[selection]
                key = (forward.unit[selection], forward.unit[position], "unselected")
                row = Row(entering={target: change})
                yield Replacement(key, Kind.MASK, row, selection, k, target, said=SAID, steps=len(inside))


def _derivative(target: int, inside: Sequence[int], forward: Forward, known: Known) -> Array:
    """Of the steps after a selection, the last of those inside, as if that had handed on what it selects from."""
    *after, selection = inside

    def value(x: Any) -> Any:
        values: dict[int, Any] = {**known.values, forward.result(selection): x}
        for position in sorted(after):
            step = forward.steps.steps[position]
            values.update(zip(step.results, function_of(step)(*(value_of(one, values) for one in step.operands))))
        return values[forward.result(inside[0])]

    result, pull_back = jax.vjp(value, known.values[target])
    return np.asarray(pull_back(np.ones_like(result))[0])
