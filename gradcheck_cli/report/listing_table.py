"""The listing on a terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console, RenderableType
from rich.text import Text

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.findings import finding_view
from gradcheck_cli.report.listed import ListedLayer, Listing
from gradcheck_cli.report.marks import CODE, HEADING, QUIET
from gradcheck_cli.report.numbers import counted
from gradcheck_cli.report.screen import Screen, bulleted, grid, indented, natural_width, screen_for

_GAP = 2
_INDENT = 3
_WIDEST = 28
_LESS_TELLING = (1, 2)
"""The columns of roles and kinds."""


def print_listing(listing: Listing, console: Console, folder: Path | None = None) -> None:
    """Print the listing: each layer's line, and a table of its arguments below it."""
    screen = screen_for(console, folder=folder)
    for part in listing_page(listing, screen):
        console.print(part, highlight=False, markup=False, emoji=False, width=screen.width)


def listing_page(listing: Listing, screen: Screen) -> list[RenderableType]:
    """All parts of the listing, top to bottom."""
    parts: list[RenderableType] = []
    widths = _widths(listing, screen)
    for layer in listing.layers:
        parts += [Text(), *_layer(layer, screen, widths)]
    for error in listing.errors:
        parts += [Text(), finding_view(error, screen)]
    if listing.notes:
        parts += [Text(), *(bulleted(note, screen, 1) for note in listing.notes)]
    found = counted(len(listing.layers), "layer") if listing.layers else "no layers"
    return [*parts, Text(), Text(f" {found} found", style=QUIET)]


def _layer(layer: ListedLayer, screen: Screen, widths: list[int]) -> list[RenderableType]:
    title = Text(" ")
    title.append_text(screen.text(one_line(layer.name), HEADING))
    facts = screen.marks.dot + screen.marks.dot.join([layer.convention, screen.place(layer.path, layer.line)])
    title.append_text(screen.text(facts, QUIET))
    parts: list[RenderableType] = [title]
    rows = [_row(layer, position, screen) for position in range(len(layer.arguments))]
    if rows:
        parts.append(indented(_aligned(rows, widths, screen), _INDENT))
    if layer.error is not None:
        parts.append(indented(finding_view(layer.error, screen), 1))
    parts += [bulleted(note, screen, 3) for note in layer.notes]
    return parts


def _row(layer: ListedLayer, position: int, screen: Screen) -> list[Text]:
    argument = layer.arguments[position]
    role = "" if argument.role == argument.kind else argument.role
    return [
        screen.text(one_line(argument.name)),
        screen.text(role, QUIET),
        screen.text(one_line(argument.kind), QUIET),
        screen.text(one_line(argument.shape), CODE),
        screen.text(one_line(argument.source), QUIET),
    ]


def _widths(listing: Listing, screen: Screen) -> list[int]:
    """Each column's width over all layers, so that the tables stand under each other; a long shape widens its own."""
    rows = [_row(layer, position, screen) for layer in listing.layers for position in range(len(layer.arguments))]
    return [min(_WIDEST, max(cell.cell_len for cell in column)) for column in zip(*rows)] if rows else []


def _aligned(rows: list[list[Text]], widths: list[int], screen: Screen) -> RenderableType:
    """The arguments' table: under its neighbours where the page allows, else without roles and kinds."""
    filled = [position for position in range(len(widths)) if any(row[position] for row in rows)]
    if natural_width(rows, _GAP) + _INDENT > screen.width:
        filled = [position for position in filled if position not in _LESS_TELLING]
    table = grid([[row[position] for position in filled] for row in rows], gap=_GAP)
    if sum(widths) + _GAP * len(widths) + _INDENT <= screen.width:
        for column, position in zip(table.columns, filled):
            column.min_width = widths[position]
    return table
