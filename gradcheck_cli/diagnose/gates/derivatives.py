"""Derivatives of steps that work element by element, by an operand that may be broadcast."""

from __future__ import annotations

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.replacements import operand_of
from gradcheck_cli.diagnose.gates.reverse import Array, Known


def derivative_of(position: int, k: int, forward: Forward, known: Known) -> Array | None:
    """In the shape of the step's result; None of other steps."""
    if (position, k) in known.local:
        return known.local[position, k]
    step, shape = forward.steps.steps[position], known.values[forward.result(position)].shape
    name = str(step.equation.primitive.name)
    if name in ("add", "add_any", "sub", "broadcast_in_dim"):
        return np.full(shape, -1.0 if name == "sub" and k == 1 else 1.0)
    if name not in ("mul", "div"):
        return None
    one, other = (operand_of(position, number, forward, known) for number in (k, 1 - k))
    with np.errstate(all="ignore"):
        found = other if name == "mul" else 1 / other if k == 0 else -other / one**2
    return np.broadcast_to(np.asarray(found, float), shape)
