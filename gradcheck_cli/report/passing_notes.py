"""What was assumed about layers that passed: said once, however many layers it concerns."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.marks import QUIET
from gradcheck_cli.report.model import Report, Status
from gradcheck_cli.report.screen import Screen, bulleted

_MOST = 6
_MOST_NAMES = 3


def passing_notes(report: Report, screen: Screen) -> list[RenderableType]:
    """Notes of passing layers, equal ones together; with `--verbose` they stand in the layers' own sections."""
    if screen.verbose:
        return []
    concerned: dict[str, list[str]] = {}
    for layer in report.layers:
        if layer.status is Status.PASS:
            for note in layer.notes:
                concerned.setdefault(note, []).append(one_line(layer.name))
    lines: list[RenderableType] = []
    for note, names in list(concerned.items())[:_MOST]:
        lines.append(bulleted(f"{_listed(names)}: {note}", screen, 1))
    rest = len(concerned) - _MOST
    if rest > 0:
        hidden = f" {screen.marks.ellipsis} and {rest} more {'note' if rest == 1 else 'notes'} (--verbose shows them)"
        lines.append(Text(hidden, style=QUIET))
    return lines


def _listed(names: list[str]) -> str:
    if len(names) <= _MOST_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more layers"
