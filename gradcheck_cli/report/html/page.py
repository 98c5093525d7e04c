"""The whole page: what came out, the table of all layers, a section for each that did not pass."""

from __future__ import annotations

from gradcheck_cli.report import ignored
from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.html.parts import bullets, document, table
from gradcheck_cli.report.html.sections import error_section, layer_section, verdict
from gradcheck_cli.report.html.style import STYLE
from gradcheck_cli.report.html.text import facts, name, prose, shown
from gradcheck_cli.report.last_line import caught, counts
from gradcheck_cli.report.model import LayerReport, Report, Status
from gradcheck_cli.report.numbers import duration
from gradcheck_cli.report.places import relative_path
from gradcheck_cli.report.problem import Problem
from gradcheck_cli.report.rows import TITLES, Row, rows
from gradcheck_cli.report.summary import worst_first


def render_html(report: Report, ending: Ending) -> str:
    """One document, also for a run that never began."""
    words = ", ".join(text for _, text in counts(report))
    title = words or ("not run" if ending.problem is not None else "no layers found")
    parts = [_header(report, title)]
    if ending.problem is not None:
        parts.append(_problem(ending.problem, ending))
    if report.layers:
        parts.append(_summary(report))
    parts += [error_section(error, f"module-{number}", ending) for number, error in enumerate(report.errors)]
    for layer in worst_first(report.layers):
        if layer.status is not Status.PASS:
            parts.append(layer_section(layer, _anchor(report, layer), ending))
    if notes := [*ignored.sentences(report), *report.notes]:
        parts.append(bullets(notes))
    return document(f"gradcheck: {title}", STYLE, "\n".join(parts))


def _header(report: Report, title: str) -> str:
    chips = ", ".join(f'<span class="{status.value}">{words}</span>' for status, words in counts(report))
    known = [f"gradcheck {report.version}", f"seed {report.seed}", report.device]
    known += [duration(report.seconds), *filter(None, [caught(report)])]
    return f'<header><h1>gradcheck: {chips or title}</h1><p class="quiet">{facts(" · ".join(known))}</p></header>'


def _problem(problem: Problem, ending: Ending) -> str:
    listed = []
    if problem.mend:
        listed.append(("mend", prose(problem.mend)))
    if problem.path is not None:
        line = "" if problem.line is None else f":{problem.line}"
        listed.append(("at", name(relative_path(problem.path, ending.folder) + line)))
    terms = "".join(f"<dt>{label}</dt><dd>{fact}</dd>" for label, fact in listed)
    kind = f'<span class="error">{problem.kind}</span>'
    return f'<div class="finding"><h3>{kind}</h3><p>{prose(problem.message)}</p><dl>{terms}</dl></div>'


def _summary(report: Report) -> str:
    cells = []
    for layer in report.layers:
        link = _anchor(report, layer) if layer.status is not Status.PASS else ""
        cells += [_row(row, link) for row in rows(layer)]
    return table(TITLES, cells, (3, 4), "All layers", "summary")


def _row(row: Row, link: str) -> list[str]:
    layer = name(row.layer) if row.layer else ""
    if layer and link:
        layer = f'<a href="#{link}">{layer}</a>'
    gradient = name(row.gradient) if row.gradient else ""
    return [layer, gradient, verdict(row.status), shown(row.error), shown(row.wrong), shown(row.decided_by)]


def _anchor(report: Report, layer: LayerReport) -> str:
    return f"layer-{next(number for number, other in enumerate(report.layers) if other is layer)}"
