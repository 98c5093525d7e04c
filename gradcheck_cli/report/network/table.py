"""A network's way back on a terminal."""

from __future__ import annotations

from rich.text import Text

from gradcheck_cli.report.marks import QUIET, STATUS_STYLE
from gradcheck_cli.report.model import Status
from gradcheck_cli.report.network.model import NetworkReport
from gradcheck_cli.report.network.rows import LEGEND, OWN_ERROR, TITLES, StageRow, stage_rows, upstream_text
from gradcheck_cli.report.screen import Part, Screen, grid, indented, natural_width

_INDENT = 4
_NARROW = (0, 1, 2, 5, 6)
"""The columns that remain where the page is narrow: of which layer, what, where to, and the errors."""


def way_back(network: NetworkReport, screen: Screen) -> list[Part]:
    """What each layer handed back, last layer first; the layers that are wrong are marked."""
    rows = stage_rows(network, every=screen.verbose)
    head = [Text(""), *(Text(title, style=QUIET) for title in TITLES)]
    cells = [head, *(_cells(row, screen) for row in rows)]
    right: tuple[int, ...] = (5, 6, 7)
    if natural_width(cells, 2) + _INDENT > screen.width:
        cells = [[row[0], *(row[column + 1] for column in _NARROW)] for row in cells]
        right = (4, 5)
    begins = upstream_text(network)
    title = "the way back" + (f": {begins}" if begins else "")
    return [
        indented(screen.text(title, QUIET), 2),
        indented(grid(cells, right=right, gap=2), _INDENT),
        indented(screen.text(LEGEND, QUIET), _INDENT),
    ]


def _cells(row: StageRow, screen: Screen) -> list[Text]:
    if row.left_out:
        return [Text(), screen.text(f"{screen.marks.ellipsis} {row.layer}", QUIET), *[Text()] * (len(TITLES) - 1)]
    style = STATUS_STYLE[row.status] if row.status is not Status.PASS else ""
    mark = Text(screen.marks.status[row.status] if row.layer else "", style=STATUS_STYLE[row.status])
    cells = [screen.text(cell, "red" if row.wrong and at == OWN_ERROR else "") for at, cell in enumerate(row.cells)]
    return [mark, screen.text(row.layer, style), *cells]
