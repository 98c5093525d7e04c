"""Everything there is to say about one layer that did not pass (or, when asked, that did)."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from gradcheck_cli.report.elements_table import elements_table
from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.findings import finding_view
from gradcheck_cli.report.ignored import ignored_findings, is_ignored
from gradcheck_cli.report.map_view import map_view
from gradcheck_cli.report.marks import HEADING, QUIET, STATUS_STYLE
from gradcheck_cli.report.model import ArgumentReport, Finding, LayerReport, Status
from gradcheck_cli.report.numbers import counted, duration, power_above
from gradcheck_cli.report.reproduction import reproduction
from gradcheck_cli.report.screen import Part, Screen, bulleted, indented, joined
from gradcheck_cli.report.shapes import shape_text
from gradcheck_cli.report.summary import decider, relative_error

_BLANK = Text()


def layer_section(layer: LayerReport, screen: Screen) -> list[Part]:
    """Heading, findings with their elements and map, what reproduces it, what else was checked, notes."""
    parts: list[Part] = [*heading(layer.name, layer.status, _facts(layer, screen), screen)]
    by_name = {argument.name: argument for argument in layer.arguments}
    sizes = dict(layer.failing_draw.dimensions) if layer.failing_draw else {}
    shown: set[str] = set()
    for finding in layer.findings:
        concerned = by_name.get(finding.argument or "")
        parts += [_BLANK, finding_view(finding, screen, concerned, sizes)]
        if concerned is not None and concerned.name not in shown:
            shown.add(concerned.name)
            parts += _argument(concerned, layer, screen)
    if layer.network is not None:
        from gradcheck_cli.report.network.table import way_back

        parts += [_BLANK, *way_back(layer.network, screen)]
    was_one_line = False
    for argument in layer.arguments:
        counts = argument.status is not Status.PASS and not is_ignored(argument, layer)
        if argument.name not in shown and (screen.verbose or counts):
            block = _argument(argument, layer, screen, always=True)
            # single lines stand close together
            parts += block if was_one_line and len(block) == 1 else [_BLANK, *block]
            was_one_line = len(block) == 1
    if layer.suppressed:
        parts += [_BLANK, *ignored_findings(layer, screen)]
    again = reproduction(layer, screen) if layer.status is not Status.PASS else []
    if again:
        parts += [_BLANK, *again]
    if layer.checked and not screen.quiet:
        parts += [_BLANK, _also_checked(layer.checked, screen)]
    if layer.notes:
        parts += [_BLANK, *notes(layer.notes, screen)]
    return parts


def _also_checked(checked: tuple[str, ...], screen: Screen) -> RenderableType:
    """`also checked: linear in the upstream gradient, inputs unchanged`."""
    return indented(screen.text("also checked: " + ", ".join(map(one_line, checked)), QUIET), 2)


def error_section(error: Finding, screen: Screen) -> list[Part]:
    """A problem that belongs to no layer: a module that does not load."""
    return [
        *heading(screen.place(error.path, None), Status.ERROR, [], screen),
        _BLANK,
        finding_view(error, screen),
    ]


def heading(name: str, status: Status, facts: list[str], screen: Screen) -> list[RenderableType]:
    """`── ✗ affine_backward ────`, and what is known of it in quiet letters below."""
    rule = screen.marks.rule
    title = Text(rule * 2 + " ", style=STATUS_STYLE[status])
    title.append(screen.marks.status[status] + " ", style=STATUS_STYLE[status])
    title.append_text(screen.text(one_line(name), HEADING))
    rest = screen.width - title.cell_len - 1
    if rest > 0:
        title.append(" " + rule * rest, style=STATUS_STYLE[status].replace("bold ", ""))
    return [title, joined([screen.text(fact, QUIET) for fact in facts], screen, 2)] if facts else [title]


def notes(sentences: tuple[str, ...], screen: Screen) -> list[RenderableType]:
    """A list of sentences in quiet letters."""
    lines: list[RenderableType] = [Text("  notes", style=QUIET)]
    for sentence in sentences:
        lines.append(bulleted(sentence, screen, 4))
    return lines


def _facts(layer: LayerReport, screen: Screen) -> list[str]:
    facts = [screen.place(layer.path, layer.line), one_line(layer.convention)]
    if screen.verbose:
        if layer.draws:
            facts.append(counted(layer.draws, "draw"))
        if layer.equations:
            facts.append(counted(layer.equations, "equation"))
        if layer.witnesses:
            facts.append("witnesses: " + ", ".join(layer.witnesses))
        if layer.sensitivity is not None:
            facts.append(f"sensitivity {power_above(layer.sensitivity)}")
        if layer.typical_sensitivity is not None:
            facts.append(f"{power_above(layer.typical_sensitivity)} in 19 of 20 elements")
        facts.append(duration(layer.seconds))
    return facts


def _argument(
    argument: ArgumentReport, layer: LayerReport, screen: Screen, *, always: bool = False
) -> list[RenderableType]:
    """The gradient's line, its worst elements and its map."""
    table = elements_table(argument, screen)
    picture = map_view(argument, screen)
    if not always and table is None and not picture and not argument.why:
        return []
    title = screen.text(one_line(argument.gradient_name), HEADING)
    title.append_text(screen.text(" " + shape_text(argument.shape, [one_line(name) for name in argument.dimensions])))
    facts = []
    if argument.wrong:
        facts.append(f"{argument.wrong:,} of {counted(argument.total, 'element')} wrong")
    elif argument.status is Status.PASS:
        facts.append(f"{counted(argument.total, 'element')}, none wrong")
    if argument.max_rel_error is not None or argument.max_abs_error is not None:
        relative = "relative " if argument.max_rel_error is not None else ""
        facts.append(f"worst {relative}error {relative_error(argument, screen).removesuffix(' abs')}")
    if argument.decided_by:
        facts.append(f"by {decider(argument.decided_by)}")
    if screen.verbose or (layer.failing_draw is not None and layer.failing_draw.index != argument.draw):
        # otherwise they are of the draw whose inputs are printed below
        facts.append(f"in draw {argument.draw + 1}")
    line = joined([title, *(Text(fact, style=QUIET) for fact in facts)], screen, 2, 4)
    parts: list[RenderableType] = [line]
    if argument.why:
        parts.append(indented(screen.text(argument.why), 4))
    if table is not None:
        parts.append(table)
    if picture:
        parts += [_BLANK, *picture] if table is not None else picture
    return [_BLANK, *parts] if not always else parts
