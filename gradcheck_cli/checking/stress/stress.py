"""`--stress`: a layer at extreme but legal inputs, each instability reported with the smallest input that shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gradcheck_cli.checking.case import Cases, CheckedCase
from gradcheck_cli.checking.stress.culprit import Culprit, backward_mend, culprit
from gradcheck_cli.checking.stress.extreme_case import Looker
from gradcheck_cli.checking.stress.smallest import Smallest, moderate, smallest
from gradcheck_cli.checking.stress.unstable import Unstable, finding
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.examination import NOTHING, Examination
from gradcheck_cli.judge.instability import Symptom
from gradcheck_cli.layers.case import Case, Specification
from gradcheck_cli.layers.inputs.extremes import Extreme, extremes
from gradcheck_cli.layers.inputs.sampling import draw
from gradcheck_cli.layers.layer import BoundLayer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import Status

WORK = 15_000
"""Steps of the forward over all extreme cases: with more of them, fewer cases are looked at."""

LEAST = 8
"""Cases that are looked at whatever they cost."""

MOST_LOOKS = 60
"""Cases that are looked at for the smallest input of one finding."""


@dataclass(frozen=True)
class Stressed:
    """What came of it."""

    examination: Examination = NOTHING
    unstable: tuple[Unstable, ...] = ()


@dataclass
class _Kind:
    """Findings of one kind: the first case that showed it, and what others are like."""

    extreme: Extreme
    symptoms: list[Symptom]
    also: dict[str, None] = field(default_factory=dict)


def stress(
    module: Module,
    bound: BoundLayer,
    specification: Specification,
    inputs: InputOptions,
    traces: Traces,
    cases: Cases,
    checked: Sequence[CheckedCase],
    say: Callable[[str], None],
) -> Stressed:
    """Look at extreme cases of the shapes of the first draw.

    What is wrong at moderate inputs too is not looked at: one cause gives one finding.

    Args:
        checked: the ordinary draws with their verdicts.
        say: is told what is being done.
    """
    if not checked or not checked[0].subject.case.leaves:
        return Stressed()
    base = moderate(checked[0].subject.case)
    judged = _right_at_moderate(checked)
    looker = Looker(module, bound, traces, cases, judged, checked[0].subject.device)
    looker.learn(base)
    all_extremes = extremes(base, specification)
    most = max(LEAST, WORK // max(checked[0].equations, 1))
    kinds: dict[tuple[str, bool], _Kind] = {}
    seen, left_out = 0, {"raises": 0, "not finite": 0, "unclear": 0}
    for number, extreme in enumerate(all_extremes[:most]):
        say(f"stress: {extreme.words} ({number + 1} of {min(len(all_extremes), most)})")
        case = extreme.of(base)
        if _is_same(case, base):
            continue
        look = looker.look(case)
        seen += 1
        if look.why:
            left_out[look.why] += 1
        symptoms = [one for one in look.symptoms if _is_news(one, base, checked)]
        for code in dict.fromkeys(one.code for one in symptoms):
            _sort_in(kinds, extreme, [one for one in symptoms if one.code == code])

    def redraw(sizes: Mapping[str, int]) -> Case | None:
        return _redrawn(base, specification, bound, inputs, sizes)

    found = []
    for kind in _causes(list(kinds.values())):
        say("stress: the smallest input that shows it")
        least = smallest(kind.extreme, base, kind.symptoms[0], looker, redraw, min(MOST_LOOKS, most))
        step, mend = _why(kind.extreme, least)
        said = finding(kind.extreme, kind.symptoms, tuple(kind.also), least, step, mend)
        found.append(Unstable(said, least.case, least.symptom))
    notes = _notes(left_out, seen, len(all_extremes) - most)
    findings = tuple(one.finding for one in found)
    return Stressed(Examination(findings, notes, (f"stress: {seen} extreme inputs",)), tuple(found))


def _right_at_moderate(checked: Sequence[CheckedCase]) -> dict[str, bool]:
    """By leaf name: no draw found anything wrong with its values, and one of them says that they are right."""
    judged: dict[str, bool] = {}
    for one in checked:
        for leaf in one.verdict.leaves:
            name = leaf.received.leaf.name
            judged[name] = judged.get(name, True) and leaf.status is Status.PASS
    return judged


def _is_news(symptom: Symptom, case: Case, checked: Sequence[CheckedCase]) -> bool:
    """Whether this was not found at moderate inputs already: a gradient that fails there is wrong, not unstable."""
    if symptom.leaf is None:
        return not any(finding.code == "GC307" for one in checked for finding in one.verdict.all_findings)
    name = case.leaves[symptom.leaf].name
    return not any(
        leaf.status is Status.FAIL for one in checked for leaf in one.verdict.leaves if leaf.received.leaf.name == name
    )


def _sort_in(kinds: dict[tuple[str, bool], _Kind], extreme: Extreme, symptoms: list[Symptom]) -> None:
    key = (symptoms[0].code, symptoms[0].leaf is None)
    if key not in kinds:
        kinds[key] = _Kind(extreme, symptoms)
    elif extreme.words != kinds[key].extreme.words:
        kinds[key].also.setdefault(extreme.words)


def _is_same(case: Case, base: Case) -> bool:
    return all(
        np.array_equal(np.asarray(case.arguments[leaf.argument]), np.asarray(base.arguments[leaf.argument]))
        if not leaf.path
        else np.array_equal(leaf.value, other.value)
        for leaf, other in zip(case.leaves, base.leaves)
    ) and all(
        case.arguments[name] is base.arguments[name] for name in case.arguments if name not in case.differentiable
    )


def _redrawn(
    base: Case, specification: Specification, bound: BoundLayer, inputs: InputOptions, sizes: Mapping[str, int]
) -> Case | None:
    if any(name in inputs.dimensions and inputs.dimensions[name] != size for name, size in sizes.items()):
        return None
    options = replace(inputs, dimensions={**sizes, **inputs.dimensions}, draws=1)
    try:
        case = draw(base.layer, specification, bound, options, base.draw)
    except UserError:
        return None
    same = [leaf.name for leaf in case.leaves] == [leaf.name for leaf in base.leaves]
    return moderate(case) if same and dict(case.dimensions) == dict(sizes) else None


def _causes(kinds: Sequence[_Kind]) -> list[_Kind]:
    """One finding a cause: what shows at milder inputs of the same sort goes before."""
    causes: list[_Kind] = []
    for kind in kinds:
        if not any(
            (kind.extreme.words, kind.extreme.arguments) == (e.extreme.words, e.extreme.arguments) for e in causes
        ):
            causes.append(kind)
    return causes


def _why(extreme: Extreme, least: Smallest) -> tuple[Culprit | None, str]:
    """The step of the forward that is to blame, where it is the forward's; and what usually mends it."""
    if least.trace is None:
        return None, ""
    if least.symptom.leaf is None:
        found = culprit(least.trace, least.case)
        return found, "" if found is None else found.mend
    if least.symptom.is_finite:
        return None, ""
    return None, backward_mend(least.trace, grows=extreme.grows)


def _notes(left_out: dict[str, int], seen: int, beyond: int) -> tuple[str, ...]:
    notes = []
    reasons = {
        "raises": "the layer raises",
        "not finite": "there is no finite value to compare with",
        "unclear": "nothing could be told",
    }
    parts = [f"{reasons[why]} at {count}" for why, count in left_out.items() if count]
    if parts:
        notes.append(f"stress: {', '.join(parts)} of {seen} extreme inputs")
    if beyond > 0:
        notes.append(f"stress: {beyond} more were left out, for the forward takes many steps")
    return tuple(notes)
