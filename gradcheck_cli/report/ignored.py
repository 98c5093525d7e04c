"""What was found and does not count, said so that nobody takes it for a clean pass."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.marks import QUIET
from gradcheck_cli.report.model import ArgumentReport, LayerReport, Report, Status, Suppressed, UnusedIgnore
from gradcheck_cli.report.numbers import counted
from gradcheck_cli.report.screen import Screen, bulleted, indented

_MOST = 6
_NOTED = "yellow"


def is_ignored(argument: ArgumentReport, layer: LayerReport) -> bool:
    """Whether the gradient fails, and no finding that counts says so."""
    left = any(finding.argument in (argument.name, None) for finding in layer.findings)
    return argument.status is Status.FAIL and bool(layer.suppressed) and not left


def how_many(suppressed: Sequence[Suppressed]) -> str:
    """`2 findings ignored (GC201 by comment line 12, GC304 by --ignore)`."""
    each = dict.fromkeys(f"{one.finding.code} by {one.by}" for one in suppressed)
    return f"{counted(len(suppressed), 'finding')} ignored ({', '.join(each)})"


def ignored_remarks(report: Report, screen: Screen) -> list[RenderableType]:
    """Layers that pass because findings do not count, and modules that were not checked.

    With `--verbose` the layers have sections of their own, which say it.
    """
    said = [f"{screen.place(one.finding.path, None)}: not checked, {how_many((one,))}" for one in report.suppressed]
    if not screen.verbose:
        passing = [layer for layer in report.layers if layer.suppressed and layer.status is Status.PASS]
        said += [f"{one_line(layer.name)}: passed, {how_many(layer.suppressed)}{_untold(layer)}" for layer in passing]
    lines = [bulleted(sentence, screen, 1) for sentence in said[:_MOST]]
    if len(said) > _MOST:
        rest = f" {screen.marks.ellipsis} and {len(said) - _MOST:,} more with findings ignored (--verbose shows them)"
        lines.append(Text(rest, style=QUIET))
    return lines


def sentences(report: Report) -> list[str]:
    """What does not count, and what is ignored in vain, as plain text: for documents that show notes."""
    screen = Screen(width=100)
    said = [f"{one.finding.path}: not checked, {how_many((one,))}" for one in report.suppressed]
    said += [
        f"{layer.name}: {how_many(layer.suppressed)}{_untold(layer)}" for layer in report.layers if layer.suppressed
    ]
    return said + [_unused(ignore, screen) for ignore in report.unused_ignores]


def unused_remarks(report: Report, screen: Screen) -> list[RenderableType]:
    """Ignores in vain, each with its place and what to do about it."""
    return [bulleted(_unused(ignore, screen), screen, 1, _NOTED) for ignore in report.unused_ignores]


def ignored_findings(layer: LayerReport, screen: Screen) -> list[RenderableType]:
    """The layer's findings that do not count: in one line, or each with its sentence where everything is asked for."""
    if not layer.suppressed:
        return []
    line = indented(screen.text(how_many(layer.suppressed) + _untold(layer), _NOTED), 2)
    if not screen.verbose:
        return [line]
    return [line, *(bulleted(_sentence(one), screen, 4) for one in layer.suppressed)]


def _untold(layer: LayerReport) -> str:
    """Gradients whose values are wrong, where what is ignored is another finding that stands for them."""
    told = {one.finding.argument for one in layer.suppressed if not one.finding.code.startswith("GC3")}
    names = [one_line(one.gradient_name) for one in layer.arguments if is_ignored(one, layer) and one.name not in told]
    return f"; the values of {', '.join(f'`{name}`' for name in names)} are wrong too" if names else ""


def _sentence(one: Suppressed) -> str:
    about = f", {one_line(one.finding.argument)}" if one.finding.argument else ""
    return f"{one.finding.code} {one.finding.rule}{about}: {one.finding.message}"


def _unused(ignore: UnusedIgnore, screen: Screen) -> str:
    return f"{screen.place(ignore.path, ignore.line)}: {ignore.message}; {ignore.mend}"
