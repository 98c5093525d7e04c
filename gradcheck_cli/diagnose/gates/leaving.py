"""Gates of a loop whose derivative is wrong on the way out of the loop alone.

Where the turns are solved for first, by an adjoint's own iteration or in closed form, what goes on from a turn to the
one before is right, and the derivative may be wrong for what the loop hands to its arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gradcheck_cli.diagnose.gates.elementwise import Family
from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.replacements import Replacement, of_family
from gradcheck_cli.diagnose.gates.reverse import At, Known


def of_leaving(families: Sequence[Family], forward: Forward, known: Known) -> Iterator[Replacement]:
    """All that may stand in place of a derivative for what leaves its loop."""
    for family in families:
        carrying = _carrying(family, forward, known)
        if carrying:
            yield from of_family(family, forward, known, carrying=carrying)


def _carrying(family: Family, forward: Forward, known: Known) -> tuple[At, ...]:
    """In each turn, the operands of the step that all goes through from one turn's gate to the next one's.

    Nothing where there is no such step that works number by number.
    """
    count = len(family.gates)
    if count < 2:
        return ()
    one, after = family.gates[:2]
    for value in reversed(_through(one.result, after.target, forward)):
        # what the first turn does to a constant is no step
        turn, turns = forward.turn(forward.maker[value])
        if turn + count - turns == 0:
            positions = forward.turns[forward.unit[forward.maker[value]]]
            ends = tuple((position, k) for position in positions for k in forward.alive.get(position, ()))
            return ends if all(end in known.local for end in ends) else ()
    return ()


def _through(start: int, end: int, forward: Forward) -> list[int]:
    """The values on every path from one value to another, in order; nothing where there is no path."""
    if not _reaches(start, end, None, forward):
        return []
    first, last = forward.maker.get(start), forward.maker.get(end)
    if first is None or last is None:
        return []
    values = [forward.result(position) for position in range(first, last + 1) if position in forward.alive]
    return [value for value in values if value == start or not _reaches(start, end, value, forward)]


def _reaches(start: int, end: int, without: int | None, forward: Forward) -> bool:
    left, seen = [start], {start}
    while left:
        value = left.pop()
        if value == end:
            return True
        for position, _ in forward.uses.get(value, ()):
            result = forward.result(position)
            if result <= end and result not in seen and result != without:
                seen.add(result)
                left.append(result)
    return False
