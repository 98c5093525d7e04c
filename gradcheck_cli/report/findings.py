"""One finding: its code, its sentence, the shapes side by side, the mend, the place."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.text import Text

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.marked_source import marked_lines
from gradcheck_cli.report.marks import CODE, HEADING, QUIET, STATUS_STYLE
from gradcheck_cli.report.model import ArgumentReport, Blame, Finding, Status
from gradcheck_cli.report.reproduction import array_view
from gradcheck_cli.report.screen import Screen, indented, labelled
from gradcheck_cli.report.shapes import names_by_size, shape_text


def finding_view(
    finding: Finding, screen: Screen, argument: ArgumentReport | None = None, sizes: Mapping[str, int] | None = None
) -> RenderableType:
    """The finding as a small block, with the inputs that show it where it has its own.

    `argument` is the one it concerns; `sizes` name the axes of a stray shape.
    """
    title = Text("  ")
    title.append(finding.code, style=STATUS_STYLE[Status.ERROR if finding.code.startswith("GC5") else Status.FAIL])
    title.append(f" {finding.rule}", style=HEADING)
    if finding.argument:
        title.append(screen.marks.dot, style=QUIET)
        title.append_text(screen.text(one_line(finding.argument)))
    rows: list[tuple[str, Text]] = []
    if argument is not None and argument.gradient_shape is not None:
        known = sizes or {}
        received = shape_text(argument.gradient_shape, names_by_size(argument.gradient_shape, known))
        rows.append(("yours", screen.text(received, "red")))
        rows.append(("expected", screen.text(shape_text(argument.shape, argument.dimensions), "green")))
    if finding.mend:
        rows.append(("mend", screen.text(finding.mend, CODE)))
    if finding.blame is not None:
        rows.append((finding.blame.what, screen.text(screen.place(finding.blame.path, finding.blame.line))))
    rows.append(("at", screen.text(screen.place(finding.path, finding.line))))
    parts: list[RenderableType] = [title, indented(screen.text(finding.message), 2), labelled(rows, 4)]
    if finding.blame is not None:
        parts += _marked(finding.blame, screen)
    if finding.inputs:
        parts.append(Text("    with", style=QUIET))
        parts += [array_view(array, screen, 6) for array in finding.inputs]
    return Group(*parts)


def _marked(blame: Blame, screen: Screen) -> list[RenderableType]:
    """The forward's source, and what in it is to blame."""
    lines = marked_lines(blame)
    width = max((len(line.number) for line in lines), default=0)
    found: list[RenderableType] = []
    for line in lines:
        text = Text(f"{line.number:>{width}}  ", style=QUIET)
        style = QUIET if not line.is_blamed else CODE if line.number else STATUS_STYLE[Status.FAIL]
        text.append_text(screen.text(line.text, style))
        found.append(indented(text, 4))
    return found
