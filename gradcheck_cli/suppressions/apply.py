"""From the engine's report to the one that is shown: findings that do not count are set aside, and said to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gradcheck_cli.report.model import Finding, LayerReport, Report, Status, Suppressed
from gradcheck_cli.suppressions.baseline import Baseline, Key
from gradcheck_cli.suppressions.codes import ERRORS
from gradcheck_cli.suppressions.comments import Ignores, ignores_in
from gradcheck_cli.suppressions.matching import Source, matches
from gradcheck_cli.suppressions.scope import Scope
from gradcheck_cli.suppressions.told import Suppressions
from gradcheck_cli.suppressions.unused import is_answered, unused_entries, unused_words


@dataclass(frozen=True)
class _Judged:
    """A finding, what hides it ("" where it counts), and every word that would."""

    finding: Finding
    by: str
    sources: tuple[Source, ...] = ()


def suppressed(report: Report, told: Suppressions, sources: Mapping[str, str], scope: Scope) -> Report:
    """The report without what does not count.

    A layer's status is that of what is left. What could not be checked, and was told not to count, is inconclusive:
    nobody knows whether it is right.

    Args:
        report: the engine's.
        told: what does not count.
        sources: the text of each module that holds a layer or a finding, as far as it can be read.
        scope: what was checked.
    """
    ignores = {path: ignores_in(source) for path, source in sources.items()}
    errors = _judged(None, report.errors, told, ignores)
    used = {source for one in errors for source in one.sources}
    spent, needed = Counter[Key](), Counter[Key]()
    layers = []
    for layer in report.layers:
        judged = _judged(layer, layer.findings, told, ignores)
        used |= {source for one in judged for source in one.sources}
        if told.baseline is not None:
            needed.update(told.baseline.key(layer, one.finding).plain for one in judged if not one.sources)
            judged = _by_baseline(layer, judged, told.baseline, spent)
        layers.append(_without(layer, judged))
    vain = unused_words(report, ignores, told.per_file, used, scope)
    if told.baseline is not None:
        vain += unused_entries(report, told.baseline, needed, scope)
    return replace(
        report,
        layers=tuple(layers),
        errors=tuple(one.finding for one in errors if not one.by),
        suppressed=_set_aside(errors),
        unused_ignores=tuple(vain),
    )


def renewed(
    report: Report, told: Suppressions, baseline: Baseline, sources: Mapping[str, str], scope: Scope
) -> Baseline:
    """The baseline that hides what the engine's report holds and nothing else hides.

    Entries of what was not checked are kept. What could not be checked gets none: nobody knows what it hides.
    """
    ignores = {path: ignores_in(source) for path, source in sources.items()}
    found = Counter(
        baseline.key(layer, one.finding)
        for layer in report.layers
        for one in _judged(layer, layer.findings, told, ignores)
        if not one.by and one.finding.code not in ERRORS
    )
    kept = {
        key: count
        for key, count in baseline.counts.items()
        if not is_answered(key, report, baseline, scope, told.silenced)
    }
    return Baseline(baseline.file, {key: max(found[key], kept.get(key, 0)) for key in {**found, **kept}})


def _judged(
    layer: LayerReport | None, findings: Sequence[Finding], told: Suppressions, ignores: Mapping[str, Ignores]
) -> list[_Judged]:
    judged = []
    for finding in findings:
        found = tuple(matches(layer, finding, ignores, told.per_file))
        by = found[0].by if found else told.option(finding.code)
        judged.append(_Judged(finding, by, tuple(match.source for match in found)))
    return judged


def _by_baseline(
    layer: LayerReport, judged: Sequence[_Judged], baseline: Baseline, spent: Counter[Key]
) -> list[_Judged]:
    """What nothing else hides is taken from the baseline, as long as it lasts; `spent` counts what was taken."""
    after = list(judged)
    for at in sorted(range(len(judged)), key=lambda at: judged[at].finding.code):  # which are hidden hangs on no order
        one = judged[at]
        key = baseline.key(layer, one.finding)
        entries = (entry for entry, count in baseline.counts.items() if entry.stands_for(key) and spent[entry] < count)
        entry = None if one.by or one.finding.code in ERRORS else next(entries, None)
        if entry is not None:
            spent[entry] += 1
            after[at] = replace(one, by="baseline")
    return after


def _without(layer: LayerReport, judged: Sequence[_Judged]) -> LayerReport:
    hidden = _set_aside(judged)
    if not hidden:
        return layer
    left = tuple(one.finding for one in judged if not one.by)
    return replace(layer, findings=left, suppressed=hidden, status=_status(layer, left, hidden))


def _status(layer: LayerReport, left: Sequence[Finding], hidden: Sequence[Suppressed]) -> Status:
    """The engine's order: a finding, an error, what is inconclusive. A gradient that fails has its finding hidden."""
    if any(finding.code not in ERRORS for finding in left):
        return Status.FAIL
    if left:
        return Status.ERROR
    unknown = any(argument.status is Status.INCONCLUSIVE for argument in layer.arguments)
    unchecked = any(one.finding.code in ERRORS for one in hidden)
    return Status.INCONCLUSIVE if unknown or unchecked or layer.status is Status.INCONCLUSIVE else Status.PASS


def _set_aside(judged: Sequence[_Judged]) -> tuple[Suppressed, ...]:
    return tuple(Suppressed(one.finding, one.by) for one in judged if one.by)
