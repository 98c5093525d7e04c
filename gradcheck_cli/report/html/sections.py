"""One section of the page: a layer that did not pass, or a module that does not load."""

from __future__ import annotations

from gradcheck_cli.report.arrays import assignment
from gradcheck_cli.report.elements_table import element_cells
from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.html.heat_map import heat_maps
from gradcheck_cli.report.html.parts import bullets, table
from gradcheck_cli.report.html.text import name, prose, shown
from gradcheck_cli.report.marked_source import marked_text
from gradcheck_cli.report.marks import STATUS_WORD, UNICODE
from gradcheck_cli.report.model import ArgumentReport, DrawReport, Finding, LayerReport, NamedArray, Status
from gradcheck_cli.report.network.model import NetworkReport
from gradcheck_cli.report.network.rows import LEGEND, stage_rows
from gradcheck_cli.report.network.rows import TITLES as STAGE_TITLES
from gradcheck_cli.report.numbers import counted
from gradcheck_cli.report.places import relative_path
from gradcheck_cli.report.shapes import names_by_size, shape_text
from gradcheck_cli.report.summary import decider

_MOST_ELEMENTS = 12
_WIDTH = 100


def verdict(status: Status) -> str:
    """`✓ pass`, in the verdict's colour."""
    return f'<span class="{status.value}">{UNICODE.status[status]} {STATUS_WORD[status]}</span>'


def error_section(error: Finding, anchor: str, ending: Ending) -> str:
    """A problem that belongs to no layer."""
    heading = f"<h2>{verdict(Status.ERROR)} {name(relative_path(error.path, ending.folder))}</h2>"
    return _section(Status.ERROR, anchor, heading + _finding(error, None, {}, ending))


def layer_section(layer: LayerReport, anchor: str, ending: Ending) -> str:
    """Findings, each wrong gradient with its worst elements and maps, what reproduces it, notes."""
    by_name = {argument.name: argument for argument in layer.arguments}
    sizes = dict(layer.failing_draw.dimensions) if layer.failing_draw else {}
    parts = [
        f"<h2>{verdict(layer.status)} {name(layer.name)}</h2>",
        f'<p class="quiet">{_place(layer.path, layer.line, ending)} · {shown(layer.convention)}</p>',
        *(_finding(finding, by_name.get(finding.argument or ""), sizes, ending) for finding in layer.findings),
        *(_argument(argument) for argument in layer.arguments if argument.status is not Status.PASS),
    ]
    if layer.network is not None:
        parts.append(_way_back(layer.network))
    if layer.script:
        parts.append("<h3>Reproduce it without gradcheck, on the smallest case found</h3>" + block(layer.script))
    elif layer.failing_draw is not None:
        parts.append(_draw(layer.failing_draw))
    if layer.reproduce:
        parts.append("<h3>Run it again</h3>" + block(one_line(layer.reproduce)))
    if layer.checked:
        parts.append(f'<p class="quiet">Also checked: {shown(", ".join(map(one_line, layer.checked)))}</p>')
    return _section(layer.status, anchor, "".join(parts) + bullets(layer.notes))


def _way_back(network: NetworkReport) -> str:
    """What each layer of a network handed back, last layer first."""
    rows = []
    for row in stage_rows(network):
        mark = (
            f'<span class="{row.status.value}">{UNICODE.status[row.status]}</span> '
            if row.layer and not row.left_out
            else ""
        )
        cells = row.cells or ("",) * (len(STAGE_TITLES) - 1)
        rows.append([mark + shown(row.layer), *(shown(cell) for cell in cells)])
    listed = table(STAGE_TITLES, rows, (4, 5, 6), "The way back through the network", "elements")
    return f'<h3>The way back</h3>{listed}<p class="quiet">{shown(LEGEND)}</p>'


def block(text: str) -> str:
    """Text to copy; where it is wider than the page it scrolls by itself, also by the keyboard."""
    return f'<pre tabindex="0">{shown(text)}</pre>'


def _section(status: Status, anchor: str, content: str) -> str:
    return f'<section class="{status.value}" id="{anchor}">{content}</section>'


def _place(path: str, line: int | None, ending: Ending) -> str:
    return name(relative_path(path, ending.folder) + (f":{line}" if line is not None else ""))


def _finding(finding: Finding, argument: ArgumentReport | None, sizes: dict[str, int], ending: Ending) -> str:
    subject = f" · {name(finding.argument)}" if finding.argument else ""
    status = Status.ERROR if finding.code.startswith("GC5") else Status.FAIL
    facts = [("at", _place(finding.path, finding.line, ending))]
    if finding.mend:
        facts.insert(0, ("mend", prose(finding.mend)))
    if finding.blame is not None:
        facts.insert(0, (finding.blame.what, _place(finding.blame.path, finding.blame.line, ending)))
    if argument is not None and argument.gradient_shape is not None:
        received = shape_text(argument.gradient_shape, names_by_size(argument.gradient_shape, sizes))
        facts = [("yours", shown(received)), ("expected", shown(_shape(argument))), *facts]
    listed = "".join(f"<dt>{label}</dt><dd>{fact}</dd>" for label, fact in facts)
    source = block(marked_text(finding.blame)) if finding.blame is not None else ""
    inputs = block("\n".join(map(_assigned, finding.inputs))) if finding.inputs else ""
    return (
        f'<div class="finding"><h3><span class="{status.value}">{finding.code}</span> {finding.rule}{subject}</h3>'
        f"<p>{prose(finding.message)}</p><dl>{listed}</dl>{source}{inputs}</div>"
    )


def _argument(argument: ArgumentReport) -> str:
    facts = [shown(_shape(argument))]
    if argument.wrong:
        facts.append(f"{argument.wrong:,} of {counted(argument.total, 'element')} wrong")
    if argument.decided_by:
        facts.append(f"by {decider(argument.decided_by)}")
    parts = [f'<h3>{name(argument.gradient_name)} <span class="quiet">{" · ".join(facts)}</span></h3>']
    if argument.why:
        parts.append(f"<p>{prose(argument.why)}</p>")
    if argument.worst:
        titles, *cells = element_cells(argument.worst[:_MOST_ELEMENTS])
        label = f"The worst elements of {shown(one_line(argument.gradient_name))}"
        parts.append(table(titles, [[shown(cell) for cell in row] for row in cells], (1, 2, 3, 4), label, "elements"))
        rest = max(argument.wrong, len(argument.worst)) - len(cells)
        if rest > 0:
            parts.append(f'<p class="quiet">… and {rest:,} more</p>')
    return "".join(parts) + heat_maps(argument)


def _shape(argument: ArgumentReport) -> str:
    return shape_text(argument.shape, [one_line(dimension) for dimension in argument.dimensions])


def _draw(draw: DrawReport) -> str:
    lines = [_assigned(array) for array in (*draw.arguments, *draw.upstream)]
    return f"<h3>Inputs of draw {draw.index + 1}, seed {draw.seed}</h3>{block(chr(10).join(lines))}" if lines else ""


def _assigned(array: NamedArray) -> str:
    return assignment(one_line(array.name), array.value, array.dimensions, _WIDTH)
