"""Products with a factor beside them, `a @ b / k`: left out on the way to one of the two operands.

Where the factor is one number, that is a path with a wrong factor; in a loop each turn may have its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.products import handed_down
from gradcheck_cli.diagnose.gates.replacements import Kind, operand_of
from gradcheck_cli.diagnose.gates.reverse import Array, Known
from gradcheck_cli.diagnose.gates.slips import Site, Slip


def of_scales(forward: Forward, known: Known) -> Iterator[Slip]:
    """All products whose result goes into a product or a quotient alone, by operand."""
    for unit, positions in forward.turns.items():
        if forward.steps.steps[positions[0]].equation.primitive.name not in ("dot_general", "mul"):
            continue
        scales = [at for position in positions if (at := _scale(position, forward, known)) is not None]
        if len(scales) < len(positions):
            continue
        factors = np.concatenate([known.local[at].reshape(-1) for at in scales])
        if (factors == factors[0]).all():
            continue
        for k in (0, 1):
            sites = [
                Site(forward.result(scale), value, _change(position, k, known.local[scale, operand], forward, known))
                for position, (scale, operand) in zip(positions, scales)
                if k in forward.alive[position] and (value := forward.operand(position, k)) is not None
            ]
            if sites:
                scale, operand = scales[0]
                said = "{leaves} out {other} of {place} on the way to one of its factors"
                key = (unit, k, "scale")
                yield Slip(key, Kind.FORMULA, tuple(sites), scale, operand, said, "multiply by it for both factors")


def _scale(position: int, forward: Forward, known: Known) -> tuple[int, int] | None:
    """The step that uses a product, and as which operand; None where it does anything else, or another uses it."""
    uses = forward.uses.get(forward.result(position), ())
    if position not in forward.alive or len(uses) != 1:
        return None
    at, k = uses[0]
    if (at, k) not in known.local or forward.result(at) not in known.arriving:
        return None
    is_scale = forward.steps.steps[at].equation.primitive.name == "mul" or k == 0
    return (at, k) if is_scale and forward.steps.steps[at].equation.primitive.name in ("mul", "div") else None


def _change(position: int, k: int, factor: Array, forward: Forward, known: Known) -> Callable[[Array], Array]:
    other = operand_of(position, 1 - k, forward, known)
    return lambda above: handed_down(forward, position, k, other, above * (1 - factor))
