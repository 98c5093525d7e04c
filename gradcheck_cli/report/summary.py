"""The summary: one line for each layer that passes, one for each argument of a layer that does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rich.console import RenderableType
from rich.text import Text

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.ignored import is_ignored
from gradcheck_cli.report.marks import HEADING, QUIET, STATUS_STYLE, STATUS_WORD
from gradcheck_cli.report.model import ArgumentReport, LayerReport, Report, Status
from gradcheck_cli.report.numbers import brief
from gradcheck_cli.report.screen import Screen, grid, indented, natural_width

_Rows = Callable[[LayerReport, Screen], list[list[Text]]]
_WIDE = ("layer", "argument", "verdict", "worst relative error", "wrong", "decided by")
_STACKED = ("layer", "verdict", "rel. error", "wrong", "decided by")
_INDENT = 1
_GAP = 2
_MOST_NAMES = 28
_MOST_PASSING = 6
_WORST_FIRST = (Status.ERROR, Status.FAIL, Status.INCONCLUSIVE, Status.PASS)


def summary(report: Report, screen: Screen) -> list[RenderableType]:
    """The table of all layers, by file where there are several; wide where the page allows, else stacked."""
    if not report.layers:
        return []
    paths = list(dict.fromkeys(layer.path for layer in report.layers))
    several = len(paths) > 1
    head, body, columns = _form(report, screen)
    by_path = {
        path: [row[:columns] for layer in report.layers if layer.path == path for row in body(layer, screen)]
        for path in paths
    }
    # one grid a file, all of the same widths: a file's name may then be longer than the first column
    widths = [
        max(cell.cell_len for cell in column)
        for column in zip(head, *(row for rows in by_path.values() for row in rows))
    ]
    right = (3, 4) if columns == len(_WIDE) else (2, 3)
    parts: list[RenderableType] = [indented(_grid([head], widths, right), _INDENT)]
    for path, rows in by_path.items():
        if several:
            parts += [Text(), indented(screen.text(screen.place(path, None), QUIET), _INDENT)]
        parts.append(indented(_grid(rows, widths, right), _INDENT))
    return parts


def _grid(rows: list[list[Text]], widths: list[int], right: tuple[int, ...]) -> RenderableType:
    table = grid(rows, right=right, gap=_GAP)
    for column, width in zip(table.columns, widths):
        column.min_width = width
    return table


def verdict(status: Status, screen: Screen) -> Text:
    """`✓ pass`."""
    return Text(f"{screen.marks.status[status]} {STATUS_WORD[status]}", style=STATUS_STYLE[status])


def decider(decided_by: str) -> str:
    """The witness that decided, in the screen's words."""
    return "finite diff" if decided_by == "finite differences" else decided_by


def relative_error(argument: ArgumentReport, screen: Screen) -> str:
    """The worst relative error; the absolute one, called so, where every reference is zero."""
    if argument.max_rel_error is not None:
        return brief(argument.max_rel_error)
    if argument.max_abs_error is not None:
        return "0" if argument.max_abs_error == 0 else f"{brief(argument.max_abs_error)} abs"
    return screen.marks.dash


def _form(report: Report, screen: Screen) -> tuple[list[Text], _Rows, int]:
    """The richest of three forms that the page is wide enough for: its head, its rows, how many columns."""
    forms: tuple[tuple[tuple[str, ...], _Rows, int], ...] = (
        (_WIDE, _wide, len(_WIDE)),
        (_STACKED, _stacked, len(_STACKED)),
        (_STACKED, _stacked, len(_STACKED) - 1),
    )
    for titles, body, columns in forms:
        head = [Text(title, style=QUIET) for title in titles[:columns]]
        rows = [head, *(row[:columns] for layer in report.layers for row in body(layer, screen))]
        if natural_width(rows, _GAP) + _INDENT <= screen.width:
            break
    return head, body, columns


def _wide(layer: LayerReport, screen: Screen) -> list[list[Text]]:
    name = screen.text(one_line(layer.name), HEADING if layer.status is not Status.PASS else "")
    if not _spread(layer, screen):
        return [[name, _names(layer, screen), *_whole(layer, screen)]]
    rows = []
    for position, argument in enumerate(_listed(layer, screen)):
        first = name if position == 0 else Text()
        rows.append([first, screen.text(one_line(argument.name)), *_cells(argument, layer, screen)])
    return [*rows, *([Text(), *row] for row in _beside_values(layer, screen, ""))]


