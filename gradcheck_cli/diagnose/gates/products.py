"""Products that sum: of matrices, and of an operand that is repeated, as a gain is for each row.

On the way back another value may stand in place of an operand, or no product at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.replacements import Kind, Replacement, operand_of
from gradcheck_cli.diagnose.gates.reverse import Array, Known, Row
from gradcheck_cli.diagnose.gates.siblings import siblings

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def of_products(forward: Forward, known: Known) -> Iterator[Replacement]:
    """All that may stand in place of what such a product multiplies the gradient by."""
    grouped: dict[tuple[Hashable, int], list[int]] = defaultdict(list)
    for position, alive in forward.alive.items():
        for k in alive:
            if _is_product(forward.steps.steps[position].equation, k):
                grouped[forward.unit[position], k].append(position)
    for (unit, k), positions in grouped.items():
        if all(forward.result(position) in known.arriving for position in positions):
            yield from _of_product(unit, positions, k, forward, known)


def _of_product(
    unit: Hashable, positions: Sequence[int], k: int, forward: Forward, known: Known
) -> Iterator[Replacement]:
    values = known.values
    operands = [[operand_of(position, one, forward, known) for one in (0, 1)] for position in positions]
    if any(array.dtype.kind not in "fc" for pair in operands for array in pair):
        return
    first = positions[0]
    target = forward.operand(first, k)
    assert target is not None
    above = [known.arriving[forward.result(position)] for position in positions]
    right = [handed_down(forward, p, k, pair[1 - k], up) for p, pair, up in zip(positions, operands, above)]

    def row(wrong: Sequence[Array]) -> Row:
        entering: dict[int, Array] = {}
        for position, one, own in zip(positions, wrong, right):
            value = forward.operand(position, k)
            assert value is not None
            entering[value] = entering.get(value, 0.0) + one - own
        return Row(entering=entering)

    if all(up.shape == pair[k].shape for up, pair in zip(above, operands)):
        yield Replacement((unit, k, Kind.LEFT_OUT), Kind.LEFT_OUT, row(above), first, k, target)
    elif forward.steps.steps[first].equation.primitive.name != "dot_general":
        shapes = [forward.steps.steps[position].equation.invars[k].aval.shape for position in positions]
        ones = [_summed(up, shape) for up, shape in zip(above, shapes)]
        yield Replacement((unit, k, Kind.LEFT_OUT), Kind.LEFT_OUT, row(ones), first, k, target)
    for sibling in siblings([(position, 1 - k) for position in positions], forward, values):
        others = sibling.of(values)
        wrong = [handed_down(forward, p, k, other, up) for p, other, up in zip(positions, others, above)]
        key = (unit, k, sibling.key)
        yield Replacement(key, Kind.OTHER_VALUE, row(wrong), first, k, target, sibling=sibling)


def handed_down(forward: Forward, position: int, k: int, other: Array, above: Array) -> Array:
    """The upstream gradient times the other operand, summed over what the target does not have."""
    equation = forward.steps.steps[position].equation
    if equation.primitive.name == "mul":
        return _summed(above * other, equation.invars[k].aval.shape)
    own, others, out = _letters(equation, k)
    return np.asarray(np.einsum(f"{out},{others}->{own}", above, other))


def _summed(array: Array, shape: Sequence[int]) -> Array:
    """Over the axes along which that shape is repeated."""
    if not shape:
        return np.asarray(array.sum())
    axes = tuple(axis for axis, size in enumerate(shape) if size != array.shape[axis])
    return np.asarray(array.sum(axis=axes, keepdims=True))


def _is_product(equation: Any, k: int) -> bool:
    if equation.primitive.name == "mul":
        is_complex = equation.outvars[0].aval.dtype.kind == "c"  # no gate, which is one in real numbers
        return is_complex or tuple(equation.invars[k].aval.shape) != tuple(equation.outvars[0].aval.shape)
    return bool(equation.primitive.name == "dot_general")


def _letters(equation: Any, k: int) -> tuple[str, str, str]:
    """Of operand `k`, of the other one and of the result, as `np.einsum` reads them."""
    contracting, batch = equation.params["dimension_numbers"]
    ranks = [len(variable.aval.shape) for variable in equation.invars]
    free = iter(_LETTERS)
    letters = [[""] * rank for rank in ranks]
    out = []
    for axes in zip(*batch):
        letter = next(free)
        out.append(letter)
        for side, axis in enumerate(axes):
            letters[side][axis] = letter
    for axes in zip(*contracting):
        letter = next(free)
        for side, axis in enumerate(axes):
            letters[side][axis] = letter
    for side in (0, 1):
        for axis, letter in enumerate(letters[side]):
            if not letter:
                letters[side][axis] = next(free)
                out.append(letters[side][axis])
    return "".join(letters[k]), "".join(letters[1 - k]), "".join(out)
