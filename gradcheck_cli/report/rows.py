"""The summary as rows of plain text, for documents: one for a layer that passes, one an argument of any other."""

from __future__ import annotations

from dataclasses import dataclass

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.marks import UNICODE
from gradcheck_cli.report.model import LayerReport, Status
from gradcheck_cli.report.screen import Screen
from gradcheck_cli.report.summary import decider, relative_error

TITLES = ("layer", "gradient", "verdict", "worst relative error", "wrong", "decided by")
_SCREEN = Screen(width=100)


@dataclass(frozen=True)
class Row:
    """One row; what it does not know is a dash, and `layer` is "" where it is that of the row above."""

    layer: str
    gradient: str
    status: Status
    error: str = UNICODE.dash
    wrong: str = UNICODE.dash
    decided_by: str = UNICODE.dash


def rows(layer: LayerReport) -> list[Row]:
    """The rows of one layer; rules that it breaks beside its values come last."""
    name = one_line(layer.name)
    if not layer.arguments or layer.status is Status.PASS:
        return [_whole(layer, name)]
    wrong = {argument.name for argument in layer.arguments if argument.status is Status.FAIL}
    found = [
        Row(
            name if position == 0 else "",
            one_line(argument.gradient_name),
            argument.status,
            relative_error(argument, _SCREEN),
            f"{argument.wrong:,} of {argument.total:,}" if _is_judged(argument.max_abs_error) else UNICODE.dash,
            decider(argument.decided_by) or UNICODE.dash,
        )
        for position, argument in enumerate(layer.arguments)
    ]
    beside = {finding.code: finding.rule for finding in layer.findings if finding.argument not in wrong}
    return [*found, *(Row("", rule, layer.status, decided_by=code) for code, rule in beside.items())]


def _whole(layer: LayerReport, name: str) -> Row:
    if not layer.arguments:
        codes = ", ".join(dict.fromkeys(finding.code for finding in layer.findings))
        return Row(name, "", layer.status, decided_by=codes or UNICODE.dash)
    known = [argument for argument in layer.arguments if argument.max_rel_error is not None]
    worst = max(known, key=lambda argument: argument.max_rel_error or 0.0, default=layer.arguments[0])
    wrong, total = sum(a.wrong for a in layer.arguments), sum(a.total for a in layer.arguments)
    deciders = dict.fromkeys(decider(argument.decided_by) for argument in layer.arguments if argument.decided_by)
    return Row(
        name,
        ", ".join(one_line(argument.gradient_name) for argument in layer.arguments),
        layer.status,
        relative_error(worst, _SCREEN),
        f"{wrong:,} of {total:,}",
        ", ".join(deciders) or UNICODE.dash,
    )


def _is_judged(error: float | None) -> bool:
    return error is not None
