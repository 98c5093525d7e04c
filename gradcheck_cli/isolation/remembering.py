"""What a run knows from earlier ones, and leaves for later ones; whoever keeps it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from gradcheck_cli.isolation.messages import Checked, Dependencies, Found
from gradcheck_cli.report.model import LayerReport


class Memory(Protocol):
    """Verdicts of earlier runs under the same options."""

    def known(self, path: Path) -> tuple[Found, Mapping[str, LayerReport]] | None:
        """A module's layers, and the verdicts by their names that still hold."""

    def keep(
        self, path: Path, found: Found, reports: Mapping[str, LayerReport], depends: Dependencies, since: float
    ) -> None:
        """Remember these verdicts, if nothing that they depend on has changed since that time."""


class Forgetful:
    """A memory that has none."""

    def known(self, path: Path) -> tuple[Found, Mapping[str, LayerReport]] | None:
        """Nothing."""

    def keep(
        self, path: Path, found: Found, reports: Mapping[str, LayerReport], depends: Dependencies, since: float
    ) -> None:
        """Forget it."""


def remember(
    memory: Memory,
    known: Collection[Path],
    found: Mapping[Path, Found],
    answers: Mapping[tuple[Path, str], Checked],
    since: float,
) -> None:
    """Of each module where something new was found, all that is known."""
    for path, contents in found.items():
        own = {name: answer for (where, name), answer in answers.items() if where == path}
        new = [answer for answer in own.values() if not answer.report.cached]
        if not new and path in known:
            continue
        parts = [part for part in (contents.depends, *(answer.depends for answer in new)) if part is not None]
        if len(parts) == 1 + len(new):
            reports = {name: answer.report for name, answer in own.items()}
            memory.keep(path, contents, reports, _together(parts), since)


def _together(parts: Sequence[Dependencies]) -> Dependencies:
    return Dependencies(
        files=tuple(sorted({name for part in parts for name in part.files})),
        folders=tuple(sorted({name for part in parts for name in part.folders})),
        distributions=tuple(sorted({name for part in parts for name in part.distributions})),
        outside=next((part.outside for part in parts if part.outside), ""),
    )
