"""The listing on a terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console, RenderableType
from rich.text import Text

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.findings import finding_view
from gradcheck_cli.report.layer_section import bulleted
from gradcheck_cli.report.listing import ListedLayer, Listing
from gradcheck_cli.report.marks import CODE, HEADING, QUIET
from gradcheck_cli.report.numbers import counted
from gradcheck_cli.report.screen import Screen, grid, indented, natural_width, screen_for

_GAP = 2


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
        parts.append(indented(_aligned(rows, widths, screen), 3))
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
    """Each column's width over all layers, so that the tables stand under each other."""
    rows = [_row(layer, position, screen) for layer in listing.layers for position in range(len(layer.arguments))]
    return [max(cell.cell_len for cell in column) for column in zip(*rows)] if rows else []


def _aligned(rows: list[list[Text]], widths: list[int], screen: Screen) -> RenderableType:
    table = grid(rows, gap=_GAP)
    if sum(widths) + _GAP * len(widths) + 3 <= screen.width:
        for column, width in zip(table.columns, widths):
            column.min_width = width
    elif natural_width(rows, _GAP) + 3 > screen.width:
        return grid([[row[0], row[3], row[4]] for row in rows], gap=_GAP)
    return table
