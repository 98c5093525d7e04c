"""Values of a forward that may be taken for one another: of one shape, and used in the same turn of a loop."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.reverse import Array, At

MOST = 40
"""Values that are tried in place of another: those that are used nearest to it."""


@dataclass(frozen=True)
class Sibling:
    """A value that stands in place of another: in a loop, one a turn.

    Attributes:
        key: the same in another case: the step that uses or gives it.
        values: by turn, its number.
        at: the step that uses it, in the first turn; None where that one gives it.
    """

    key: Hashable
    values: tuple[int, ...]
    at: At | None

    def of(self, values: Mapping[int, Array]) -> list[Array]:
        """By turn, its array."""
        return [values[number] for number in self.values]


def siblings(
    uses: Sequence[At], forward: Forward, values: Mapping[int, Array], own: Sequence[int] = ()
) -> list[Sibling]:
    """What may be taken for the operand that each of these uses has.

    Args:
        own: the values in question, where they are not the operands.
    """
    wanted = [forward.operand(position, k) for position, k in uses] if not own else list(own)
    if any(number is None for number in wanted):
        return []
    known = [number for number in wanted if number is not None]
    arrays = [values[number] for number in known]
    starts = _starts(known, forward)
    found: dict[tuple[int, ...], Sibling] = {}
    for unit, key, numbers in sorted(_roles(len(uses), forward), key=lambda role: abs(role[2][0] - known[0])):
        others = [values[number] for number in numbers]
        if numbers in found or len(found) == MOST:
            continue
        if all(_may_stand_for(other, array) for other, array in zip(others, arrays)) and not _are_same(others, arrays):
            at = (forward.turns[unit][0], key) if isinstance(key, int) else None
            found[numbers] = Sibling((unit, key), numbers, at)
            if starts and numbers[0] != known[0]:
                later = (known[0], *numbers[1:])
                found.setdefault(later, Sibling((unit, key, "later"), later, at))
    return list(found.values())


def _starts(values: Sequence[int], forward: Forward) -> bool:
    """Whether the first turn of a loop has a value that is made elsewhere than those of the others: `t > 0` asks."""
    units = [forward.unit.get(forward.maker.get(value, -1)) for value in values]
    return len(units) > 2 and units[0] != units[1] and len(set(units[1:])) == 1


def _roles(count: int, forward: Forward) -> list[tuple[Hashable, int | str, tuple[int, ...]]]:
    """What each step uses and gives, over its turns; those of as many turns only."""
    found: list[tuple[Hashable, int | str, tuple[int, ...]]] = []
    for unit, turns in forward.turns.items():
        if len(turns) != count:
            continue
        step = forward.steps.steps[turns[0]]
        for k in range(len(step.operands)):
            numbers = tuple(forward.operand(position, k) for position in turns)
            if None not in numbers:
                found.append((unit, k, tuple(number for number in numbers if number is not None)))
        found.append((unit, "result", tuple(forward.result(position) for position in turns)))
    return found


def _may_stand_for(other: Array, array: Array) -> bool:
    return other.shape == array.shape and other.dtype.kind == "f" and bool(np.isfinite(other).all())


def _are_same(ones: Sequence[Array], others: Sequence[Array]) -> bool:
    """Or nothing to tell them by: a value that is one number everywhere is a factor."""
    flat = np.concatenate([one.reshape(-1) for one in ones])
    return all(np.array_equal(one, other) for one, other in zip(ones, others)) or bool((flat == flat[0]).all())
