"""Steps that take elements of a value, by an index or as a window, and which elements they take."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.reverse import Array, Known
from gradcheck_cli.graph.values import function_of

TAKING = frozenset({"gather", "slice", "dynamic_slice"})
SAME_ORDER = frozenset({"reshape", "squeeze", "expand_dims", "copy", "convert_element_type"})


def base_of(position: int, forward: Forward) -> int:
    """The value whose elements a step takes, before it was given another shape for that; −1 for a constant."""
    value = forward.operand(position, 0)
    maker = forward.maker.get(-1 if value is None else value)
    while maker is not None and forward.steps.steps[maker].equation.primitive.name in SAME_ORDER:
        before = forward.operand(maker, 0)
        if before is None or before not in forward.before:
            break
        value, maker = before, forward.maker.get(before)
    return -1 if value is None else value


def sources_of(position: int, forward: Forward, known: Known) -> NDArray[np.intp]:
    """By element of a step's result, the number of the element that it takes; −1 where it takes none."""
    step = forward.steps.steps[position]
    given = [_operand(position, k, forward, known) for k in range(len(step.operands))]
    numbers = np.arange(given[0].size).reshape(given[0].shape)
    parameters = step.equation.params
    if step.equation.primitive.name == "slice":
        starts, stops = parameters["start_indices"], parameters["limit_indices"]
        strides = parameters["strides"] or (1,) * len(starts)
        return np.asarray(numbers[tuple(map(slice, starts, stops, strides))].reshape(-1))
    if step.equation.primitive.name == "dynamic_slice":
        sizes = parameters["slice_sizes"]
        ends = zip(given[1:], given[0].shape, sizes)
        starts = [int(np.clip(start, 0, whole - size)) for start, whole, size in ends]
        return numbers[tuple(slice(start, start + size) for start, size in zip(starts, sizes))].reshape(-1)
    # counted from 1 on: an index beyond the end may read nothing
    (taken,) = function_of(step)(numbers + 1.0, *given[1:])
    found = np.nan_to_num(np.asarray(taken, np.float64)).reshape(-1).astype(np.intp) - 1
    return np.asarray(np.where((found >= 0) & (found < numbers.size), found, -1))


def _operand(position: int, k: int, forward: Forward, known: Known) -> Array:
    operand = forward.steps.steps[position].operands[k]
    return np.asarray(operand.constant if operand.value is None else known.values[operand.value])
