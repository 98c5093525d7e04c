"""Loops whose gradient is carried from the first turn to the last, as the forward goes, where it must go back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.replacements import Kind, Replacement
from gradcheck_cli.diagnose.gates.reverse import Array, Known, Row
from gradcheck_cli.graph.values import function_of, value_of

FEWEST, MOST = 3, 16
"""Turns of a loop in which the two directions are told apart, and of one that is tried."""

SAID = "{carries} the gradient of {place} from the first turn to the last: it must go back from the last one"

Back = Callable[[Array], Array]
"""From the gradient of one turn's state to that of the state before."""


def of_forwards(forward: Forward, known: Known) -> Iterator[Replacement]:
    """All loops that carry one state."""
    for unit, turns in forward.turns.items():
        states = [forward.result(position) for position in turns]
        if not FEWEST <= len(turns) <= MOST or any(state not in known.arriving for state in states):
            continue
        start = _start(states, forward)
        if start is None or known.values[start].shape != known.values[states[0]].shape:
            continue
        back = [_back(one, other, forward, known) for one, other in zip([start, *states], states)]
        row = _row(start, states, back, known)
        if row is not None:
            position, k = turns[0], forward.alive[turns[0]][0]
            target = forward.operand(position, k)
            assert target is not None
            yield Replacement((unit, "forward"), Kind.MISPLACED, row, position, k, target, said=SAID)


def _start(states: list[int], forward: Forward) -> int | None:
    """The value that the first turn has for the state before; None where no step uses each turn's state in the next."""
    for position, k in forward.uses.get(states[0], ()):
        turns = forward.turns[forward.unit[position]]
        used = [forward.operand(turn, k) for turn in turns]
        if used[1:] == states[: len(used) - 1] and len(used) == len(states) and position < forward.maker[states[1]]:
            return used[0]
    return None


def _back(before: int, after: int, forward: Forward, known: Known) -> Back:
    first, last = forward.maker.get(before, -1), forward.maker[after]

    def turn(state: Any) -> Any:
        values = {before: state}
        for step in forward.steps.steps[first + 1 : last + 1]:
            if any(operand.value in values for operand in step.operands):
                operands = [value_of(operand, {**known.values, **values}) for operand in step.operands]
                values.update(zip(step.results, function_of(step)(*operands)))
        return values[after]

    pull_back = jax.vjp(turn, known.values[before])[1]
    return lambda above: np.asarray(pull_back(above)[0])


def _row(start: int, states: list[int], back: list[Back], known: Known) -> Row | None:
    """The backward; None where it is the right one."""
    right = [known.arriving[state] for state in states]
    carried = [*(one(above) for one, above in zip(back[1:], right[1:])), np.zeros_like(right[-1])]
    wrong, carry = [], np.zeros_like(right[0])
    for above, own, one in zip(right, carried, back):
        wrong.append(above - own + carry)
        carry = one(wrong[-1])
    flowing = [one(above) for one, above in zip(back, wrong)]
    entering: dict[int, Array] = {}
    for number, state in enumerate(states):
        follows = flowing[number + 1] if number + 1 < len(states) else 0.0
        entering[state] = wrong[number] - (right[number] - carried[number]) - follows
    if start in known.arriving:
        entering[start] = carry - flowing[0]
    is_right = not any(change.any() for change in entering.values())
    return None if is_right or not all(np.isfinite(change).all() for change in entering.values()) else Row({}, entering)
