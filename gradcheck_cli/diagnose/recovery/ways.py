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


class Ways:
    """Each value's is computed once.

    Args:
        cut: values from which nothing flows on: a softmax subtracts its maximum, and what flows through it cancels;
            nobody writes it down, and where another number is wrong it would no longer cancel.
    """

    def __init__(self, case: GateCase, cut: frozenset[int] = frozenset()) -> None:
        self._case, self._cut = case, cut
        self._known: dict[int, Array] = {}

    def of(self, value: int) -> Array:
        """A row an element of the value; the leaves' elements that count one after the other."""
        if value not in self._known:
            self._known[value] = self._found(value)
        return self._known[value]

    def _found(self, value: int) -> Array:
        case, shape = self._case, self._case.reverse.shape(value)
        rows = [Row(entering={value: one.reshape(shape)}, is_alone=True) for one in np.eye(int(np.prod(shape)))]
        gradients = case.reverse.gradients(rows)
        parts = [gradients[one.leaf].reshape(len(rows), -1)[:, one.at] for one in case.errors]
        found = np.concatenate(parts, axis=1)
        for other in self._cut - {value}:
            flowing = _through(other, rows, case)
            if flowing is not None and flowing.any():
                found = found - flowing @ self.of(other)
        return found


def _through(value: int, rows: list[Row], case: GateCase) -> Array | None:
    parts = []
    for start in range(0, len(rows), case.reverse.rows):
        part = rows[start : start + case.reverse.rows]
        arriving = case.reverse.arriving(part).get(value)
        if arriving is None or np.iscomplexobj(arriving):
            return None
        parts.append(arriving[: len(part)].reshape(len(part), -1))
    return np.concatenate(parts)


def cancelling(case: GateCase, arriving: Mapping[int, Array]) -> frozenset[int]:
    """Values at which nothing arrives, since what comes along several paths cancels; the last ones of the forward."""
    largest = max((float(np.abs(array).max(initial=0.0)) for array in arriving.values()), default=0.0)
    nothing = {value for value, array in arriving.items() if float(np.abs(array).max(initial=0.0)) <= NOTHING * largest}
    forward = case.forward
    first = set()
    for value in nothing:
        makers = [forward.result(position) for position, _ in forward.uses.get(value, ()) if _is_inside(position, case)]
        if makers and not all(result in nothing for result in makers):
            first.add(value)
    return frozenset(first)


def _is_inside(position: int, case: GateCase) -> bool:
    return position < len(case.forward.steps.steps)
