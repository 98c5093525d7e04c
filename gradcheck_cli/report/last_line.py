"""The last line: how many, with which seed, where, how long, and how small an error would have been seen."""

from __future__ import annotations

from rich.text import Text

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.marks import QUIET, STATUS_STYLE
from gradcheck_cli.report.model import Report, Status
from gradcheck_cli.report.numbers import counted, duration, power_above
from gradcheck_cli.report.screen import Screen, joined

_WORDS = {
    Status.FAIL: ("failed", "failed"),
    Status.ERROR: ("error", "errors"),
    Status.INCONCLUSIVE: ("inconclusive", "inconclusive"),
    Status.PASS: ("passed", "passed"),
}


def last_line(report: Report, screen: Screen) -> Text:
    """One line where it fits, else broken between its parts."""
    parts = [_counts(report)]
    parts.append(Text(f"seed {report.seed}", style=QUIET))
    parts.append(screen.text(one_line(report.device), QUIET))
    parts.append(Text(duration(report.seconds), style=QUIET))
    if sentence := caught(report):
        parts.append(Text(sentence, style=QUIET))
    return joined(parts, screen, 1)


def counts(report: Report) -> list[tuple[Status, str]]:
    """`1 failed`, `2 passed`: the worst first, what there is none of left out."""
    known = [(status, report.count(status), words) for status, words in _WORDS.items()]
    return [(status, f"{count} {one if count == 1 else many}") for status, count, (one, many) in known if count]


def weakest_sensitivity(report: Report) -> float | None:
    """The smallest relative error of any one element that every judged layer's check would have caught."""
    known = [layer.sensitivity for layer in report.layers if layer.sensitivity is not None]
    return max(known) if known else None


def caught(report: Report) -> str:
    """`would have caught a relative error of 2e-8 in any element`; "" where nothing was judged."""
    sensitivity = weakest_sensitivity(report)
    if sensitivity is None:
        return ""
    known = [layer.typical_sensitivity for layer in report.layers if layer.typical_sensitivity is not None]
    every, typical = power_above(sensitivity), power_above(max(known, default=sensitivity))
    most = f"{typical} in 19 of 20 elements, " if typical != every else ""
    return f"would have caught a relative error of {most}{every} in any element"


def _counts(report: Report) -> Text:
    line = Text()
    for status, words in counts(report):
        if line:
            line.append(", ")
        line.append(words, style=STATUS_STYLE[status])
    if line and report.ignored:
        line.append(f", {counted(len(report.ignored), 'finding')} ignored", style=STATUS_STYLE[Status.INCONCLUSIVE])
    return line or Text("no layers found", style=STATUS_STYLE[Status.INCONCLUSIVE])