def _stacked(layer: LayerReport, screen: Screen) -> list[list[Text]]:
    name = screen.text(one_line(layer.name), HEADING if layer.status is not Status.PASS else "")
    if not _spread(layer, screen):
        return [[name, *_whole(layer, screen)]]
    rows = [[name, verdict(layer.status, screen), Text(), Text(), Text()]]
    for argument in _listed(layer, screen):
        rows.append([screen.text("  " + one_line(argument.name)), *_cells(argument, layer, screen)])
    return [*rows, *_beside_values(layer, screen, "  ")]


def _listed(layer: LayerReport, screen: Screen) -> list[ArgumentReport]:
    """The arguments with lines of their own; of a network's many parameters those that pass share one."""
    passing = [argument for argument in layer.arguments if argument.status is Status.PASS]
    if layer.network is None or screen.verbose or len(passing) <= _MOST_PASSING:
        return list(layer.arguments)
    worst = max(passing, key=lambda argument: _size(argument.max_rel_error))
    total = sum(argument.total for argument in passing)
    together = replace(worst, name=f"{len(passing)} others", total=total)
    return [*(argument for argument in layer.arguments if argument.status is not Status.PASS), together]


def _beside_values(layer: LayerReport, screen: Screen, indent: str) -> list[list[Text]]:
    """A line for each rule that is broken where no argument's values are wrong: `mutates-input  ✗ fail`."""
    wrong = {argument.name for argument in layer.arguments if argument.status is Status.FAIL}
    others = {finding.code: finding.rule for finding in layer.findings if finding.argument not in wrong}
    return [
        [
            screen.text(indent + rule),
            verdict(layer.status, screen),
            Text(),
            Text(),
            Text(code, style=QUIET),
        ]
        for code, rule in others.items()
    ] + [
        [screen.text(indent + rule), _ignored(screen), Text(), Text(), Text(code, style=QUIET)]
        for code, rule in _ignored_beside_values(layer).items()
    ]


def _ignored_beside_values(layer: LayerReport) -> dict[str, str]:
    """The rules that are broken and do not count, where no argument's values are wrong and say so."""
    said = {argument.name for argument in layer.arguments if is_ignored(argument, layer)}
    others = [one.finding for one in layer.suppressed if one.finding.argument not in said]
    return {finding.code: finding.rule for finding in others}


def _ignored(screen: Screen) -> Text:
    """`– ignored`."""
    return Text(f"{screen.marks.dash} ignored", style=STATUS_STYLE[Status.INCONCLUSIVE])


def _spread(layer: LayerReport, screen: Screen) -> bool:
    """Whether the layer's arguments have lines of their own."""
    return bool(layer.arguments) and (screen.verbose or layer.status is not Status.PASS or bool(layer.suppressed))


def _names(layer: LayerReport, screen: Screen) -> Text:
    names = ", ".join(one_line(argument.name) for argument in layer.arguments)
    if len(names) > _MOST_NAMES:
        names = f"{len(layer.arguments)} arguments"
    return screen.text(names)


def _cells(argument: ArgumentReport, layer: LayerReport, screen: Screen) -> list[Text]:
    judged = argument.max_abs_error is not None or argument.max_rel_error is not None
    wrong = f"{argument.wrong:,} of {argument.total:,}" if judged and argument.total else screen.marks.dash
    return [
        _ignored(screen) if is_ignored(argument, layer) else verdict(argument.status, screen),
        Text(relative_error(argument, screen)),
        Text(wrong, style="" if argument.wrong else QUIET),
        Text(decider(argument.decided_by) or screen.marks.dash, style=QUIET),
    ]


def _whole(layer: LayerReport, screen: Screen) -> list[Text]:
    """A layer's arguments in one line: the worst error, all elements, every witness that decided."""
    deciders = list(dict.fromkeys(decider(argument.decided_by) for argument in layer.arguments if argument.decided_by))
    if not layer.arguments:
        found = (*layer.findings, *(one.finding for one in layer.suppressed))
        codes = ", ".join(dict.fromkeys(finding.code for finding in found))
        return [verdict(layer.status, screen), Text(), Text(), Text(codes, style=QUIET)]
    worst = max(layer.arguments, key=lambda argument: _size(argument.max_rel_error))
    total = sum(argument.total for argument in layer.arguments)
    wrong = sum(argument.wrong for argument in layer.arguments)
    return [
        verdict(layer.status, screen),
        Text(relative_error(worst, screen)),
        Text(f"{wrong:,} of {total:,}" if total else screen.marks.dash, style=QUIET),
        Text(", ".join(deciders) or screen.marks.dash, style=QUIET),
    ]


def _size(error: float | None) -> float:
    return -1.0 if error is None else float("inf") if error != error else error


def worst_first(layers: Sequence[LayerReport]) -> list[LayerReport]:
    """Errors, failures, then the inconclusive; within each, as found."""
    return sorted(layers, key=lambda layer: _WORST_FIRST.index(layer.status))
