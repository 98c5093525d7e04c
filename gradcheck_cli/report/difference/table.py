"""The difference of two runs on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console, RenderableType
from rich.text import Text

from gradcheck_cli.report.difference.model import (
    ArgumentDifference,
    Change,
    Difference,
    LayerDifference,
    first_cause,
)
from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.marks import HEADING, QUIET, STATUS_STYLE
from gradcheck_cli.report.model import ArgumentReport, LayerReport, Status
from gradcheck_cli.report.numbers import counted
from gradcheck_cli.report.screen import Screen, bulleted, grid, indented, labelled, natural_width, screen_for
from gradcheck_cli.report.summary import relative_error, verdict

CHANGE_STYLE = {
    Change.WORSE: STATUS_STYLE[Status.FAIL],
    Change.BETTER: STATUS_STYLE[Status.PASS],
    Change.APPEARED: "bold",
    Change.VANISHED: STATUS_STYLE[Status.INCONCLUSIVE],
    Change.SAME: QUIET,
}
_TITLES = ("layer", "argument", "change", "verdict", "worst relative error", "wrong")
_NARROW = (0, 1, 2, 3)
_GAP = 2
_INDENT = 1


def print_difference(difference: Difference, console: Console, *, verbose: bool = False) -> None:
    """Print what changed; with `verbose` also what did not."""
    screen = screen_for(console, verbose=verbose)
    for part in difference_page(difference, screen):
        console.print(part, highlight=False, markup=False, emoji=False, width=screen.width)


def difference_page(difference: Difference, screen: Screen) -> list[RenderableType]:
    """All parts, top to bottom: the table, what is to be said of each layer, the notes, the last line."""
    shown = [layer for layer in difference.layers if screen.verbose or layer.change is not Change.SAME]
    parts: list[RenderableType] = []
    if shown:
        parts += [Text(), _table(shown, screen)]
    for layer in shown:
        if rows := _told(layer, screen):
            parts += [Text(), _heading(layer, screen), labelled(rows, indent=3)]
    notes = [bulleted(note, screen, _INDENT) for note in difference.notes]
    if notes:
        parts += [Text(), *notes]
    return [*parts, Text(), _last_line(difference)]


def _table(layers: Sequence[LayerDifference], screen: Screen) -> RenderableType:
    rows = [[Text(title, style=QUIET) for title in _TITLES]]
    rows += [row for layer in layers for row in _rows(layer, screen)]
    if natural_width(rows, _GAP) + _INDENT > screen.width:
        rows = [[row[position] for position in _NARROW] for row in rows]
    return indented(grid(rows, right=(4, 5), gap=_GAP), _INDENT)


def _rows(layer: LayerDifference, screen: Screen) -> list[list[Text]]:
    """A line for the layer, or one for each argument that changed."""
    name = screen.text(one_line(layer.name), HEADING)
    listed = [argument for argument in layer.arguments if screen.verbose or argument.change is not Change.SAME]
    if layer.before is None or layer.after is None or not listed:
        return [[name, Text(), _change(layer.change), _statuses(layer.before, layer.after, screen), Text(), Text()]]
    rows = []
    for position, argument in enumerate(listed):
        errors = [_dash(each, screen, relative_error) for each in (argument.before, argument.after)]
        wrong = [_dash(each, screen, _wrong) for each in (argument.before, argument.after)]
        total = argument.after or argument.before
        rows.append(
            [
                name if position == 0 else Text(),
                screen.text(one_line(argument.name)),
                _change(argument.change),
                _statuses(argument.before, argument.after, screen),
                Text(_arrow(errors, screen)),
                Text(f"{_arrow(wrong, screen)} of {total.total:,}" if total is not None else ""),
            ]
        )
    return rows


def _dash(argument: ArgumentReport | None, screen: Screen, show: Callable[[ArgumentReport, Screen], str]) -> str:
    return screen.marks.dash if argument is None else show(argument, screen)


def _wrong(argument: ArgumentReport, screen: Screen) -> str:
    judged = argument.max_abs_error is not None or argument.max_rel_error is not None
    return f"{argument.wrong:,}" if judged else screen.marks.dash


def _change(change: Change) -> Text:
    return Text(change.value, style=CHANGE_STYLE[change])


def _statuses(
    before: LayerReport | ArgumentReport | None, after: LayerReport | ArgumentReport | None, screen: Screen
) -> Text:
    """`✗ fail → ✓ pass`, or one of them where there is no other, or no change."""
    known = [verdict(each.status, screen) for each in (before, after) if each is not None]
    if len(known) == 2 and before is not None and after is not None and before.status is after.status:
        known = known[1:]
    return Text(f" {screen.marks.right} ").join(known)


def _arrow(values: Sequence[str], screen: Screen) -> str:
    return values[0] if values[0] == values[1] else f"{values[0]} {screen.marks.right} {values[1]}"


def _heading(layer: LayerDifference, screen: Screen) -> Text:
    title = Text(" ")
    title.append_text(screen.text(one_line(layer.name), HEADING))
    title.append_text(screen.text(screen.marks.dot + one_line(layer.path), QUIET))
    return title


def _told(layer: LayerDifference, screen: Screen) -> list[tuple[str, Text]]:
    """Its first cause before and after, and what became of its elements."""
    rows = []
    for label, state, other in (("before", layer.before, layer.after), ("now", layer.after, layer.before)):
        cause = first_cause(state)
        if state is None or (cause is None and first_cause(other) is None):
            continue
        said = "nothing is found" if cause is None else f"{cause.code} {cause.rule}: {one_line(cause.message)}"
        rows.append((label, screen.text(said)))
    if len(rows) == 2 and rows[0][1].plain == rows[1][1].plain:
        rows = [("still", rows[1][1])]
    for argument in layer.arguments:
        if argument.change is not Change.SAME and (said := _elements(argument)):
            rows.append((one_line(argument.name), screen.text(said, QUIET)))
    return rows


def _elements(argument: ArgumentDifference) -> str:
    found = argument.elements
    if found is None:
        return f"not compared element by element: {argument.why}" if argument.why else ""
    parts = [
        f"{counted(found.mended, 'element')} mended" if found.mended else "",
        f"{counted(found.broken, 'element')} broken" if found.broken else "",
        f"{found.still_wrong:,} still wrong" if found.still_wrong else "",
    ]
    said = ", ".join(part for part in parts if part) or "the same elements"
    return f"{said}, of {found.total:,} on the same inputs (draw {found.draw})"


def _last_line(difference: Difference) -> Text:
    """` 1 worse · 2 better · 5 same`."""
    line = Text(" ")
    counts = [(change, difference.count(change)) for change in Change if difference.count(change)]
    for position, (change, count) in enumerate(counts):
        line.append(" · " if position else "", style=QUIET)
        line.append(f"{count:,} {change.value}", style=CHANGE_STYLE[change])
    if not counts:
        line.append("neither run has a layer", style=QUIET)
    return line
