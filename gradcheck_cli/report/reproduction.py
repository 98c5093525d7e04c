"""What reproduces a failure: the inputs, the upstream gradient, the command."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from gradcheck_cli.report.arrays import assignment
from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.marks import CODE, QUIET
from gradcheck_cli.report.model import DrawReport, LayerReport, NamedArray
from gradcheck_cli.report.screen import Screen, indented

_INDENT = 4


def reproduction(layer: LayerReport, screen: Screen) -> list[RenderableType]:
    """The worst failing draw's arrays, small ones to copy; then the command."""
    parts: list[RenderableType] = []
    draw = layer.failing_draw
    if draw is not None:
        parts.append(indented(_title(draw, screen), 2))
        parts += [_array(array, screen) for array in draw.arguments]
        if draw.upstream:
            parts.append(Text("  upstream gradient", style=QUIET))
            parts += [_array(array, screen) for array in draw.upstream]
    if layer.reproduce:
        parts.append(Text("  run it again", style=QUIET))
        parts.append(indented(screen.text(f"$ {one_line(layer.reproduce)}", CODE), _INDENT))
    return parts


def _title(draw: DrawReport, screen: Screen) -> Text:
    line = f"inputs of draw {draw.index + 1}, seed {draw.seed}"
    if draw.dimensions:
        line += ": " + ", ".join(f"{one_line(name)}={size}" for name, size in draw.dimensions)
    return screen.text(line, QUIET)


def _array(array: NamedArray, screen: Screen) -> RenderableType:
    text = screen.text(assignment(one_line(array.name), array.value, array.dimensions, screen.width - _INDENT), CODE)
    if screen.verbose and array.source:
        text.append(f"  # shape from {one_line(array.source)}", style=QUIET)
    return indented(text, _INDENT)
