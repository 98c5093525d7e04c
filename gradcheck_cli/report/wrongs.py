"""All that is wrong in a report as one list: every finding, and every layer that could not be judged."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from gradcheck_cli.report.model import ArgumentReport, Blame, Finding, LayerReport, Report, Status, Suppressed

INCONCLUSIVE = "inconclusive"
"""Stands where a finding has its code: what could not be judged breaks no rule."""


@dataclass(frozen=True)
class Wrong:
    """One line of such a list.

    Attributes:
        status: `FAIL`, `ERROR` (GC5xx) or `INCONCLUSIVE`.
        code: of the rule, or `inconclusive`.
        rule: the code's name.
        layer: "" for a problem that belongs to no layer.
        argument: the leaf it concerns, "" where it concerns the whole layer.
        subject: what it is about, in the user's words: the gradient (`dx`), else the layer, else "".
        size: how wrong, to order by: the largest relative error; infinite where a gradient cannot even be compared.
        numbers: the verdict on the argument it concerns.
        blame: the path through the forward that is wrong.
    """

    status: Status
    code: str
    rule: str
    path: str
    line: int
    layer: str
    argument: str
    subject: str
    message: str
    mend: str = ""
    size: float = 0.0
    numbers: ArgumentReport | None = None
    blame: Blame | None = None


def wrongs(report: Report) -> list[Wrong]:
    """In the report's order, what belongs to no layer first."""
    found = [_of_finding(error, None) for error in report.errors]
    found += [_unchecked(one) for one in report.suppressed]
    for layer in report.layers:
        found += _of_layer(layer)
    return found


def worst_first(entries: list[Wrong]) -> list[Wrong]:
    """What could not be checked, then what is wrong, the largest error first, then what could not be judged.

    Errors come first as everywhere in a report: of what was not checked nothing is known. Among equals, as found.
    """
    order = (Status.ERROR, Status.FAIL, Status.INCONCLUSIVE)
    return sorted(entries, key=lambda entry: (order.index(entry.status), -entry.size))


def _of_layer(layer: LayerReport) -> Iterator[Wrong]:
    for finding in layer.findings:
        yield _of_finding(finding, layer)
    if layer.findings or layer.status is Status.PASS:
        return
    unknown = [argument for argument in layer.arguments if argument.status is layer.status]
    for argument in unknown:
        yield _unjudged(layer, argument)
    if not unknown:
        yield _unjudged(layer, None)


def _of_finding(finding: Finding, layer: LayerReport | None) -> Wrong:
    argument = _argument(finding, layer)
    name = layer.name if layer is not None else ""
    subject = argument.gradient_name if argument is not None else finding.argument or name
    return Wrong(
        status=_status(finding, layer),
        code=finding.code,
        rule=finding.rule,
        path=finding.path,
        line=max(1, finding.line or (layer.line if layer is not None else 1)),
        layer=name,
        argument=finding.argument or "",
        subject=subject,
        message=finding.message,
        mend=finding.mend or "",
        size=_size(argument),
        numbers=argument,
        blame=finding.blame,
    )


def _status(finding: Finding, layer: LayerReport | None) -> Status:
    if finding.code.startswith("GC5"):
        return Status.ERROR
    return Status.INCONCLUSIVE if layer is not None and layer.status is Status.INCONCLUSIVE else Status.FAIL


def _unchecked(one: Suppressed) -> Wrong:
    """A module that did not load, whose error does not count: its layers were not checked all the same."""
    return Wrong(
        status=Status.INCONCLUSIVE,
        code=INCONCLUSIVE,
        rule=INCONCLUSIVE,
        path=one.finding.path,
        line=max(1, one.finding.line or 1),
        layer="",
        argument="",
        subject="",
        message=f"not checked, and {one.finding.code} is ignored by {one.by}: {one.finding.message}",
        mend=one.finding.mend or "",
    )


def _argument(finding: Finding, layer: LayerReport | None) -> ArgumentReport | None:
    known = layer.arguments if layer is not None else ()
    return next((argument for argument in known if argument.name == finding.argument), None)


def _unjudged(layer: LayerReport, argument: ArgumentReport | None) -> Wrong:
    why = argument.why if argument is not None else ""
    if not why:
        why = next(iter(layer.notes), "") or "it could not be judged"
    return Wrong(
        status=layer.status,
        code=layer.status.value,
        rule=layer.status.value,
        path=layer.path,
        line=max(1, layer.line),
        layer=layer.name,
        argument=argument.name if argument is not None else "",
        subject=argument.gradient_name if argument is not None else layer.name,
        message=why,
        numbers=argument,
    )


def _size(argument: ArgumentReport | None) -> float:
    """NaN is worse than any number; a wrong shape or count has no number at all."""
    if argument is None or argument.status is Status.PASS:
        return 0.0
    error = argument.max_rel_error if argument.max_rel_error is not None else argument.max_abs_error
    return math.inf if error is None or math.isnan(error) else error
