"""What reproduces a failure: a script, or the inputs and the upstream gradient; the command."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from gradcheck_cli.report.arrays import assignment
from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.marks import CODE, QUIET
from gradcheck_cli.report.model import DrawReport, LayerReport, NamedArray
from gradcheck_cli.report.screen import Part, Screen, indented

_INDENT = 4


def reproduction(layer: LayerReport, screen: Screen) -> list[Part]:
    """The script where there is one, else the worst failing draw's arrays, small ones to copy; then the command.

    With a script, the arrays of the draw that was found first are shown only where everything is asked for.
    """
    parts: list[Part] = []
    draw = layer.failing_draw
    if draw is not None and (screen.verbose or not layer.script):
        parts.append(indented(_title(draw, screen), 2))
        parts += [array_view(array, screen, _INDENT) for array in draw.arguments]
        if draw.upstream:
            parts.append(Text("  upstream gradient", style=QUIET))
            parts += [array_view(array, screen, _INDENT) for array in draw.upstream]
    if layer.script and not screen.quiet:
        if parts:
            parts.append(Text())
        parts.append(Text("  reproduce it without gradcheck, on the smallest case found", style=QUIET))
        parts += [screen.verbatim(line, CODE) for line in layer.script.splitlines()]
        parts.append(Text())
    if layer.reproduce:
        parts.append(Text("  run it again", style=QUIET))
        parts.append(indented(screen.text(f"$ {one_line(layer.reproduce)}", CODE), _INDENT))
    return parts


def array_view(array: NamedArray, screen: Screen, indent: int) -> RenderableType:
    """`x = np.array(...)`, so many columns from the left; in verbose mode where its shape is from."""
    text = screen.text(assignment(one_line(array.name), array.value, array.dimensions, screen.width - indent), CODE)
    if screen.verbose and array.source:
        text.append(f"  # shape from {one_line(array.source)}", style=QUIET)
    return indented(text, indent)


def _title(draw: DrawReport, screen: Screen) -> Text:
    line = f"inputs of draw {draw.index + 1}, seed {draw.seed}"
    if draw.dimensions:
        line += ": " + ", ".join(f"{one_line(name)}={size}" for name, size in draw.dimensions)
    return screen.text(line, QUIET)
