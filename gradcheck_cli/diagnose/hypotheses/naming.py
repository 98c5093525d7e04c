"""From two failing cases to the causes that hypotheses name: what holds in both, with the same name for its number."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass

from gradcheck_cli.diagnose.blame import Judged
from gradcheck_cli.diagnose.cause import Cause
from gradcheck_cli.diagnose.hypotheses import swapped as swaps
from gradcheck_cli.diagnose.hypotheses import wording
from gradcheck_cli.diagnose.hypotheses.elsewhere import Pulls
from gradcheck_cli.diagnose.hypotheses.factors import Factor, common
from gradcheck_cli.diagnose.hypotheses.failing import Failing, Gradient, failing, have_values_in_common, named_alike
from gradcheck_cli.diagnose.hypotheses.own import VAGUE, asymmetric, multiple, rearranged, shuffled
from gradcheck_cli.diagnose.hypotheses.prediction import Fit, Prediction, fitted
from gradcheck_cli.diagnose.hypotheses.reduced import reduced
from gradcheck_cli.diagnose.hypotheses.regions import UNLIKELY, Confined, confined
from gradcheck_cli.diagnose.hypotheses.swapped import swapped

MULTIPLE, SWAPPED, REARRANGED, ELSEWHERE, SHUFFLED, COPIED, CONFINED = 1, 1, 2, 6, 10, 11, 12
"""Ranks among causes: a path that is wrong has 5, a gate 7 to 9. Where the error lies says less than any of them."""

Predictions = Callable[[Gradient, Failing], Iterable[Prediction]]


@dataclass(frozen=True)
class Suspicion:
    """A hypothesis that holds for one leaf in both cases."""

    gradient: Gradient
    prediction: Prediction
    factor: Factor
    explains: float

    @property
    def rank(self) -> tuple[int, int]:
        """How far-fetched."""
        return self.prediction.rank + self.factor.rank, self.prediction.rank

    @property
    def group(self) -> tuple[Hashable, str]:
        """The same for other leaves that it holds for."""
        return self.prediction.key, self.factor.text


def hypotheses(first: Judged, second: Judged) -> tuple[Cause, ...]:
    """The causes that explain the gradient of a leaf, or of several, in both cases."""
    return named(failing(*first), failing(*second))


def named(first: Failing, second: Failing) -> tuple[Cause, ...]:
    """The same, of plain arrays."""
    first, second = named_alike(first, second), named_alike(second, first)
    wrong = []
    for gradient in first.gradients:
        other = second.gradient(gradient.name)
        if other is not None and all(each.is_wrong and each.is_clear for each in (gradient, other)):
            wrong.append((gradient, other))
    cases = _Cases(first, second, tuple(wrong))
    multiples = cases.suspicions(lambda gradient, _: [multiple(gradient)])
    causes = [*_multiples(multiples, first)]
    if len(multiples) == len(wrong):
        return tuple(causes)
    left = cases.without(multiples)
    exchanged = _swaps(left.suspicions(swapped), first)
    causes += exchanged
    left = left.but({name for cause in exchanged for name in cause.gradients})
    own = left.suspicions(_own)
    causes += _together(own, REARRANGED)
    if len(wrong) == 1 and all(each.prediction.rank < VAGUE for each in own) and own:
        return tuple(causes)
    in_common = have_values_in_common(first, second)
    pulls = {id(case): Pulls(case, in_common) for case in (first, second)}
    above = cases.suspicions(lambda gradient, case: pulls[id(case)].for_another_upstream(gradient))
    causes += _together(above, ELSEWHERE)
    if in_common:
        return tuple(causes)
    left = left.without(own).without(above)
    beside = left.suspicions(lambda gradient, case: pulls[id(case)].at_another_input(gradient))
    causes += _together(beside, ELSEWHERE)
    causes += left.without(beside).confined()
    return tuple(causes)


def _own(gradient: Gradient, case: Failing) -> Iterable[Prediction]:
    yield from rearranged(gradient)
    yield from asymmetric(gradient)
    yield from reduced(gradient, case)
    yield from shuffled(gradient)


@dataclass(frozen=True)
class _Cases:
    """Two cases, and the leaves that are wrong in both."""

    first: Failing
    second: Failing
    wrong: tuple[tuple[Gradient, Gradient], ...]

    def without(self, suspicions: Iterable[Suspicion]) -> _Cases:
        return self.but({suspicion.gradient.name for suspicion in suspicions})

    def but(self, names: Collection[str]) -> _Cases:
        return _Cases(self.first, self.second, tuple(pair for pair in self.wrong if pair[0].name not in names))

    def suspicions(self, predictions: Predictions) -> list[Suspicion]:
        """For each leaf one of the hypotheses that hold in both cases: what holds for most leaves, the simplest."""
        shared = [each for gradient, other in self.wrong for each in self._shared(gradient, other, predictions)]
        leaves = Counter(suspicion.group for suspicion in shared)
        chosen: dict[str, Suspicion] = {}
        for suspicion in sorted(shared, key=lambda suspicion: (-leaves[suspicion.group], suspicion.rank)):
            chosen.setdefault(suspicion.gradient.name, suspicion)
        return [chosen[gradient.name] for gradient, _ in self.wrong if gradient.name in chosen]

    def _shared(self, gradient: Gradient, other: Gradient, predictions: Predictions) -> Iterator[Suspicion]:
        fits = _fits(gradient, predictions(gradient, self.first), self.first)
        if not fits:
            return
        wanted = (prediction for prediction in predictions(other, self.second) if prediction.key in fits)
        for key, again in _fits(other, wanted, self.second).items():
            fit = fits[key]
            slack = max(fit.slack, again.slack)
            factor = common(fit.factors, again.factors, slack, lambda each: wording.is_over_others(each, gradient))
            if factor is not None and fit.tells + again.tells >= fit.prediction.needs:
                yield Suspicion(gradient, fit.prediction, factor, min(fit.explains, again.explains))

    def confined(self) -> list[Cause]:
        """The simplest region in which a leaf is wrong in both cases, for each leaf that has one."""
        causes = []
        for gradient, other in self.wrong:
            again = {found.region.key: found for found in confined(other, self.second)}
            shared = [found for found in confined(gradient, self.first) if found.region.key in again]
            shared = [found for found in shared if found.digits + again[found.region.key].digits >= UNLIKELY]
            for best in sorted(shared, key=lambda found: found.region.rank):
                factor = _factor_of(best, again[best.region.key])
                if factor is not None or not best.region.needs_factor:
                    said = wording.confined_claim(best.region.says, factor, gradient)
                    causes.append(Cause("GC211", (gradient.name,), said, 1.0, CONFINED))
                    break
        return causes


def _fits(gradient: Gradient, predictions: Iterable[Prediction], case: Failing) -> dict[Hashable, Fit]:
    found = ((prediction.key, fitted(gradient, prediction, case)) for prediction in predictions)
    return {key: fit for key, fit in found if fit is not None}


def _multiples(suspicions: Iterable[Suspicion], case: Failing) -> list[Cause]:
    """One cause for each number."""
    groups: dict[tuple[str, str], list[Suspicion]] = defaultdict(list)
    for suspicion in suspicions:
        code = wording.code_of_multiple(suspicion.factor, suspicion.gradient)
        groups[code, suspicion.factor.text].append(suspicion)
    causes = []
    for (code, _), group in groups.items():
        gradients, factor = [suspicion.gradient for suspicion in group], group[0].factor
        said = wording.multiple_claim(factor, gradients, are_all=len(gradients) == len(case.gradients))
        causes.append(_cause(code, group, said, MULTIPLE, wording.multiple_mend(factor)))
    return causes


def _together(suspicions: Iterable[Suspicion], rank: int) -> list[Cause]:
    """One cause for all leaves that one hypothesis holds for, with one number."""
    groups: dict[tuple[Hashable, str], list[Suspicion]] = defaultdict(list)
    for suspicion in suspicions:
        groups[suspicion.group].append(suspicion)
    causes = []
    for group in groups.values():
        prediction, gradients = group[0].prediction, [suspicion.gradient for suspicion in group]
        said = wording.claim(prediction.says, prediction.why, group[0].factor, gradients)
        mend = prediction.mend if len(group) == 1 and group[0].factor.is_one else None
        causes.append(_cause(prediction.code, group, said, SHUFFLED if prediction.rank >= VAGUE else rank, mend))
    return causes


def _swaps(suspicions: list[Suspicion], case: Failing) -> list[Cause]:
    """Circles of gradients in each other's place; then gradients that are another's, which is right by itself."""
    source = {s.gradient.name: (s, s.prediction.key[1]) for s in suspicions}  # type: ignore[index]
    causes, told = [], set[str]()
    for name in source:
        circle = [name]
        while (after := source[circle[-1]][1]) in source and after not in circle:
            circle.append(after)
        if name in told or len(circle) < 2 or source[circle[-1]][1] != name:
            continue
        told.update(circle)
        group = [source[each][0] for each in circle]
        said = wording.swapped_claim([s.gradient for s in group], [source[each][1] for each in circle])
        causes.append(_cause(swaps.CODE, group, said, SWAPPED, "return them in the order of the arguments"))
    for name, (suspicion, other) in source.items():
        if name not in told and not swaps.is_a_sum_of_upstream(case, other):
            said = wording.claim(suspicion.prediction.says, "", suspicion.factor, [suspicion.gradient])
            causes.append(_cause(swaps.CODE, [suspicion], said, COPIED, None))
    return causes


def _factor_of(found: Confined, again: Confined) -> Factor | None:
    """What yours is in the region, as a multiple of the gradient."""
    if not found.factors or not again.factors:
        return None
    return common(found.factors, again.factors, max(found.slack, again.slack), lambda _: False)


def _cause(code: str, group: list[Suspicion], said: str, rank: int, mend: str | None) -> Cause:
    names = tuple(suspicion.gradient.name for suspicion in group)
    return Cause(code, names, said, min(suspicion.explains for suspicion in group), rank, mend)
