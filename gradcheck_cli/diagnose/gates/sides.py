"""A factor on the wrong side of what mixes the elements: `(A.T @ dout) / degree` for `A.T @ (dout / degree)`.

The pull-back of `(A @ x) / degree` divides first, and then goes back through the product. Here it divides last, at a
value before the product, or at elements that an index has taken, by what the same index takes of the factor.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.replacements import Kind, operand_of
from gradcheck_cli.diagnose.gates.reverse import Array, Known
from gradcheck_cli.diagnose.gates.slips import Site, Slip
from gradcheck_cli.graph.building import IN_PASSING
from gradcheck_cli.graph.values import function_of

MOST = 48
"""Pairs of a factor and another place of it that are tried."""

NEAREST = 12
"""Steps before the factor that are looked at."""

MIXING = IN_PASSING | frozenset({"dot_general", "gather", "scatter-add", "add", "add_any", "sub"})
"""Steps between the factor and its other place: on the way back through others a factor has no business."""

SAID = "{takes} {other} of {place} into account too late, where the gradient has gone back further: apply it first"


def of_sides(forward: Forward, known: Known) -> Iterator[Slip]:
    """All factors that stand at a value before the one that they belong to."""
    left = MOST
    for position, alive in forward.alive.items():
        step = forward.steps.steps[position]
        if step.equation.primitive.name not in ("mul", "div") or len(forward.turns[forward.unit[position]]) > 1:
            continue
        for k in alive if step.equation.primitive.name == "mul" else [k for k in alive if k == 0]:
            target, result = forward.operand(position, k), forward.result(position)
            factor = _factor(position, k, forward, known)
            if target is None or factor is None or not {target, result} <= known.arriving.keys():
                continue
            for value, other in _before(target, factor, forward, known):
                if left == 0:
                    return
                left -= 1
                yield _slip(position, k, target, value, factor, other, forward)


def _factor(position: int, k: int, forward: Forward, known: Known) -> Array | None:
    """What the gradient is multiplied by; None where that is one number, or has another shape than the value."""
    step = forward.steps.steps[position]
    other = operand_of(position, 1 - k, forward, known)
    target, result = operand_of(position, k, forward, known), known.values[forward.result(position)]
    if other.dtype.kind != "f" or other.ndim != result.ndim or target.shape != result.shape or not other.all():
        return None
    factor = other if step.equation.primitive.name == "mul" else 1 / other
    return factor if np.isfinite(factor).all() and np.ptp(factor) > 0 else None


def _before(target: int, factor: Array, forward: Forward, known: Known) -> Iterator[tuple[int, Array]]:
    """Values that the target is made of, the nearest first, with the factor in their places."""
    left, seen = [target], {target}
    while left and len(seen) <= NEAREST:
        position = forward.maker.get(left.pop(0))
        if position is None or str(forward.steps.steps[position].equation.primitive.name) not in MIXING:
            continue
        for k in forward.alive.get(position, ()):
            value = forward.operand(position, k)
            if value is None or value in seen:
                continue
            seen.add(value)
            left.append(value)
            array = known.values[value]
            if value in known.arriving and _fits(factor, array.shape):
                yield value, np.broadcast_to(factor, array.shape)
            maker = forward.maker.get(value)
            if maker is not None and forward.steps.steps[maker].equation.primitive.name == "gather":
                taken = _taken(maker, factor, forward, known)
                if taken is not None and value in known.arriving:
                    yield value, taken


def _fits(factor: Array, shape: tuple[int, ...]) -> bool:
    return factor.ndim == len(shape) and all(one in (1, size) for one, size in zip(factor.shape, shape))


def _taken(maker: int, factor: Array, forward: Forward, known: Known) -> Array | None:
    """The elements of the factor that an index takes."""
    base = operand_of(maker, 0, forward, known)
    wide = np.broadcast_to(factor, base.shape) if _fits(factor, base.shape) else None
    if wide is None and base.size % factor.shape[0] == 0 and base.ndim == 1:
        # an index into rows is one into all elements in one row
        rest = base.size // factor.shape[0]
        wide = np.repeat(factor.reshape(-1), rest) if factor.size == factor.shape[0] else None
    if wide is None:
        return None
    step = forward.steps.steps[maker]
    indices = [operand_of(maker, k, forward, known) for k in range(1, len(step.operands))]
    return np.asarray(function_of(step)(np.ascontiguousarray(wide, base.dtype), *indices)[0])


def _slip(position: int, k: int, target: int, value: int, factor: Array, other: Array, forward: Forward) -> Slip:
    result = forward.result(position)
    sites = (
        Site(result, target, lambda above: above * (1 - factor)),
        Site(value, value, lambda above: above * (other - 1)),
    )
    maker = forward.maker.get(value)
    where = value if maker is None else forward.unit[maker]
    return Slip((forward.unit[position], k, where, "side"), Kind.MISPLACED, sites, position, k, SAID, code="GC208")
