"""Terms of a gradient that are not counted as they must be: of all that a mask lets through, one is handed back.

What a forward spreads over an axis, or uses in each turn of a loop, receives a sum of terms. Where a mask stops some of
them, the sum counts the others: `dx[rows, y] -= (margins > 0).sum(axis=1)` in a hinge loss. Here one term stands in
place of the sum, or all of them, stopped or not, or one more or less than there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.gates.derivatives import derivative_of
from gradcheck_cli.diagnose.gates.elementwise import Family
from gradcheck_cli.diagnose.gates.forward import Forward
from gradcheck_cli.diagnose.gates.replacements import Kind, Replacement, is_selection
from gradcheck_cli.diagnose.gates.reverse import Array, At, Known, Reverse, Row
from gradcheck_cli.diagnose.gates.taking import SAME_ORDER, TAKING, sources_of

ONE = "{takes} one of the terms that {place} hands back to {mine}: all that are let through must add up"
MEAN = "{takes} the mean of the terms that {place} hands back to {mine}: those that are let through must add up"
SOME = "{takes} one of the terms that {place} hands back to {mine}, where there is any: they must add up"
ALL = "{adds} up all terms that {place} hands back to {mine}: those that are stopped must not count"
MORE = "{counts} one term too many of those that {place} hands back to {mine}"
LESS = "{counts} one term too few of those that {place} hands back to {mine}"

Arriving = Mapping[int, Array]
"""By value, the gradient that arrives there."""


@dataclass(frozen=True)
class _Mask:
    """What comes through a selection alone, and what would come through it if it stopped nothing."""

    passing: Arriving
    everything: Arriving


@dataclass(frozen=True)
class _Wrong:
    """Another count of some terms.

    Attributes:
        code: of the rule, where the kind does not say it.
        change: what it adds to the value's gradient, flattened.
        ratios: the other count over the right one, by element that any term comes to.
    """

    said: str
    code: str
    change: Array
    ratios: Array


@dataclass(frozen=True)
class _Terms:
    """What several places of a forward hand back to one value.

    Attributes:
        to: by term, the element of the value.
        passing, everything: by term, its number, and that where nothing is stopped.
        before: what arrives through the mask at the elements that the value was taken from; None where it was not.
    """

    to: NDArray[np.intp]
    passing: Array
    everything: Array
    size: int
    before: Array | None

    def wrongs(self) -> Iterator[_Wrong]:
        """All other counts."""
        passing, every = self._sum(self.passing), self._sum(self.everything)
        number, counted = self._sum(self.everything != 0), self._sum(self.passing != 0)
        one = np.divide(every, number, out=np.zeros(self.size), where=number > 0)
        is_one = np.allclose(self.everything, one[self.to] * (self.everything != 0), rtol=1e-9, atol=0)
        for said, code, wrong, count in (
            (ONE if is_one else MEAN, "", one, np.minimum(number, 1)),
            (SOME if is_one else MEAN, "", one * (counted > 0), np.minimum(counted, 1)),
            (ALL, "GC212", every, number),
            (MORE, "", passing + one, counted + 1),
            (LESS, "", passing - one, counted - 1),
        ):
            ratios = count[counted > 0] / counted[counted > 0]
            yield _Wrong(said, code, wrong - passing, ratios)
            if self.before is not None:  # `=` in place of `-=`
                yield _Wrong(said, code, wrong - self.before, ratios)

    def _sum(self, terms: Array) -> Array:
        return np.bincount(self.to, terms, self.size)


def of_counting(families: Sequence[Family], forward: Forward, known: Known, reverse: Reverse) -> Iterator[Replacement]:
    """All values that several terms come back to, through each mask that stops some of them."""
    spread = _spread(forward, known)
    if not spread:
        return
    seen = set[Hashable]()
    for mask in (_Mask(known.arriving, known.arriving), *_masks(families, known, reverse)):
        for (unit, k), uses in spread.items():
            found = {value: _terms(value, at, mask, forward, known) for value, at in uses.items()}
            terms = {value: one for value, one in found.items() if one is not None}
            (position, _), *_ = next(iter(uses.values()))
            for number, wrongs in enumerate(zip(*(one.wrongs() for one in terms.values()))):
                changes = {value: wrong.change for value, wrong in zip(terms, wrongs)}
                same = unit, k, number, tuple(change.tobytes() for change in changes.values())
                if same in seen or not any(change.any() for change in changes.values()):
                    continue
                seen.add(same)
                yield Replacement(
                    (unit, k, number, "counting"),
                    Kind.COUNTED,
                    Row(entering={value: one.reshape(known.values[value].shape) for value, one in changes.items()}),
                    position,
                    k,
                    next(iter(terms)),
                    said=wrongs[0].said,
                    ratio=_ratio(wrongs),
                    code=wrongs[0].code,
                )


def _ratio(wrongs: Sequence[_Wrong]) -> float | None:
    """Where there are as many terms everywhere, another count is a factor."""
    ratios = np.unique(np.concatenate([wrong.ratios for wrong in wrongs]))
    return float(ratios[0]) if len(ratios) == 1 else None


def _spread(forward: Forward, known: Known) -> dict[tuple[Hashable, int], dict[int, list[At]]]:
    """By expression and operand, the values that it spreads or uses several times, and where it does."""
    found: dict[tuple[Hashable, int], dict[int, list[At]]] = defaultdict(lambda: defaultdict(list))
    for position, alive in forward.alive.items():
        result = forward.result(position)
        for k in alive:
            value = forward.operand(position, k)
            if value is None or not {value, result} <= known.arriving.keys():
                continue
            if derivative_of(position, k, forward, known) is not None:
                found[forward.unit[position], k][value].append((position, k))
    return {
        key: dict(uses)
        for key, uses in found.items()
        if any(len(at) > 1 or _is_spread(at[0], value, forward, known) for value, at in uses.items())
    }


def _is_spread(at: At, value: int, forward: Forward, known: Known) -> bool:
    return bool(known.values[value].size < known.values[forward.result(at[0])].size)


def _masks(families: Sequence[Family], known: Known, reverse: Reverse) -> Iterator[_Mask]:
    """All selections that stop what they do not let through."""
    for family in families:
        if not is_selection(family) or family.sides is None or family.sides[0] != 0:
            continue
        high = family.sides[1]
        passing = {gate.target: known.arriving[gate.result] * gate.derivative for gate in family.gates}
        everything = {gate.target: known.arriving[gate.result] * high for gate in family.gates}
        rows = [Row(entering=one, is_alone=True) for one in (passing, everything)]
        if reverse.rows < len(rows):
            return
        found = reverse.arriving(rows)
        one, other = ({value: array[row] for value, array in found.items()} for row in (0, 1))
        yield _Mask(one, other)


def _terms(value: int, uses: Sequence[At], mask: _Mask, forward: Forward, known: Known) -> _Terms | None:
    """None where nothing comes there through the mask, or no numbers."""
    shape = known.values[value].shape
    size = known.values[value].size
    to, passing, everything = [], [], []
    for position, k in uses:
        result, derivative = forward.result(position), derivative_of(position, k, forward, known)
        if result not in mask.everything or derivative is None:
            return None
        to.append(_places(position, shape, forward, known))
        passing.append((mask.passing[result] * derivative).reshape(-1))
        everything.append((mask.everything[result] * derivative).reshape(-1))
    terms = np.concatenate(everything)
    if not terms.any() or terms.dtype.kind != "f" or not np.isfinite(terms).all():
        return None
    before = _before(value, mask.passing, forward, known)
    return _Terms(np.concatenate(to), np.concatenate(passing), terms, size, before)


def _places(position: int, shape: tuple[int, ...], forward: Forward, known: Known) -> NDArray[np.intp]:
    """By element of a step's result, the element of its operand that it has."""
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    step, result = forward.steps.steps[position], known.values[forward.result(position)]
    if step.equation.primitive.name == "broadcast_in_dim":
        full = [1] * result.ndim
        for axis, length in zip(step.equation.params["broadcast_dimensions"], shape):
            full[axis] = length
        numbers = numbers.reshape(full)
    return np.broadcast_to(numbers, result.shape).reshape(-1)


def _before(value: int, arriving: Arriving, forward: Forward, known: Known) -> Array | None:
    """What arrives at the elements that a value was taken from by an index; None where it was not taken so."""
    sources, is_indexed = np.arange(known.values[value].size), False
    while (maker := forward.maker.get(value)) is not None:
        name = forward.steps.steps[maker].equation.primitive.name
        before = forward.operand(maker, 0)
        if name not in (*TAKING, *SAME_ORDER) or before is None:
            break
        if name in TAKING:
            sources, is_indexed = sources_of(maker, forward, known)[sources], is_indexed or name == "gather"
        value = before
    if not is_indexed or value not in arriving or (sources < 0).any():
        return None
    return arriving[value].reshape(-1)[sources]
