"""What the process ends with, so that a script can tell a wrong gradient from a check that never happened."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradcheck_cli.report.model import Report


class ExitCode(IntEnum):
    """The exit codes, a part of the interface."""

    PASSED = 0
    """Every check passed; or was inconclusive, without `--strict`; or there was nothing to check."""
    FINDING = 1
    """A gradient is wrong; or, under `--strict`, could not be judged, or an ignore is in vain."""
    UNABLE = 2
    """The command could not do its work: a bad option, a module that does not load, a layer that does not run."""
    INTERRUPTED = 130
    """Ctrl-C, as shells have it."""


def exit_code(report: Report, *, strict: bool = False, require_layers: bool = False) -> ExitCode:
    """The exit code of a finished run.

    `UNABLE` wins over `FINDING`: where something was not checked, the list of findings is not the whole truth, and a
    script that reads 1 as "these are the wrong gradients" must not take it for that.
    """
    from gradcheck_cli.report.model import Status

    if report.count(Status.ERROR) or (require_layers and not report.layers):
        return ExitCode.UNABLE
    if report.count(Status.FAIL) or (strict and (report.count(Status.INCONCLUSIVE) or report.unused_ignores)):
        return ExitCode.FINDING
    return ExitCode.PASSED
