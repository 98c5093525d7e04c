"""What a run has looked at: an ignore of what it has not looked at may well be needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gradcheck_cli.report.model import LayerReport, Report
from gradcheck_cli.suppressions.codes import ERRORS


@dataclass(frozen=True)
class Scope:
    """What was to be checked, and how much of it was.

    Attributes:
        files: checked whole, not one of their layers only; absolute.
        folders: all their files were checked, those that are gone by now included.
        ended_early: some layers may not have been reached.
        unsought: codes that can be found only with options that this run was not given.
    """

    files: frozenset[Path] = frozenset()
    folders: tuple[Path, ...] = ()
    ended_early: bool = False
    unsought: frozenset[str] = frozenset()

    def has_all_of(self, path: Path | str) -> bool:
        """Whether every layer of a file, or of the files in a folder, was reached."""
        path = Path(path)
        return not self.ended_early and (path in self.files or self._has_folder(path))

    def _has_folder(self, path: Path) -> bool:
        # a file that is there and was not among `files` was skipped, or is none of Python's
        return not path.is_file() and any(path.is_relative_to(folder) for folder in self.folders)


def is_judged(layer: LayerReport) -> bool:
    """Whether the layer's check went to its end: what it did not find is not there."""
    found = (*layer.findings, *(one.finding for one in layer.suppressed))
    return not any(finding.code in ERRORS for finding in found)


def has_errors(report: Report, path: str) -> bool:
    """Whether something in this file could not be checked."""
    errors = (*report.errors, *(one.finding for one in report.suppressed))
    return any(error.path == path for error in errors) or any(
        not is_judged(layer) for layer in report.layers if layer.path == path
    )
