"""The search: smaller sizes, then a plainer upstream gradient, then plainer values, as long as it still fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.checking.shrink import cases
from gradcheck_cli.checking.shrink.patterns import MOST, scattered
from gradcheck_cli.layers.case import Case, Specification
from gradcheck_cli.layers.layer import BoundLayer
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.witnesses.gradients import Upstream

Shown = TypeVar("Shown")
Fails = Callable[[Case, Upstream | None, "Shown | None"], tuple[Shown, Upstream] | None]
"""Whether a case fails, and how it shows; the upstream gradient is drawn where none is given. The third argument is how
the case before it failed, where this one must fail in the same place."""


@dataclass
class Budget:
    """How many cases may be tried, and until when: in seconds of this process, which another's load does not take."""

    tries: int
    until: float

    @classmethod
    def of(cls, tries: int, seconds: float) -> Budget:
        """From now on."""
        return cls(tries, time.process_time() + seconds)

    def spend(self) -> bool:
        """Whether there is one more."""
        self.tries -= 1
        return self.tries >= 0 and time.process_time() < self.until


@dataclass(frozen=True)
class Failing(Generic[Shown]):
    """A case that fails, and how it shows."""

    case: Case
    upstream: Upstream
    shown: Shown


@dataclass(frozen=True)
class Search(Generic[Shown]):
    """What a search needs to know of a layer."""

    bound: BoundLayer
    specification: Specification
    options: InputOptions
    fails: Fails[Shown]

    def smaller(self, start: Failing[Shown], budget: Budget) -> Failing[Shown]:
        """The same failure with each named dimension as small as it can be, one after the other."""
        best = start
        names = cases.free_sizes(start.case, self.specification, self.options)
        for size in (1, 2):
            sizes = {name: min(size, old) for name, old in names.items()}
            if len(names) > 1 and sizes != names and (found := self._of_sizes(best.case, sizes, budget)) is not None:
                best = found
                break
        for name in names:
            for size in range(1, best.case.dimensions.get(name, 1)):
                sizes = {other: best.case.dimensions.get(other, names[other]) for other in names} | {name: size}
                if (found := self._of_sizes(best.case, sizes, budget)) is not None:
                    best = found
                    break
        return best

    def _of_sizes(self, case: Case, sizes: dict[str, int], budget: Budget) -> Failing[Shown] | None:
        if not budget.spend():
            return None
        smaller = cases.of_sizes(case, self.specification, self.bound, self.options, sizes)
        found = None if smaller is None else self.fails(smaller, None, None)
        return None if smaller is None or found is None else Failing(smaller, found[1], found[0])

    def plainer(self, start: Failing[Shown], budget: Budget) -> Failing[Shown]:
        """The same failure with ones and small whole numbers, as far as it goes."""
        best = self._plainer_upstream(self._without_long_settings(start, budget), budget)
        positions = cases.simplifiable(best.case, self.specification)
        changed = self._first_values(best, positions, budget) if positions else None
        if changed is None:
            for position in positions:
                best = self._first_values(best, (position,), budget) or best
        else:
            best = changed
        for position in positions:
            best = self._elements(best, position, budget)
        return best

    def _without_long_settings(self, start: Failing[Shown], budget: Budget) -> Failing[Shown]:
        """The same failure, in whatever element, where labels or indices too long to be written down are counted."""
        changed = cases.of_patterns(start.case, (), self.specification)
        if changed is start.case or not budget.spend():
            return start
        found = self.fails(changed, start.upstream, None)
        return start if found is None else Failing(changed, found[1], found[0])

    def _plainer_upstream(self, best: Failing[Shown], budget: Budget) -> Failing[Shown]:
        if best.case.layer.unit_upstream:
            return best
        for make in (np.ones, _counted, scattered):
            if make is scattered and all(weights.size <= MOST for weights in best.upstream.flat):
                break
            if (found := self._try(best, best.case, cases.of_upstream(best.upstream, make), budget)) is not None:
                return found
        return best

    def _first_values(self, best: Failing[Shown], positions: tuple[int, ...], budget: Budget) -> Failing[Shown] | None:
        for values in cases.plain_values(best.case, positions, self.specification):
            changed = cases.of_values(best.case, values)
            if (found := self._try(best, changed, best.upstream, budget)) is not None:
                return found
        return None

    def _elements(self, best: Failing[Shown], position: int, budget: Budget) -> Failing[Shown]:
        value = best.case.leaves[position].value
        if value.size > _MOST_ELEMENTS or value.dtype.kind == "c":
            return best
        done: set[tuple[int, ...]] = set()
        for index, number in list(
            cases.plain_elements(value, cases.domain_of(best.case, position, self.specification))
        ):
            if index in done:
                continue
            other = np.array(best.case.leaves[position].value)
            other[index] = number
            found = self._try(best, cases.of_values(best.case, {position: other}), best.upstream, budget)
            if found is not None:
                best = found
                done.add(index)
        return best

    def _try(self, best: Failing[Shown], case: Case, upstream: Upstream, budget: Budget) -> Failing[Shown] | None:
        if not budget.spend():
            return None
        found = self.fails(case, upstream, best.shown)
        return None if found is None else replace(best, case=case, upstream=found[1], shown=found[0])


def _counted(shape: tuple[int, ...]) -> NDArray[np.float64]:
    return np.arange(1.0, np.prod(shape, dtype=int) + 1).reshape(shape)


_MOST_ELEMENTS = 12
