"""The worst elements of one gradient: yours beside the two witnesses."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from gradcheck_cli.report.marks import QUIET, UNICODE, Marks
from gradcheck_cli.report.model import ArgumentReport, Element
from gradcheck_cli.report.numbers import brief, digits_that_tell_apart, value, with_error
from gradcheck_cli.report.screen import Screen, grid, indented, labelled, natural_width
from gradcheck_cli.report.shapes import index_text

_FEW, _MANY = 5, 20
_STACKED = 3
_GAPS = (3, 2)


def elements_table(argument: ArgumentReport, screen: Screen, indent: int = 4) -> RenderableType | None:
    """A table of the worst elements; a short list where the page is too narrow for the table's digits."""
    shown = argument.worst[: _MANY if screen.verbose else _FEW]
    if not shown:
        return None
    digits = digits_that_tell_apart((element.yours, _reference(element)) for element in shown)
    head = [Text(title, style=QUIET) for title in _titles(screen.marks)]
    rows = [head, *(_row(element, digits, screen) for element in shown)]
    for gap in _GAPS:
        if natural_width(rows, gap) + indent <= screen.width:
            table = indented(grid(rows, right=(1, 2, 3, 4), gap=gap), indent)
            return _with_rest(table, argument, len(shown), screen, indent)
    stacked = shown if screen.verbose else shown[:_STACKED]
    blocks = [_block(element, digits, screen, indent) for element in stacked]
    return _with_rest(Group(*blocks), argument, len(stacked), screen, indent)


def element_cells(elements: Sequence[Element]) -> list[tuple[str, ...]]:
    """The same as text, the titles first, for documents that have tables of their own."""
    digits = digits_that_tell_apart((element.yours, _reference(element)) for element in elements)
    return [_titles(UNICODE), *(_cells(element, digits) for element in elements)]


def _titles(marks: Marks) -> tuple[str, ...]:
    return ("index", "yours", "autodiff", f"finite diff {marks.plus_minus} error", "ratio")


def _row(element: Element, digits: int, screen: Screen) -> list[Text]:
    cells = [cell.replace("±", screen.marks.plus_minus) for cell in _cells(element, digits)]
    return [screen.text(cell, "red" if position == 1 else "") for position, cell in enumerate(cells)]


def _cells(element: Element, digits: int) -> tuple[str, ...]:
    return (
        index_text(element.index),
        value(element.yours, digits),
        value(element.autodiff, digits),
        with_error(element.finite_difference, element.error_bar, digits),
        _ratio(element),
    )


def _block(element: Element, digits: int, screen: Screen, indent: int) -> RenderableType:
    _, yours, autodiff, difference, ratio = _row(element, digits, screen)
    index = indented(Text(index_text(element.index)), indent)
    rows = [("yours", yours), ("autodiff", autodiff), ("finite diff", difference), ("ratio", ratio)]
    return Group(index, labelled(rows, indent + 2))


def _ratio(element: Element) -> str:
    """`2`, `0.5`, `1.000001`: enough digits to see that it is not 1."""
    if element.ratio is None:
        return brief(None)
    return brief(element.ratio, digits_that_tell_apart([(element.ratio, 1.0)], least=4) if element.ratio != 1 else 4)


def _reference(element: Element) -> float | complex | None:
    return element.autodiff if element.autodiff is not None else element.finite_difference


def _with_rest(
    table: RenderableType, argument: ArgumentReport, shown: int, screen: Screen, indent: int
) -> RenderableType:
    rest = max(argument.wrong, len(argument.worst)) - shown
    if rest <= 0:
        return table
    hint = "" if screen.verbose or shown >= _MANY else " (--verbose shows more)"
    line = Text(f"{screen.marks.ellipsis} and {rest:,} more{hint}", style=QUIET)
    return Group(table, indented(line, indent))
