"""The report as Markdown, GitHub's kind: for a job summary, a comment, a page that is kept.

Whatever a module's names hold is shown as it is written, never as Markdown or HTML.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gradcheck_cli.report import ignored
from gradcheck_cli.report.elements_table import element_cells
from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.escaping import one_line, plain
from gradcheck_cli.report.last_line import caught, counts
from gradcheck_cli.report.map_view import map_view
from gradcheck_cli.report.marked_source import marked_text
from gradcheck_cli.report.marks import STATUS_WORD, UNICODE
from gradcheck_cli.report.model import ArgumentReport, Finding, LayerReport, Report, Status
from gradcheck_cli.report.network.model import NetworkReport
from gradcheck_cli.report.network.rows import LEGEND, stage_rows
from gradcheck_cli.report.network.rows import TITLES as STAGE_TITLES
from gradcheck_cli.report.numbers import counted, duration
from gradcheck_cli.report.places import relative_path
from gradcheck_cli.report.problem import Problem
from gradcheck_cli.report.prose import spans
from gradcheck_cli.report.rows import TITLES, Row, rows
from gradcheck_cli.report.screen import Screen
from gradcheck_cli.report.shapes import shape_text
from gradcheck_cli.report.summary import worst_first

MOST_BYTES = 1_000_000
"""GitHub refuses a job summary of more than 1 MiB."""
_MOST_ELEMENTS = 10
_SCREEN = Screen(width=100)
_SPECIAL = re.compile(r"[\\`*_\[\]<>|~&$#]")
_AT_THE_START = re.compile(r"^([-+=]|\d{1,9}(?=[.)](?:\s|$)))")
"""What makes a list or a heading of a line that it begins."""


def render_markdown(report: Report, ending: Ending) -> str:
    """One document; where it grows too long for a job summary, its last sections make room for a line that says so."""
    blocks = [_heading(report, ending.problem)]
    if ending.problem is not None:
        blocks.append(_problem(ending.problem, ending))
    if report.layers:
        blocks.append(_table(TITLES, [_row(row) for layer in report.layers for row in rows(layer)], right=(3, 4)))
    sections = [_error(error, ending) for error in report.errors]
    sections += [_layer(layer, ending) for layer in worst_first(report.layers) if layer.status is not Status.PASS]
    notes = [*ignored.sentences(report), *report.notes]
    tail = [_bullets(notes)] if notes else []
    size = sum(len(block.encode()) + 2 for block in (*blocks, *tail))
    for position, section in enumerate(sections):
        size += len(section.encode()) + 2
        if size > MOST_BYTES:
            blocks.append(f"*{counted(len(sections) - position, 'more section')} left out, for the document's length.*")
            break
        blocks.append(section)
    return "\n\n".join([*blocks, *tail]) + "\n"


def escaped(content: str) -> str:
    """Text that Markdown shows as it is, wherever in a line it stands but at its start; line breaks become spaces."""
    return _SPECIAL.sub(r"\\\g<0>", re.sub(r"\s*\n\s*", " ", plain(content)))


def code(content: str, *, in_table: bool = False) -> str:
    """A code span, with as many backticks around it as it needs; in a table a bar needs a backslash even there."""
    flat = one_line(content)
    if not flat.strip():
        return "–"
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", flat)), default=0))
    space = " " if flat.startswith("`") or flat.endswith("`") or (flat[0] == flat[-1] == " ") else ""
    span = f"{ticks}{space}{flat}{space}{ticks}"
    return span.replace("|", r"\|") if in_table else span


def prose(sentence: str) -> str:
    """A sentence of the report as a paragraph, or the rest of one, with its code in code spans."""
    text = "".join(code(span.text) if span.is_code else escaped(span.text) for span in spans(sentence)).strip()
    return _AT_THE_START.sub(lambda match: _marked(match[1]), text)


def fenced(content: str, language: str = "text") -> str:
    """A block of code, with a fence that is longer than any in it."""
    safe = plain(content).rstrip("\n")
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", safe)), default=0))
    return f"{fence}{language}\n{safe}\n{fence}"


def _marked(start: str) -> str:
    """A digit cannot be escaped: of `1.` it is written as a reference."""
    return f"&#{ord(start[0])};{start[1:]}" if start[0].isdigit() else f"\\{start}"


def _heading(report: Report, problem: Problem | None) -> str:
    words = ", ".join(text for _, text in counts(report))
    title = words or ("not run" if problem is not None else "no layers found")
    facts = [f"gradcheck {escaped(report.version)}", f"seed {report.seed}", escaped(report.device)]
    facts += [duration(report.seconds), *filter(None, [caught(report)])]
    return f"# gradcheck: {title}\n\n{' · '.join(facts)}"


def _problem(problem: Problem, ending: Ending) -> str:
    lines = [f"**{problem.kind}**: {prose(problem.message)}"]
    if problem.path is not None:
        lines.append(f"- at {_place(problem.path, problem.line, ending)}")
    if problem.mend:
        lines.append(f"- mend: {prose(problem.mend)}")
    return lines[0] + ("\n\n" + "\n".join(lines[1:]) if lines[1:] else "")


def _row(row: Row) -> list[str]:
    verdict = f"{UNICODE.status[row.status]} {STATUS_WORD[row.status]}"
    verdict = verdict if row.status is Status.PASS else f"**{verdict}**"
    names = [code(name, in_table=True) if name else "" for name in (row.layer, row.gradient)]
    return [*names, verdict, row.error, row.wrong, row.decided_by]


def _table(titles: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[int]) -> str:
    rule = ["---:" if position in right else "---" for position in range(len(titles))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (titles, rule, *cells))


def _error(error: Finding, ending: Ending) -> str:
    return f"## ! {code(relative_path(error.path, ending.folder))}\n\n{_finding(error, ending)}"


def _layer(layer: LayerReport, ending: Ending) -> str:
    blocks = [
        f"## {UNICODE.status[layer.status]} {code(layer.name)}",
        f"{_place(layer.path, layer.line, ending)} · {escaped(layer.convention)}",
        *(_finding(finding, ending) for finding in layer.findings),
    ]
    if layer.network is not None:
        blocks += _way_back(layer.network)
    for argument in layer.arguments:
        if argument.status is not Status.PASS:
            blocks += _argument(argument)
    if layer.script:
        blocks += ["Reproduce it without gradcheck, on the smallest case found:", fenced(layer.script, "python")]
    if layer.reproduce:
        blocks.append(fenced(one_line(layer.reproduce), "sh"))
    if layer.notes:
        blocks.append(_bullets(layer.notes))
    return "\n\n".join(blocks)


def _way_back(network: NetworkReport) -> list[str]:
    """What each layer of a network handed back, last layer first."""
    cells = []
    for row in stage_rows(network):
        mark = f"{UNICODE.status[row.status]} " if row.layer and not row.left_out else ""
        layer = escaped(row.layer) if row.left_out or not row.layer else code(row.layer)
        cells.append([mark + layer, *map(escaped, row.cells or ("",) * (len(STAGE_TITLES) - 1))])
    return ["The way back, last layer first:", _table(STAGE_TITLES, cells, right=(4, 5, 6)), escaped(LEGEND)]


def _finding(finding: Finding, ending: Ending) -> str:
    subject = f" · {code(finding.argument)}" if finding.argument else ""
    lines = [f"- at {_place(finding.path, finding.line, ending)}"]
    if finding.mend:
        lines.append(f"- mend: {prose(finding.mend)}")
    if finding.blame is not None:
        lines.append(f"- {finding.blame.what}: {_place(finding.blame.path, finding.blame.line, ending)}")
    source = f"\n\n{fenced(marked_text(finding.blame))}" if finding.blame is not None else ""
    return f"**{finding.code} {finding.rule}**{subject}  \n{prose(finding.message)}\n\n" + "\n".join(lines) + source


def _argument(argument: ArgumentReport) -> list[str]:
    shape = escaped(shape_text(argument.shape, [one_line(name) for name in argument.dimensions]))
    facts = [f"{code(argument.gradient_name)} {shape}"]
    if argument.wrong:
        facts.append(f"{argument.wrong:,} of {counted(argument.total, 'element')} wrong")
    blocks = [" · ".join(facts)]
    if argument.why:
        blocks.append(prose(argument.why))
    if argument.worst:
        titles, *cells = element_cells(argument.worst[:_MOST_ELEMENTS])
        body = [[escaped(cell) for cell in row] for row in cells]
        blocks.append(_table(titles, body, right=(1, 2, 3, 4)))
    if picture := map_view(argument, _SCREEN, indent=0):
        blocks.append(fenced("\n".join(line.plain.rstrip() for line in picture)))
    return blocks


def _place(path: str, line: int | None, ending: Ending) -> str:
    return code(relative_path(path, ending.folder) + (f":{line}" if line is not None else ""))


def _bullets(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {prose(sentence)}" for sentence in sentences)
