"""Values that a backward computes again, and not as the forward did: without its mask, its scale, its bias.

Then all that is made of them is wrong, and yours are the gradients of another forward: one without that step. What the
backward multiplies by for the step itself may be right, so that both are tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.replacements import Kind, Replacement
from gradcheck_cli.diagnose.gates.reverse import Array, Known, Reverse, Row
from gradcheck_cli.graph.values import function_of, value_of
from gradcheck_cli.witnesses.reference.compiling import compile_program

MOST_STEPS, MOST = 150, 24
"""Steps of a forward that is looked at, and steps of it that are left out: it is compiled once, and run for each."""

AS_IT_IS, LEFT_OUT, VALUE_ONLY = 0, 1, 2

MASK = "{takes} values that were computed again without the mask of {place}: it must be there as in the forward"
PART = "{takes} values that were computed again without {other} of {place}: it must be there as in the forward"
CODE = "GC212"


@dataclass(frozen=True)
class _Left:
    """A step that may be left out, in each turn of a loop: it hands on one of its operands."""

    positions: tuple[int, ...]
    operand: int


def of_recomputed(forward: Forward, known: Known, reverse: Reverse) -> Iterator[tuple[Replacement, tuple[Array, ...]]]:
    """All such forwards, with their gradients by leaf."""
    steps = forward.steps
    lefts = list(_lefts(forward, known))[:MOST]
    if not lefts or len(steps.steps) > MOST_STEPS:
        return
    which = {position: (number, left.operand) for number, left in enumerate(lefts) for position in left.positions}

    def gradients(constants: Any, leaves: Any, upstream: Any, modes: Any) -> Any:
        def outputs(given: Any) -> Any:
            values: dict[int, Any] = {**dict(zip(steps.constants, constants)), **dict(zip(steps.inputs, given))}
            for position, step in enumerate(steps.steps):
                operands = [value_of(operand, values) for operand in step.operands]
                results = function_of(step)(*operands)
                if position in which:
                    number, k = which[position]
                    results = [_left_out(results[0], operands[k], modes[number])]
                values.update(zip(step.results, results))
            return [value_of(operand, values) for operand in steps.outputs]

        found, pull_back = jax.vjp(outputs, leaves)
        return pull_back([jnp.asarray(one, value.dtype) for one, value in zip(upstream, found)])[0]

    modes = np.zeros(len(lefts), np.int32)
    same = "recomputed", tuple(sorted(which.items())), steps.key
    program = compile_program(gradients, (*reverse.given, modes), reverse.device, same=same)
    for number, left in enumerate(lefts):
        for mode in (LEFT_OUT, VALUE_ONLY):
            modes = np.where(np.arange(len(lefts)) == number, mode, AS_IT_IS).astype(np.int32)
            found = tuple(np.asarray(one) for one in program(*reverse.given, modes))
            if all(np.isfinite(one).all() for one in found):
                yield _replacement(left, mode, forward), found


def _left_out(result: Any, operand: Any, mode: Any) -> Any:
    value_only = result + jax.lax.stop_gradient(operand - result)
    return jnp.where(mode == LEFT_OUT, operand, jnp.where(mode == VALUE_ONLY, value_only, result))


def _lefts(forward: Forward, known: Known) -> Iterator[_Left]:
    for turns in forward.turns.values():
        position = turns[0]
        step = forward.steps.steps[position]
        name = str(step.equation.primitive.name)
        for k in forward.alive.get(position, ()):
            value, result = forward.operand(position, k), known.values[forward.result(position)]
            may_go = name in ("select_n", "add", "mul", "max", "min") or (name in ("sub", "div") and k == 0)
            if may_go and value is not None and _is_like(known.values[value], result):
                yield _Left(turns, k)


def _is_like(operand: Array, result: Array) -> bool:
    return operand.shape == result.shape and operand.dtype == result.dtype and result.dtype.kind == "f"


def _replacement(left: _Left, mode: int, forward: Forward) -> Replacement:
    position = left.positions[0]
    name = str(forward.steps.steps[position].equation.primitive.name)
    is_mask = name in ("select_n", "max", "min")
    target = forward.operand(position, left.operand)
    assert target is not None
    key = forward.unit[position], left.operand, mode, "recomputed"
    said, code = (MASK, CODE) if is_mask else (PART, "")
    return Replacement(key, Kind.RECOMPUTED, Row(), position, left.operand, target, said=said, code=code)
