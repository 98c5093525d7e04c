"""The finite differences that one draw has taken so far, and how many more it may take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.evidence.differencer import Differencer, Place
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.witnesses.gradients import Difference, Directional, FiniteDifferences

COST = 8
"""Evaluations of the forward that one element is reckoned to take."""

ONE_SIDED_COST = 32
"""The same where its slopes on the two sides are asked for."""

AROUND_COST = 96
"""The same where gradients around it are asked for."""

WIDE = 2_000
"""The most elements of one draw that are looked at where nobody asked for all of them."""


class Evidence:
    """Asks for each finite difference once, within `max_evals`."""

    def __init__(self, differencer: Differencer | None, settings: Settings) -> None:
        self._differencer = differencer
        self._settings = settings
        self._elements: dict[Place, Difference] = {}
        self._asked_sides: set[Place] = set()
        self._looked_around: set[Place] = set()
        self.directions: tuple[Directional, ...] = ()

    @property
    def elements(self) -> Mapping[Place, Difference]:
        """What is known by element."""
        return self._elements

    @property
    def possible(self) -> bool:
        """Whether the forward can be differenced at all."""
        return self._differencer is not None

    @property
    def room(self) -> int:
        """How many more elements may be looked at."""
        return self._room(COST)

    @property
    def complete(self) -> bool:
        """Whether every element is known."""
        return self._differencer is not None and len(self._elements) >= self._differencer.size

    def look_along(self, count: int) -> None:
        """Take derivatives along random directions."""
        if self._differencer is not None and count and self.room:
            self.directions = self._differencer.directional(count)

    def look_at(self, places: Iterable[Place], *, one_sided: bool = False) -> bool:
        """Take derivatives by these elements, as far as there is room; whether anything new was learned."""
        new = [place for place in dict.fromkeys(places) if self._lacks(place, one_sided)]
        new = new[: self._room(ONE_SIDED_COST if one_sided else COST)]
        if not new or self._differencer is None:
            return False
        found = self._differencer.elements(new, one_sided=one_sided)
        self._elements.update(found)
        if one_sided:
            self._asked_sides.update(new)
        return bool(found)

    def look_together(self, places: Sequence[Place]) -> Difference | None:
        """The derivative along the line on which these elements move together; None where there is no room."""
        if self._differencer is None or not self._room(ONE_SIDED_COST):
            return None
        return self._differencer.together(places)

    def look_around(self, places: Iterable[Place]) -> bool:
        """Widen what may be taken at these kinks to the gradients around them; whether anything new was learned."""
        learned = False
        for place in places:
            if place in self._looked_around or self._differencer is None or not self._room(AROUND_COST):
                continue
            self._looked_around.add(place)
            found = self._differencer.nearby(place)
            if found is not None:
                self._elements[place] = found
                learned = True
        return learned

    def look_at_all(self) -> None:
        """Take derivatives by every element."""
        if self._differencer is not None and not self.complete:
            for place, difference in self._differencer.all_elements().items():
                self._elements.setdefault(place, difference)

    def _lacks(self, place: Place, one_sided: bool) -> bool:
        return place not in (self._asked_sides if one_sided else self._elements)

    def _room(self, cost: int) -> int:
        if self._differencer is None:
            return 0
        left = max(0, self._settings.max_evals - self._differencer.evaluations) // cost
        return left if self._settings.full else min(left, WIDE)

    def summary(self, note: str = "") -> FiniteDifferences:
        """Everything that was taken."""
        evaluations = 0 if self._differencer is None else self._differencer.evaluations
        return FiniteDifferences(self.directions, dict(self._elements), self.complete, evaluations, note)


LARGE = 200_000
"""With more elements than this a pass over them takes milliseconds, and repetitions are left out."""


@dataclass(frozen=True)
class Slope:
    """A random direction, as some gradients see it.

    Attributes:
        value: the derivative that the gradients have along it, `Re Σ g·v`.
        length: the size that `value` has by chance: the root of Σ |g|² times the direction's mean square, by leaf.
        difference: the same derivative by finite differences.
    """

    value: float
    length: float
    difference: Difference

    @property
    def size(self) -> float:
        """What errors along this direction are compared with."""
        return max(self.length, abs(self.difference.value))


def slopes(gradients: Sequence[NDArray[Any]], directions: Sequence[Directional]) -> tuple[Slope, ...]:
    """The derivatives that these gradients have along the directions."""
    squares = [float(np.real(np.vdot(gradient, gradient))) for gradient in gradients]
    found = []
    for direction in directions:
        value, total = 0.0, 0.0
        for gradient, square, vector in zip(gradients, squares, direction.direction):
            along = np.asarray(vector).reshape(-1)
            if along.size:
                value += float(np.real(np.dot(gradient.reshape(-1), along)))
                total += square * float(np.real(np.vdot(along, along))) / along.size
        found.append(Slope(value, float(np.sqrt(total)), direction.difference))
    return tuple(found)
