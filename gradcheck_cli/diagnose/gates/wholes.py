"""Functions of whole arrays, known by their values however they are written: gone back through by a wrong formula."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from gradcheck_cli.diagnose.gates.formulas import Pulled
from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.matrices import MATRIX_FUNCTIONS
from gradcheck_cli.diagnose.gates.normalising import ALONG_AN_AXIS
from gradcheck_cli.diagnose.gates.replacements import Kind
from gradcheck_cli.diagnose.gates.reverse import Array, Known
from gradcheck_cli.diagnose.gates.slips import Site, Slip
from gradcheck_cli.diagnose.gates.solves import INVERSES, SOLVES

LONGEST = 150
"""Steps of a function that is written out, as in a loop over rows."""

MOST_ENDS = 4
"""Values that a result is the same function of."""

MOST_NUMBERS = 2**16
"""Of an array that is looked at: solving takes the cube of a matrix's size."""


@dataclass(frozen=True)
class _Whole:
    """A function that a value was recognised as, and the values that it was made of."""

    operands: tuple[int, ...]
    pulled: Pulled


def of_wholes(forward: Forward, known: Known) -> Iterator[Slip]:
    """All such functions with all formulas that stand for their pull-backs by mistake; in a loop, in all turns."""
    for unit, positions in forward.turns.items():
        if not all(_is_looked_at(position, forward, known) for position in positions):
            continue
        turns = [_recognised(position, forward, known) for position in positions]
        names = [name for name in turns[-1] if all(name in turn for turn in turns)]
        for name in names:
            yield from _slips((unit, name), positions, [turn[name] for turn in turns], forward)
        if not names:  # a loop that ends with the function, as a power series does
            for name, whole in turns[-1].items():
                yield from _slips((unit, name, "last"), positions[-1:], [whole], forward)


def _slips(key: Hashable, positions: Sequence[int], wholes: Sequence[_Whole], forward: Forward) -> Iterator[Slip]:
    for number, formula in enumerate(wholes[0].pulled.wrong):
        sites = [
            Site(forward.result(position), whole.operands[k], _change(whole.pulled, number, k))
            for position, whole in zip(positions, wholes)
            for k in formula.ends
        ]
        k, said, mend = forward.alive[positions[0]][0], formula.said, formula.mend
        yield Slip((key, formula.key), Kind.FORMULA, tuple(sites), positions[0], k, said, mend, code=formula.code)


def _change(pulled: Pulled, number: int, k: int) -> Callable[[Array], Array]:
    wrong = pulled.wrong[number]
    return lambda above: np.asarray(wrong.back(above)[k] - pulled.right(above)[k])


def _is_looked_at(position: int, forward: Forward, known: Known) -> bool:
    """Whether the step ends an expression of the user's."""
    step, result = forward.steps.steps[position], forward.result(position)
    if position not in forward.alive or len(step.results) != 1 or result not in known.arriving:
        return False
    if known.values[result].dtype.kind != "f" or known.values[result].size > MOST_NUMBERS:
        return False
    uses = [at for at, _ in forward.uses.get(result, ())]
    places = {forward.steps.steps[at].place for at in uses if forward.unit[at] != forward.unit[position]}
    return len(uses) == 0 or places != {step.place} or step.place is None


def _recognised(position: int, forward: Forward, known: Known) -> dict[tuple[str, int], _Whole]:
    """By name, and from the nearest values on that it is that function of.

    A softmax of x is one of `x - x.max()`, too; but gone back through wrongly, those are not the same.
    """
    found: dict[tuple[str, int], _Whole] = {}
    y = known.values[forward.result(position)]
    for operands in _sources(position, forward):
        arrays = [known.values[value] for value in operands]
        if any(array.dtype.kind != "f" or array.size > MOST_NUMBERS for array in arrays):
            continue
        for pulled in _pulled(arrays, y):
            number = next(number for number in count() if (pulled.name, number) not in found)
            if number < MOST_ENDS:
                found[pulled.name, number] = _Whole(operands, pulled)
    return found


def _pulled(arrays: Sequence[Array], y: Array) -> Iterator[Pulled]:
    with np.errstate(all="ignore"):
        try:
            if len(arrays) == 2:
                yield from (one for solve in SOLVES if (one := solve(arrays[0], arrays[1], y)) is not None)
                return
            for function in (*INVERSES, *MATRIX_FUNCTIONS, *ALONG_AN_AXIS):
                pulled = function(arrays[0], y)
                if pulled is not None:
                    yield pulled
        except np.linalg.LinAlgError:
            return


def _sources(position: int, forward: Forward) -> Iterator[tuple[int, ...]]:
    """The one value, or the two in both orders, that all of a result's gradient goes back to; the nearest first."""
    frontier = _operands(position, forward)
    for _ in range(LONGEST):
        if len(frontier) == 1:
            yield tuple(frontier)
        elif len(frontier) == 2:
            one, other = sorted(frontier)
            yield one, other
            yield other, one
        latest = max((forward.maker[value] for value in frontier if value in forward.maker), default=None)
        if latest is None or latest not in forward.alive:
            return
        frontier = (frontier - set(forward.steps.steps[latest].results)) | _operands(latest, forward)


def _operands(position: int, forward: Forward) -> frozenset[int]:
    values = (forward.operand(position, k) for k in forward.alive[position])
    return frozenset(value for value in values if value is not None)
