"""An error of the user's as a finding in the report."""

from __future__ import annotations

from pathlib import Path

from gradcheck_cli.errors import UserError
from gradcheck_cli.report.model import Finding


def finding_of(error: UserError, path: Path, line: int | None = None) -> Finding:
    """What the user can mend, as a finding."""
    return Finding(
        code=error.code or "GC502",
        message=error.message,
        path=str(error.path or path),
        line=error.line if error.line is not None else line,
        argument=error.argument,
        mend=error.mend,
    )
