"""Gates that select among values: the branches of a `where`, the largest of several, what is not written over."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.replacements import Kind, Replacement
from gradcheck_cli.diagnose.gates.reverse import Array, At, Known, Row
from gradcheck_cli.diagnose.gates.taking import base_of, sources_of

_OF_TWO = ("select_n", "max", "min")

ALSO_WRITTEN = "also where the forward writes over it"
ONLY_WRITTEN = "only where the forward writes over it"


def of_selections(forward: Forward, known: Known) -> Iterator[Replacement]:
    """All that may stand in place of what a selection hands on."""
    for unit, positions in forward.turns.items():
        if any(position not in forward.alive for position in positions):
            continue
        name = forward.steps.steps[positions[0]].equation.primitive.name
        if any(forward.result(position) not in known.arriving for position in positions):
            continue
        if name in _OF_TWO:
            yield from _of_two(unit, positions, forward, known)
        elif name == "gather" and len(positions) == 1 and (written := _written(positions[0], forward, known)):
            yield from _of_written(unit, positions[0], *written, forward, known)
        elif name == "gather" and len(positions) == 1 and (several := _several(positions[0], forward, known)):
            yield _of_several(unit, positions[0], *several, known, forward)
        elif name in ("reduce_max", "reduce_min", "gather"):
            picks = [_pick(position, forward, known) for position in positions]
            if all(pick is not None for pick in picks):
                yield from _of_largest(unit, positions, [pick for pick in picks if pick is not None], known, forward)


def _of_two(unit: Hashable, positions: Sequence[int], forward: Forward, known: Known) -> Iterator[Replacement]:
    """Of two branches that both carry a gradient."""
    ends = [[(position, k) for k in forward.alive[position] if (position, k) in known.local] for position in positions]
    if any(len(pair) != 2 for pair in ends):
        return
    pairs = [(known.local[one], known.local[other]) for one, other in ends]
    wrong = {
        "with its branches swapped": [(second, first) for first, second in pairs],
        "by one branch only": [(np.ones_like(first), np.zeros_like(second)) for first, second in pairs],
        "by the other branch only": [(np.zeros_like(first), np.ones_like(second)) for first, second in pairs],
    }
    if any(((first > 0) & (first < 1)).any() for first, _ in pairs):
        wrong["in full to both where they are equal"] = [(first > 0, second > 0) for first, second in pairs]
        wrong["to neither where they are equal"] = [(first == 1, second == 1) for first, second in pairs]
    position, k = ends[0][0]
    target = forward.operand(position, k)
    assert target is not None
    for said, replaced in wrong.items():
        changes: dict[At, Array] = {}
        for pair, taken in zip(ends, replaced):
            changes.update((at, 1.0 * one - known.local[at]) for at, one in zip(pair, taken))
        yield Replacement((unit, said), Kind.MASK, Row(changes), position, k, target, said=said)


def _written(position: int, forward: Forward, known: Known) -> tuple[int, Array] | None:
    """Of `out[mask] = 0`, the value before and where it stays: it is taken from that value and what is written."""
    values, indices = (forward.operand(position, k) for k in (0, 1))
    maker = forward.maker.get(-1 if values is None else values)
    if maker is None or indices is None or forward.steps.steps[maker].equation.primitive.name != "concatenate":
        return None
    base, above = forward.operand(maker, 0), known.arriving[forward.result(position)]
    if base is None or base not in forward.before or known.values[base].shape != above.shape or above.ndim != 1:
        return None
    stays = known.values[indices].reshape(-1) == np.arange(above.size)
    return None if stays.all() or not stays.any() else (base, stays)


def _of_written(
    unit: Hashable, position: int, base: int, stays: Array, forward: Forward, known: Known
) -> Iterator[Replacement]:
    above = known.arriving[forward.result(position)]
    wrong = {
        ALSO_WRITTEN: np.ones_like(above),
        ONLY_WRITTEN: 1.0 * ~stays,
    }
    for said, mask in wrong.items():
        row = Row(entering={base: above * (mask - stays)})
        yield Replacement((unit, said), Kind.MASK, row, position, 0, base, said=said)


Pick = tuple[int, tuple[int, ...]]
"""Of what the largest is taken, by number of the value, and along which axes."""


def _pick(position: int, forward: Forward, known: Known) -> Pick | None:
    """None where a step does not take the largest, or the smallest, along some axes."""
    step = forward.steps.steps[position]
    value = forward.operand(position, 0)
    if value is None:
        return None
    if step.equation.primitive.name != "gather":
        return value, tuple(step.equation.params["axes"])
    maker = forward.maker.get(value)
    before = [value]
    if maker is not None and forward.steps.steps[maker].equation.primitive.name == "reshape":
        before += [operand.value for operand in forward.steps.steps[maker].operands if operand.value is not None]
    taken = known.values[forward.result(position)]
    for number in before:
        values = known.values[number]
        for axis in range(values.ndim - 1, -1, -1):
            if values.shape[axis] > 1 and values.size == taken.size * values.shape[axis]:
                largest, smallest = values.max(axis=axis).ravel(), values.min(axis=axis).ravel()
                if np.array_equal(largest, taken.ravel()) or np.array_equal(smallest, taken.ravel()):
                    return number, (axis,)
    return None


def _several(position: int, forward: Forward, known: Known) -> tuple[int, int] | None:
    """Of what a gather takes some of along one axis, the number of the value, and the axis."""
    base, shape = base_of(position, forward), known.values[forward.result(position)].shape
    if base < 0 or base not in forward.before or known.values[base].ndim != len(shape):
        return None
    whole = known.values[base].shape
    axes = [axis for axis, size in enumerate(shape) if size != whole[axis]]
    return (base, axes[0]) if len(axes) == 1 and 1 < shape[axes[0]] < whole[axes[0]] else None


def _of_several(unit: Hashable, position: int, base: int, axis: int, known: Known, forward: Forward) -> Replacement:
    above, values = known.arriving[forward.result(position)], known.values[base]
    sources = sources_of(position, forward, known)
    right = np.zeros(values.size)
    np.add.at(right, sources[sources >= 0], above.reshape(-1)[sources >= 0])
    wrong = np.zeros(values.shape)
    wrong[tuple(slice(above.shape[axis]) if at == axis else slice(None) for at in range(values.ndim))] = above
    row = Row(entering={base: wrong - right.reshape(values.shape)})
    return Replacement((unit, "first"), Kind.MASK, row, position, 0, base, said="to the first ones only")


def _of_largest(
    unit: Hashable, positions: Sequence[int], picks: Sequence[Pick], known: Known, forward: Forward
) -> Iterator[Replacement]:
    """Of all along some axes."""
    for said in (
        "to all alike, as a mean does",
        "to all in full",
        "to the first only",
        "to each largest in full",
        *(BEFORE if len(picks[0][1]) == 1 else ()),
    ):
        entering: dict[int, Array] = {}
        for position, (value, axes) in zip(positions, picks):
            values, taken = known.values[value], known.values[forward.result(position)]
            shape = tuple(1 if axis in axes else size for axis, size in enumerate(values.shape))
            above, chosen = known.arriving[forward.result(position)].reshape(shape), values == taken.reshape(shape)
            right = chosen / chosen.sum(axis=axes, keepdims=True)
            entering[value] = entering.get(value, 0.0) + above * (_shares(said, chosen, axes) - right)
        yield Replacement((unit, said), Kind.MASK, Row(entering=entering), positions[0], 0, picks[0][0], said=said)


BEFORE = ("to the largest and to what comes before it", "to the largest and to what comes after it")


def _shares(said: str, chosen: Array, axes: tuple[int, ...]) -> Array:
    ones = np.ones(chosen.shape)
    if said == "to all alike, as a mean does":
        return ones / int(np.prod([chosen.shape[axis] for axis in axes]))
    if said == "to all in full":
        return ones
    if said == "to each largest in full":
        return chosen * ones
    if said in BEFORE:
        (axis,) = axes
        largest = np.expand_dims(chosen.argmax(axis=axis), axis)
        places = np.arange(chosen.shape[axis]).reshape([-1 if at == axis else 1 for at in range(chosen.ndim)])
        return 1.0 * (places <= largest if said == BEFORE[0] else places >= largest)
    first = np.zeros(chosen.shape)
    first[tuple(0 if axis in axes else slice(None) for axis in range(chosen.ndim))] = 1
    return first
