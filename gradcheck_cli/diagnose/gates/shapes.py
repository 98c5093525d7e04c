"""Steps that only move numbers, undone wrongly: by a reshape for a transpose, in another order or direction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import combinations, permutations
from typing import Any

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.moves import Move, moves_of
from gradcheck_cli.diagnose.gates.replacements import Kind
from gradcheck_cli.diagnose.gates.reverse import Array, Known
from gradcheck_cli.diagnose.gates.slips import Site, Slip
from gradcheck_cli.diagnose.gates.ways import along

MOST_AXES = 6

MOST_ORDERS = 40
"""Of one reshape."""

Back = Callable[[Array], Array]


def of_shapes(forward: Forward, known: Known) -> Iterator[Slip]:
    """All transposes, reshapes, running sums, reversals and concatenations."""
    whole: dict[Hashable, list[Move]] = defaultdict(list)
    for move in moves_of(forward, known):
        whole[tuple(forward.unit[position] for position in move.positions)].append(move)
    for key, moves in whole.items():
        yield from _of_moves(key, moves, forward)
    for unit, positions in forward.turns.items():
        if any(
            position not in forward.alive or forward.result(position) not in known.arriving for position in positions
        ):
            continue
        equation = forward.steps.steps[positions[0]].equation
        name = equation.primitive.name
        shapes = {tuple(forward.steps.steps[position].equation.invars[0].aval.shape) for position in positions}
        if name == "concatenate":
            yield from _of_parts(unit, positions, forward)
        elif len(shapes) == 1 and name in ("transpose", "cumsum", "rev"):
            yield from _of_one(unit, positions, name, forward)


def _of_moves(key: Hashable, moves: Sequence[Move], forward: Forward) -> Iterator[Slip]:
    """Of a chain in all turns: undone as if it only reshaped, or with parts in another order."""
    first = moves[0]
    if any((move.shape, move.there) != (first.shape, first.there) for move in moves):
        return
    if first.is_reshape:
        wrong = _reshapes(first.shape, first.there)
        if _is_summed(first, forward):
            said = "{tiles} what {place} needs repeated"
            wrong = [(name, Kind.MISPLACED, said, "`np.repeat`, not `np.tile`", back) for name, _, _, _, back in wrong]
    elif axes := _reversed(first):
        said = f"{{leaves}} out that {{place}} takes its input in reverse order along {along(axes)}"
        wrong = [("not", Kind.MISPLACED, said, "reverse the gradient too", np.array)]
    else:
        said = "{undoes} {place} by a reshape, which leaves the axes in their order"
        wrong = [("reshape", Kind.TRANSPOSED, said, "move the axes back", lambda above: above.reshape(first.shape))]
    for name, kind, said, mend, back in wrong:
        sites = tuple(Site(move.after, move.before, _difference(back, _undoing(move))) for move in moves)
        yield Slip((key, name), kind, sites, first.positions[0], 0, said, mend)


def _reversed(move: Move) -> tuple[int, ...]:
    """The axes along which the numbers are in reverse order; () where they are moved otherwise."""
    if move.shape != move.there:
        return ()
    places, order = move.places.reshape(move.shape), np.arange(move.places.size).reshape(move.shape)
    long = [axis for axis, size in enumerate(move.shape) if size > 1]
    some = (axes for count in range(1, len(long) + 1) for axes in combinations(long, count))
    return next((axes for axes in some if np.array_equal(places, np.flip(order, axes))), ())


def _is_summed(move: Move, forward: Forward) -> bool:
    """Whether parts of an axis are summed at once, as in pooling: the gradient is the same all over them."""
    uses = forward.uses.get(move.after, ())
    if len(uses) != 1 or forward.steps.steps[uses[0][0]].equation.primitive.name != "reduce_sum":
        return False
    return len(move.there) > len(move.shape)


def _undoing(move: Move) -> Back:
    order = np.argsort(move.places)
    return lambda above: above.reshape(-1)[order].reshape(move.shape)


def _of_one(unit: Hashable, positions: Sequence[int], name: str, forward: Forward) -> Iterator[Slip]:
    equation = forward.steps.steps[positions[0]].equation
    if name == "transpose":
        shape = tuple(equation.invars[0].aval.shape)
        right, wrong = _transposes(shape, tuple(equation.params["permutation"]))
    else:
        right, wrong = _directions(name, equation.params)
    for key, kind, said, mend, back in wrong:
        sites = []
        for position in positions:
            value = forward.operand(position, 0)
            assert value is not None
            sites.append(Site(forward.result(position), value, _difference(back, right)))
        yield Slip((unit, key), kind, tuple(sites), positions[0], 0, said, mend)


Wrong = tuple[Hashable, Kind, str, str, Back]


def _difference(wrong: Back, right: Back) -> Back:
    return lambda above: wrong(above) - right(above)


def _transposes(shape: tuple[int, ...], order: tuple[int, ...]) -> tuple[Back, list[Wrong]]:
    inverse = tuple(int(axis) for axis in np.argsort(order))
    moved = tuple(shape[axis] for axis in order)
    mend = f"undo it: `.transpose{inverse}`" if len(shape) > 2 else "transpose it back"
    wrong: list[Wrong] = []
    for other in permutations(range(len(shape))) if len(shape) <= MOST_AXES else ():
        if other != inverse and tuple(moved[axis] for axis in other) == shape:
            wrong.append((other, Kind.TRANSPOSED, f"{{undoes}} {{place}} by {_call(other)}", mend, _permuting(other)))
    return _permuting(inverse), wrong


def _call(order: tuple[int, ...]) -> str:
    return "nothing" if order == tuple(range(len(order))) else f"`.transpose{order}`"


def _permuting(order: tuple[int, ...]) -> Back:
    return lambda above: above.transpose(order)


def _reshapes(shape: tuple[int, ...], there: tuple[int, ...]) -> list[Wrong]:
    """Axes that are split or merged, taken in another order: `(F, groups)` for `(groups, F)`."""
    groups = _groups(shape, there)
    finer = [max(pair, key=len) for pair in groups]
    if not finer or max(map(len, finer)) > MOST_AXES or sum(map(len, finer)) == len(finer):
        return []
    orders = [list(permutations(range(len(sizes)))) for sizes in finer]
    whole = [order[-1] for order in orders]
    # one axis in every other order, or all of them back to front
    choices = [
        tuple(order if at == number else orders[at][0] for at in range(len(orders)))
        for number, some in enumerate(orders)
        for order in some[1:]
    ]
    if sum(len(some) > 1 for some in orders) > 1:
        choices.append(tuple(whole))
    said, mend = (
        "{takes} the parts of an axis of {place} in another order",
        "split and merge axes in the forward's order",
    )
    return [
        (("parts", choice), Kind.TRANSPOSED, said, mend, _reordering(groups, choice, shape))
        for choice in choices[:MOST_ORDERS]
    ]


Group = tuple[tuple[int, ...], tuple[int, ...]]
"""Axes before that hold the same numbers as those after, by their sizes."""


def _groups(before: Sequence[int], after: Sequence[int]) -> list[Group]:
    """The smallest such groups in order; axes of size 1 tell nothing."""
    one, other = [size for size in before if size != 1], [size for size in after if size != 1]
    groups: list[Group] = []
    while one and other:
        left, right = [one.pop(0)], [other.pop(0)]
        while np.prod(left) != np.prod(right):
            (left if np.prod(left) < np.prod(right) else right).append(
                (one if np.prod(left) < np.prod(right) else other).pop(0)
            )
        groups.append((tuple(left), tuple(right)))
    return groups


def _reordering(groups: Sequence[Group], choice: Sequence[tuple[int, ...]], shape: tuple[int, ...]) -> Back:
    """From the gradient after the reshape to that before it, with the parts of each group in the chosen order."""
    sizes: list[int] = []
    axes: list[int] = []
    for (left, right), order in zip(groups, choice):
        start = len(sizes)
        if len(right) >= len(left):  # split in the forward: its parts are merged in another order
            sizes += right
            axes += [start + axis for axis in order]
        else:  # merged in the forward: split as if the parts had come in another order
            sizes += [left[axis] for axis in order]
            axes += [start + int(axis) for axis in np.argsort(order)]
    return lambda above: above.reshape(sizes).transpose(axes).reshape(shape)


def _directions(name: str, params: dict[str, Any]) -> tuple[Back, list[Wrong]]:
    if name == "rev":
        axes = params["dimensions"]
        said = "{leaves} out that {place} reverses its input"
        return (lambda above: np.flip(above, axes)), [
            ("not", Kind.MISPLACED, said, "reverse the gradient too", np.array)
        ]
    axis, is_reversed = params["axis"], params["reverse"]

    def forward(above: Array) -> Array:
        return np.cumsum(above, axis)

    def backward(above: Array) -> Array:
        return np.flip(np.cumsum(np.flip(above, axis), axis), axis)

    right, wrong = (forward, backward) if is_reversed else (backward, forward)
    said = "{runs} the sum of {place} in the forward's direction again"
    return right, [("direction", Kind.MISPLACED, said, "its gradient is the running sum from the other end", wrong)]


def _of_parts(unit: Hashable, positions: Sequence[int], forward: Forward) -> Iterator[Slip]:
    """Two parts of a concatenation that get each other's gradient."""
    equation = forward.steps.steps[positions[0]].equation
    axis = equation.params["dimension"]
    shapes = [tuple(variable.aval.shape) for variable in equation.invars]
    starts = np.cumsum([0, *(shape[axis] for shape in shapes)])
    alive = forward.alive[positions[0]]
    for i, j in ((i, j) for i in alive for j in alive if i < j and shapes[i] == shapes[j] and shapes[i][axis]):
        sites = []
        for position in positions:
            for own, other in ((i, j), (j, i)):
                value = forward.operand(position, own)
                if value is None or shapes[own] != tuple(forward.steps.steps[position].equation.invars[own].aval.shape):
                    return
                change = _of_slots(axis, int(starts[own]), int(starts[other]), shapes[own][axis])
                sites.append(Site(forward.result(position), value, change))
        said = f"{{swaps}} parts {i + 1} and {j + 1} of {{place}}"
        yield Slip((unit, i, j), Kind.MISPLACED, tuple(sites), positions[0], i, said)


def _of_slots(axis: int, own: int, other: int, size: int) -> Back:
    def change(above: Array) -> Array:
        lead = (slice(None),) * axis
        return np.asarray(above[(*lead, slice(other, other + size))] - above[(*lead, slice(own, own + size))])

    return change
