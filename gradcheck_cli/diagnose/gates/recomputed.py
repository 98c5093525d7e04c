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

MOST_STEPS, MOST, DEEPEST = 150, 40, 3
"""Steps of a forward that is looked at, ways to leave some out, and how many steps at once: it is compiled once, and
run for each."""

AS_IT_IS, LEFT_OUT, VALUE_ONLY = 0, 1, 2

MASK = "{takes} values that were computed again without the mask of {place}: it must be there as in the forward"
PART = "{takes} values that were computed again without {other} of {place}: it must be there as in the forward"
ALONE = "{takes} values that were computed again of {value} alone, where {place} belongs"
CODE = "GC212"


@dataclass(frozen=True)
class _Left:
    """A step that may be left out, in each turn of a loop, alone or with those before it.

    Attributes:
        operand: of the last one, along which what it hands on comes.
        values: what it hands on, by turn.
        steps: how many are left out.
    """

    positions: tuple[int, ...]
    operand: int
    values: tuple[int, ...]
    steps: int


def of_recomputed(forward: Forward, known: Known, reverse: Reverse) -> Iterator[tuple[Replacement, tuple[Array, ...]]]:
    """All such forwards, with their gradients by leaf."""
    steps = forward.steps
    lefts = list(_lefts(forward, known))[:MOST]
    if not lefts or len(steps.steps) > MOST_STEPS:
        return
    which: dict[int, list[tuple[int, int]]] = {}
    for number, left in enumerate(lefts):
        for position, value in zip(left.positions, left.values):
            which.setdefault(position, []).append((number, value))

    def gradients(constants: Any, leaves: Any, upstream: Any, modes: Any) -> Any:
        def outputs(given: Any) -> Any:
            values: dict[int, Any] = {**dict(zip(steps.constants, constants)), **dict(zip(steps.inputs, given))}
            for position, step in enumerate(steps.steps):
                operands = [value_of(operand, values) for operand in step.operands]
                results = function_of(step)(*operands)
                for number, value in which.get(position, ()):
                    results = [_left_out(results[0], values[value], modes[number])]
                values.update(zip(step.results, results))
            return [value_of(operand, values) for operand in steps.outputs]

        found, pull_back = jax.vjp(outputs, leaves)
        return pull_back([jnp.asarray(one, value.dtype) for one, value in zip(upstream, found)])[0]

    modes = np.zeros(len(lefts), np.int32)
    same = "recomputed", tuple(lefts), steps.key
    program = compile_program(gradients, (*reverse.given, modes), reverse.device, same=same)
    for number, left in enumerate(lefts):
        for mode in (LEFT_OUT, VALUE_ONLY):
            modes = np.where(np.arange(len(lefts)) == number, mode, AS_IT_IS).astype(np.int32)
            found = tuple(np.asarray(one) for one in program(*reverse.given, modes))
            if all(np.isfinite(one).all() for one in found):
                yield _replacement(left, mode, forward), found


def _left_out(result: Any, value: Any, mode: Any) -> Any:
    value = jnp.broadcast_to(value, result.shape)
    value_only = result + jax.lax.stop_gradient(value - result)
    return jnp.where(mode == LEFT_OUT, value, jnp.where(mode == VALUE_ONLY, value_only, result))


def _lefts(forward: Forward, known: Known) -> Iterator[_Left]:
    """First those of one step each."""
    ends: list[_Left] = []
    for positions in forward.turns.values():
        for k in forward.alive.get(positions[0], ()):
            values = tuple(forward.operand(position, k) for position in positions)
            own = tuple(value for value in values if value is not None)
            if len(own) == len(values) and _may_go(positions[0], k, own[0], forward, known):
                ends.append(_Left(positions, k, own, 1))
    while ends:
        yield from ends
        ends = [longer for left in ends if left.steps < DEEPEST for longer in _longer(left, forward, known)]


def _longer(left: _Left, forward: Forward, known: Known) -> Iterator[_Left]:
    """With the step before: of terms that add up, or of factors."""
    before = forward.maker.get(left.values[0])
    if len(left.positions) > 1 or before is None or _family(before, forward) != _family(left.positions[0], forward):
        return
    for k in forward.alive.get(before, ()):
        value = forward.operand(before, k)
        if value is not None and _may_go(before, k, value, forward, known):
            yield _Left(left.positions, left.operand, (value,), left.steps + 1)


def _family(position: int, forward: Forward) -> str:
    name = str(forward.steps.steps[position].equation.primitive.name)
    return {"add": "sum", "sub": "sum", "mul": "product", "div": "product"}.get(name, "")


def _may_go(position: int, k: int, value: int, forward: Forward, known: Known) -> bool:
    name = str(forward.steps.steps[position].equation.primitive.name)
    may_go = name in ("select_n", "add", "mul", "max", "min") or (name in ("sub", "div") and k == 0)
    return may_go and _is_like(known.values[value], known.values[forward.result(position)])


def _is_like(operand: Array, result: Array) -> bool:
    if operand.dtype != result.dtype or result.dtype.kind != "f" or operand.ndim != result.ndim:
        return False
    return all(one in (1, size) for one, size in zip(operand.shape, result.shape))


def _replacement(left: _Left, mode: int, forward: Forward) -> Replacement:
    position = left.positions[0]
    name = str(forward.steps.steps[position].equation.primitive.name)
    is_mask = left.steps == 1 and name in ("select_n", "max", "min")
    target = forward.operand(position, left.operand)
    assert target is not None
    maker = forward.maker.get(left.values[0])
    of = left.values[0] if maker is None else forward.unit[maker]
    said, code = (MASK, CODE) if is_mask else (PART if left.steps == 1 else ALONE, "")
    return Replacement(
        (forward.unit[position], of, mode, "recomputed"),
        Kind.RECOMPUTED,
        Row(),
        position,
        left.operand,
        target,
        said=said,
        steps=left.steps,
        about=left.values[0],
        code=code,
    )
