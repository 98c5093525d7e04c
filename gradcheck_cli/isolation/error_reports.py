"""A layer without a verdict, as a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from gradcheck_cli.errors import UserError
from gradcheck_cli.isolation.messages import Refused
from gradcheck_cli.report.model import Finding, LayerReport, Status

REPLACED = "replaced "
"""What begins the trace of a function that a layer has replaced in a library."""


class Known(Protocol):
    """What is known about the layer."""

    @property
    def name(self) -> str:
        """As `PATH::NAME` selects it."""

    @property
    def line(self) -> int:
        """Of its backward."""

    @property
    def forward_line(self) -> int | None:
        """Of its forward, where known."""

    @property
    def convention(self) -> str:
        """How it is written."""


def error_report(layer: Known, path: Path, finding: Finding) -> LayerReport:
    """The report of a layer that could not be judged, for this one reason."""
    return LayerReport(
        layer.name,
        str(path),
        layer.line,
        str(layer.convention),
        Status.ERROR,
        findings=(finding,),
        forward_line=layer.forward_line,
    )


def vanished(layer: Known, path: Path) -> Finding:
    """A layer that was found when the module was first imported, and not when it was imported again."""
    return Finding(
        code="GC501",
        message=f"`{layer.name}` is not in `{path.name}` any more: importing it twice gives other layers",
        path=str(path),
        line=layer.line,
        mend="let the module define the same layers each time that it is imported",
    )


def trusted(report: LayerReport, touched: Sequence[str]) -> LayerReport:
    """The report; an error in its place where the layer replaced functions that the check itself calls."""
    names = [f"`{what.removeprefix(REPLACED)}`" for what in touched if what.startswith(REPLACED)]
    if not names:
        return report
    finding = Finding(
        code="GC502",
        message=f"`{report.name}` replaces {', '.join(names)} while it runs, so that no comparison can be trusted",
        path=report.path,
        line=report.line,
        mend="give the function a name of its own",
    )
    return replace(error_report(report, Path(report.path), finding), seconds=report.seconds)


def refused(finding: Finding) -> Refused:
    """The finding as what keeps a command from doing its work at all."""
    return Refused(message=finding.message, path=Path(finding.path), line=finding.line, mend=finding.mend)


def error_of(finding: Finding) -> UserError:
    """The same, to be raised."""
    return UserError(finding.message, path=Path(finding.path), line=finding.line, mend=finding.mend)
