"""How a run ended: what a document says beside the report itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gradcheck_cli.report.problem import Problem


@dataclass(frozen=True)
class Ending:
    """The end of one run.

    Attributes:
        problem: what kept the command from its work, where something did.
        exit_code: of the process.
        strict: whether inconclusive counts as a failure.
        folder: paths inside it are shown relative to it.
    """

    problem: Problem | None = None
    exit_code: int = 0
    strict: bool = False
    folder: Path | None = None
