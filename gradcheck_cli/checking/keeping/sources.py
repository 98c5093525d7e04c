"""The functions of the user's that a report speaks of, as text."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from gradcheck_cli.diagnose.surroundings import function_at
from gradcheck_cli.report.model import LayerReport
from gradcheck_cli.saved.model import KeptSource


def sources_of(report: LayerReport, read: Callable[[str], str], forward_line: int | None) -> tuple[KeptSource, ...]:
    """The functions of the backward, of the forward, and of what is blamed; each once."""
    places = [(report.path, report.line), (report.path, forward_line)]
    places += [(finding.path, finding.line) for finding in report.findings]
    places += [(one.blame.path, one.blame.line) for one in report.findings if one.blame is not None]
    found: dict[tuple[str, int], KeptSource] = {}
    for path, line in dict.fromkeys(places):
        with contextlib.suppress(RecursionError):
            lines = function_at(read(path), line, docstring=True) if line is not None else ()
            if lines:
                first = lines[0][0]
                found.setdefault((path, first), KeptSource(path, first, "\n".join(text for _, text in lines)))
    return tuple(found.values())
