"""What a unit of gradient that enters at one element of a value comes to in the leaves."""

from __future__ import annotations

from collections.abc import Mapping
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
        cut: values from which nothing flows on in `cut`: a softmax subtracts its maximum, and what flows through it
            cancels; nobody writes it down, and where another number is wrong it would no longer cancel.
    """

    def __init__(self, case: GateCase, cut: frozenset[int]) -> None:
        self._case, self._cut = case, cut
        self._asked = 0
        self._known: dict[int, tuple[Array, Mapping[int, Array]]] = {}

    def of(self, value: int) -> Array | None:
        """A row an element of the value; the leaves' elements that count one after the other. None: too many."""
        found = self._found(value)
        return None if found is None else found[0]

    def cut(self, value: int) -> Array | None:
        """The same, with nothing flowing through what cancels; None where that makes no difference."""
        found = self._found(value)
        if found is None:
            return None
        ways = found[0]
        for other, flowing in found[1].items():
            further = self.of(other) if other != value and flowing.any() else None
            if further is not None:
                ways = ways - flowing @ further
        return None if ways is found[0] else ways

    def _found(self, value: int) -> tuple[Array, Mapping[int, Array]] | None:
        if value not in self._known:
            case, shape = self._case, self._case.reverse.shape(value)
            size = int(np.prod(shape))
            if self._asked + size > MOST:
                return None
            self._asked += size
            rows = [Row(entering={value: one.reshape(shape)}, is_alone=True) for one in np.eye(size)]
            gradients, inside = case.reverse.flowing(rows, self._cut)
            parts = [gradients[one.leaf].reshape(size, -1)[:, one.at] for one in case.errors]
            flowing = {other: array.reshape(size, -1) for other, array in inside.items() if array.dtype.kind == "f"}
            self._known[value] = np.concatenate(parts, axis=1), flowing
        return self._known[value]


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
