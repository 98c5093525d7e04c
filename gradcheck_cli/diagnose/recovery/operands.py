"""What the steps of a forward work on, in one case."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.gates.case import GateCase
from gradcheck_cli.diagnose.gates.replacements import operand_of

Array = NDArray[Any]


def other_operand(position: int, k: int, case: GateCase) -> Array:
    """The other operand of a step that has two; that of a product as it was before it was broadcast."""
    step = case.forward.steps.steps[position]
    found = operand_of(position, 1 - k, case.forward, case.known)
    value = step.operands[1 - k].value
    maker = None if value is None else case.forward.maker.get(value)
    if step.equation.primitive.name != "mul" or maker is None:
        return found
    before = case.forward.steps.steps[maker]
    if before.equation.primitive.name != "broadcast_in_dim" or before.operands[0].value is None:
        return found
    small = np.asarray(case.known.values[before.operands[0].value])
    shape = [1] * found.ndim
    for axis, size in zip(before.equation.params["broadcast_dimensions"], small.shape):
        shape[axis] = size
    return small.reshape(shape)
