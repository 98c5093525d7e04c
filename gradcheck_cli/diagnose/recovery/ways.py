"""What a unit of gradient that enters at one element of a value comes to in the leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.gates.case import GateCase
from gradcheck_cli.diagnose.gates.reverse import Row

Array = NDArray[Any]

NOTHING = 1e-10
"""A gradient of less than this share of the largest one is none: paths that cancel."""

MOST = 6_000
"""Elements of values that are asked for in one case."""


class Ways:
    """Each value's is computed once.

    Args:
        cut: values to which nothing flows back in `cut`: a softmax subtracts its maximum, and what flows through it
            cancels; nobody writes it down, and where another number is wrong it would no longer cancel.
    """

    def __init__(self, case: GateCase, cut: frozenset[int]) -> None:
        self._case = case
        self._cut = case.reverse.cutting(cut) if cut else None
        self._asked = 0
        self._known: dict[tuple[int, bool], Array] = {}

    def of(self, values: Sequence[int]) -> list[Array] | None:
        """By value, a row an element of it; the leaves' elements that count one after the other. None: too many."""
        return self._found(values, None)

    def cut(self, values: Sequence[int]) -> list[Array] | None:
        """The same, with nothing flowing through what cancels; None where nothing does."""
        return None if self._cut is None else self._found(values, self._cut)

    def _found(self, values: Sequence[int], factors: NDArray[np.float64] | None) -> list[Array] | None:
        is_cut = factors is not None
        missing = [value for value in dict.fromkeys(values) if (value, is_cut) not in self._known]
        sizes = {value: int(np.prod(self._case.reverse.shape(value))) for value in missing}
        if self._asked + sum(sizes.values()) > min(MOST, self._case.reverse.most):
            return None
        self._asked += sum(sizes.values())
        rows = [row for value in missing for row in self._rows(value, factors)]
        if rows:
            gradients = self._case.reverse.gradients(rows)
            parts = [gradients[one.leaf].reshape(len(rows), -1)[:, one.at] for one in self._case.errors]
            together = np.split(np.concatenate(parts, axis=1), np.cumsum(list(sizes.values()))[:-1])
            self._known.update({(value, is_cut): own for value, own in zip(missing, together)})
        return [self._known[value, is_cut] for value in values]

    def _rows(self, value: int, factors: NDArray[np.float64] | None) -> list[Row]:
        shape = self._case.reverse.shape(value)
        units = np.eye(int(np.prod(shape)))
        return [Row(entering={value: one.reshape(shape)}, is_alone=True, factors=factors) for one in units]


def cancelling(case: GateCase, arriving: Mapping[int, Array]) -> frozenset[int]:
    """Values at which nothing arrives, since what comes along several paths cancels; the last ones of the forward."""
    largest = max((float(np.abs(array).max(initial=0.0)) for array in arriving.values()), default=0.0)
    nothing = {value for value, array in arriving.items() if float(np.abs(array).max(initial=0.0)) <= NOTHING * largest}
    forward, last = case.forward, len(case.forward.steps.steps)
    first = set()
    for value in nothing:
        makers = [forward.result(position) for position, _ in forward.uses.get(value, ()) if position < last]
        if makers and not all(result in nothing for result in makers):
            first.add(value)
    return frozenset(first)
