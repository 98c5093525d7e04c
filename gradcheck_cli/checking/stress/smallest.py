"""The smallest inputs that still show a symptom: fewer entries, the mildest magnitude, the plainest values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradcheck_cli.checking.stress.extreme_case import Looker
from gradcheck_cli.judge.instability import Symptom
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.inputs.extremes import Extreme, rounded, with_values
from gradcheck_cli.tracing.trace import Trace

BISECTIONS = 14
DIGITS = 4
MODERATE = 1.0
FEW = 8
"""Arrays of at most so many entries have them set to zero one by one."""

Redraw = Callable[[Mapping[str, int]], Case | None]
"""A case like the first, with other sizes for these dimensions; None where it cannot be drawn."""


@dataclass(frozen=True)
class Smallest:
    """What is left.

    Attributes:
        case: the inputs.
        symptom: what they show.
        magnitude: from where on it begins; None where that was not found, or the extreme has no size.
        trace: of the forward there.
    """

    case: Case
    symptom: Symptom
    magnitude: float | None
    trace: Trace | None


def smallest(extreme: Extreme, case: Case, symptom: Symptom, looker: Looker, redraw: Redraw, looks: int) -> Smallest:
    """Reduce `case`, whose extreme showed `symptom`, in at most so many looks."""
    search = _Search(extreme, case, symptom, looker, looks)
    base = search.fewer_entries(case, redraw)
    final, magnitude = search.mildest(base)
    look = looker.look(final)
    shown = search.same(look.symptoms) or symptom
    return Smallest(final, shown, magnitude, look.trace)


class _Search:
    """Asks whether a case still shows the symptom, a limited number of times."""

    def __init__(self, extreme: Extreme, case: Case, symptom: Symptom, looker: Looker, looks: int) -> None:
        self._extreme = extreme
        drawn = [leaf.value for leaf in case.leaves if leaf.argument in extreme.arguments]
        self._is_signed = any((value.real < 0).any() for value in drawn)
        self._symptom = symptom
        self._looker = looker
        self._left = looks

    def same(self, symptoms: tuple[Symptom, ...]) -> Symptom | None:
        """The one among these that is the same: the same array, not finite or wrong as before."""
        wanted = self._symptom
        for one in symptoms:
            if (one.code, one.leaf, one.is_finite) == (wanted.code, wanted.leaf, wanted.is_finite):
                return one
        return None

    def shows(self, case: Case) -> bool:
        """Whether the case shows it."""
        if self._left <= 0:
            return False
        self._left -= 1
        return self.same(self._looker.look(case).symptoms) is not None

    def fewer_entries(self, case: Case, redraw: Redraw) -> Case:
        """The case with each named dimension as short as can be."""
        for name in sorted(case.dimensions, key=lambda name: -case.dimensions[name]):
            for size in (1, 2):
                if size >= case.dimensions[name]:
                    break
                smaller = redraw({**case.dimensions, name: size})
                if smaller is None or _entries(smaller) >= _entries(case):
                    continue
                if any(self.shows(made) for made in self._made(smaller)):
                    case = smaller
                    break
        return case

    def mildest(self, base: Case) -> tuple[Case, float | None]:
        """The plainest values, and among them those nearest to moderate ones that show it; how large these are."""
        case = next((made for made in self._made(base) if self.shows(made)), self._extreme.of(base))
        if not self._extreme.is_scaled:
            magnitude = self._bisected(lambda size: self._extreme.of(base, size), self._extreme.magnitude)
            return (case if magnitude is None else self._extreme.of(base, magnitude)), magnitude
        case = self._plainer(case)
        values = {(leaf.argument, leaf.path): leaf.value for leaf in case.leaves if leaf.argument in self._among}
        largest = max(float(np.max(np.abs(value.astype(np.float64)), initial=0.0)) for value in values.values())

        def scaled(size: float) -> Case:
            return with_values(case, {at: value.astype(np.float64) * (size / largest) for at, value in values.items()})

        magnitude = self._bisected(scaled, largest) if largest else None
        return (case if magnitude is None else scaled(magnitude)), magnitude

    @property
    def _among(self) -> tuple[str, ...]:
        return self._extreme.arguments

    def _made(self, base: Case) -> Iterator[Case]:
        """The extreme; where signs are free, its largest entry positive first, for that is plainer, then negative."""
        made = self._extreme.of(base)
        if not self._extreme.is_scaled or self._extreme.magnitude is None or not self._is_signed:
            yield made
            return
        flipped = self._extreme.of(base, -self._extreme.magnitude)
        yield from (made, flipped) if _leads_positive(made, self._among) else (flipped, made)

    def _bisected(self, made: Callable[[float], Case], extreme: float | None) -> float | None:
        """The magnitude nearest to one that shows it, by bisection of its logarithm; None where one itself does."""
        if extreme is None or self.shows(made(MODERATE)):
            return None
        near, far = math.log(MODERATE), math.log(extreme)
        for _ in range(BISECTIONS):
            middle = (near + far) / 2
            if self.shows(made(math.exp(middle))):
                far = middle
            else:
                near = middle
            if abs(far - near) < 10.0 ** -(DIGITS + 1):
                break
        for digits in (DIGITS, DIGITS + 2):
            mild = rounded(math.exp(far), digits, up=extreme > 1)
            if self.shows(made(mild)):
                return mild
        return extreme

    def _plainer(self, case: Case) -> Case:
        """Entries that do not matter set to zero, other arguments to one."""
        for leaf in case.leaves:
            place = (leaf.argument, leaf.path)
            if leaf.argument not in self._among:
                case = self._if_it_shows(case, with_values(case, {place: np.ones(leaf.value.shape)}))
            elif 1 < leaf.value.size <= FEW and self._is_signed:
                for position in range(leaf.value.size):
                    values = next(one.value for one in case.leaves if (one.argument, one.path) == place).copy()
                    if values.reshape(-1)[position] == 0:
                        continue
                    values.reshape(-1)[position] = 0
                    case = self._if_it_shows(case, with_values(case, {place: values}))
        return case

    def _if_it_shows(self, case: Case, plainer: Case) -> Case:
        return plainer if self.shows(plainer) else case


def _leads_positive(case: Case, arguments: Sequence[str]) -> bool:
    """Whether the largest entry of these arguments' first array is positive."""
    for leaf in case.leaves:
        if leaf.argument in arguments and leaf.value.size:
            flat = leaf.value.reshape(-1)
            return bool(flat[int(np.argmax(np.abs(flat)))].real > 0)
    return True


def _entries(case: Case) -> int:
    return sum(leaf.value.size for leaf in case.leaves)


def moderate(case: Case) -> Case:
    """The case without its notes: what is made of it is not what they speak of."""
    return replace(case, notes=())
