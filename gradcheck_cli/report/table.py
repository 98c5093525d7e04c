"""The report on a terminal."""

from __future__ import annotations

import shlex
from dataclasses import replace
from itertools import chain
from pathlib import Path

from rich.console import Console, RenderableType
from rich.text import Text

from gradcheck_cli.report.ignored import ignored_remarks, unused_remarks
from gradcheck_cli.report.last_line import last_line
from gradcheck_cli.report.marks import QUIET
from gradcheck_cli.report.model import LayerReport, Report, Status
from gradcheck_cli.report.passing_notes import passing_notes
from gradcheck_cli.report.screen import Part, Screen, Verbatim, bulleted, screen_for
from gradcheck_cli.report.summary import summary, worst_first

_BLANK = Text()


def print_table(
    report: Report,
    console: Console,
    *,
    verbose: bool = False,
    quiet: bool = False,
    folder: Path | None = None,
    is_attended: bool = False,
) -> None:
    """Print the report.

    Args:
        report: what to show.
        console: where; its width, colours and encoding decide how.
        verbose: passing arguments, draws, sources of shapes, equations and timings too.
        quiet: only what is wrong, and the last line.
        folder: places inside it are shown relative to it.
        is_attended: whoever reads it can type a command.
    """
    screen = replace(screen_for(console, verbose=verbose, quiet=quiet, folder=folder), is_attended=is_attended)
    for part in page(report, screen):
        if isinstance(part, Verbatim):
            console.print(part.text, highlight=False, markup=False, emoji=False, soft_wrap=True)
        else:
            console.print(part, highlight=False, markup=False, emoji=False, width=screen.width)


def _sections(report: Report, screen: Screen) -> list[list[Part]]:
    shown = [
        layer
        for layer in worst_first(report.layers)
        if layer.status is not Status.PASS or (screen.verbose and not screen.quiet)
    ]
    if not shown and not report.errors:
        return []
    # sections show arrays, and import NumPy: where all passes nobody waits for it
    from gradcheck_cli.report.layer_section import error_section, layer_section

    return [
        *(error_section(error, screen) for error in report.errors),
        *(layer_section(layer, screen) for layer in shown),
    ]


def _further(report: Report, screen: Screen) -> list[RenderableType]:
    """Where to read more of the first finding on the page; how to look at the first gradient that is wrong."""
    of_layers = (finding for layer in worst_first(report.layers) for finding in layer.findings)
    first = next(chain(report.errors, of_layers), None)
    if first is None:
        return []
    told = [f"gradcheck explain {first.code}: what it means, and what to do about it"]
    failing = (each for each in worst_first(report.layers) if each.status is Status.FAIL and each.reproduce)
    if screen.is_attended and (layer := next(failing, None)) is not None:
        told.append(f"{_inspect(layer)}: where it is wrong, why, and what if")
    return [bulleted(each, screen, 1) for each in told]


def _inspect(layer: LayerReport) -> str:
    """The command that opens a layer as it was checked, but for what says nothing of its gradients' elements."""
    _, _, *words = shlex.split(layer.reproduce)
    if "--order" in words:
        at = words.index("--order")
        del words[at : at + 2]
    return shlex.join(["gradcheck", "inspect", *(word for word in words if word != "--vmap")])


def page(report: Report, screen: Screen) -> list[Part]:
    """All parts of the report, top to bottom: the summary, what is wrong, what was assumed, the last line."""
    parts: list[Part] = []
    if not screen.quiet:
        parts += [_BLANK, *summary(report, screen)] if report.layers else []
    sections = _sections(report, screen)
    for section in sections:
        parts += [_BLANK, *section] if parts else section
    # an ignore in vain is to be mended, also where only what is wrong is asked for
    remarks = unused_remarks(report, screen)
    if not screen.quiet:
        notes = (bulleted(note, screen, 1) for note in report.notes)
        passing = passing_notes(report, screen)
        remarks = [*notes, *passing, *ignored_remarks(report, screen), *remarks, *_further(report, screen)]
    if remarks:
        parts += [_BLANK, *remarks] if parts else remarks
    if parts:
        parts.append(_BLANK)
    if len(sections) > 1 or (sections and not screen.quiet):
        parts.append(Text(screen.marks.rule * screen.width, style=QUIET))
    parts.append(last_line(report, screen))
    return parts
