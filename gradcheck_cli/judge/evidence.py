"""The finite differences that one draw has taken so far, and how many more it may take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.differencer import Differencer, Place
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.witnesses.gradients import Difference, Directional, FiniteDifferences

COST = 8
"""Evaluations of the forward that one element is reckoned to take."""

ONE_SIDED_COST = 32
"""The same where its slopes on the two sides are asked for."""

WIDE = 2_000
"""The most elements of one draw that are looked at where nobody asked for all of them."""


class Evidence:
    """Asks for each finite difference once, within `max_evals`."""

    def __init__(self, differencer: Differencer | None, settings: Settings) -> None:
        self._differencer = differencer
        self._settings = settings
        self._elements: dict[Place, Difference] = {}
        self._asked_sides: set[Place] = set()
        self.directions: tuple[Directional, ...] = ()

    @property
    def elements(self) -> Mapping[Place, Difference]:
        """What is known by element."""
        return self._elements

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


def along(gradients: tuple[NDArray[Any], ...], direction: Directional) -> float:
    """The derivative that these gradients have along the direction: `Re Σ g·v`."""
    total = 0.0
    for gradient, vector in zip(gradients, direction.direction):
        total += float(np.real(np.dot(gradient.reshape(-1), np.asarray(vector).reshape(-1))))
    return total


def length(gradients: tuple[NDArray[Any], ...], direction: Directional) -> float:
    """The size that `along` has by chance: the root of Σ |g|² times the direction's mean square, leaf by leaf."""
    total = 0.0
    for gradient, vector in zip(gradients, direction.direction):
        flat, along_it = gradient.reshape(-1), np.asarray(vector).reshape(-1)
        if flat.size:
            total += float(np.real(np.vdot(flat, flat)) * np.real(np.vdot(along_it, along_it)) / flat.size)
    return float(np.sqrt(total))
