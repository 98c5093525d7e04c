"""What a product hands back to one operand, as a function of the other one: it is linear in it."""

from __future__ import annotations

import string
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.gates.case import GateCase
from gradcheck_cli.diagnose.gates.replacements import operand_of
from gradcheck_cli.diagnose.recovery.operands import other_operand

Array = NDArray[Any]


def spread_of(position: int, k: int, above: Array, case: GateCase) -> Array:
    """What a product hands back to operand `k` for each single element of the other one.

    Args:
        above: upstream gradients of the product, one a row.
    """
    step = case.forward.steps.steps[position]
    if step.equation.primitive.name == "mul":
        return _spread_broadcast(position, k, above, case)
    (contract, batch) = step.equation.params["dimension_numbers"]
    ranks = [len(variable.aval.shape) for variable in step.equation.invars]
    letters = iter(string.ascii_letters)
    names = [[""] * rank for rank in ranks]
    for one, other in zip(*batch):
        names[0][one] = names[1][other] = next(letters)
    summed = []
    for one, other in zip(*contract):
        names[0][one], names[1][other] = next(letters), next(letters)
        summed.append((names[0][one], names[1][other], step.equation.invars[0].aval.shape[one]))
    for side in names:
        for axis, name in enumerate(side):
            side[axis] = name or next(letters)
    free = [
        [name for axis, name in enumerate(names[side]) if axis not in batch[side] and axis not in contract[side]]
        for side in (0, 1)
    ]
    shared = [names[0][axis] for axis in batch[0]]
    # an axis that both have is the same in both: the diagonal of a pair
    twin = {name: next(letters) for name in shared}
    mine = [twin.get(name, name) for name in names[k]]
    row = next(letters)
    terms, given = [row + "".join([*shared, *free[0], *free[1]])], [above]
    for one, other, size in summed:
        terms.append(one + other)
        given.append(np.eye(size))
    for axis in batch[k]:
        name = names[k][axis]
        terms.append(name + twin[name])
        given.append(np.eye(step.equation.invars[k].aval.shape[axis]))
    rule = f"{','.join(terms)}->{row}{''.join(names[1 - k])}{''.join(mine)}"
    found = np.einsum(rule, *given, optimize=True)
    sizes = [int(np.prod(variable.aval.shape)) for variable in step.equation.invars]
    return np.asarray(found.reshape(len(above), sizes[1 - k], sizes[k]))


def _spread_broadcast(position: int, k: int, above: Array, case: GateCase) -> Array:
    """The same where the product goes element by element, its operands broadcast."""
    shape = above.shape[1:]
    other = other_operand(position, k, case)
    target = operand_of(position, k, case.forward, case.known).shape
    mine = np.broadcast_to(np.arange(int(np.prod(target))).reshape(target), shape).reshape(-1)
    theirs = np.broadcast_to(np.arange(other.size).reshape(other.shape), shape).reshape(-1)
    found = np.zeros((len(above), other.size, int(np.prod(target))))
    for row, upstream in zip(found, above.reshape(len(above), -1)):
        np.add.at(row, (theirs, mine), upstream)
    return found
