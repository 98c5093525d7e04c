"""What kept the command itself from its work: belongs to no layer and to no rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Problem:
    """One reason why there is no (whole) report.

    Attributes:
        kind: `usage` is the user's to mend, `internal` is gradcheck's own fault, `interrupted` was asked for.
        message: one sentence.
        path, line: the file it is about (a configuration, a module), where it is about one.
        mend: the very thing to write or do, where known.
    """

    kind: Literal["usage", "internal", "interrupted"]
    message: str
    path: str | None = None
    line: int | None = None
    mend: str | None = None


RULES = {"usage": "usage", "internal": "internal-error", "interrupted": "interrupted"}


def problem_object(problem: Problem) -> dict[str, Any]:
    """The problem as an entry of the JSON report's `errors`, in a finding's words."""
    return {
        "code": problem.kind,
        "rule": RULES[problem.kind],
        "message": _text(problem.message),
        "path": None if problem.path is None else _text(problem.path),
        "line": problem.line,
        "mend": None if problem.mend is None else _text(problem.mend),
    }


def empty_report_object(version: str, seed: int, device: str, problem: Problem) -> dict[str, Any]:
    """The JSON report of a run that never began, made without NumPy or a report."""
    return {
        "schema_version": 1,
        "version": version,
        "seed": seed,
        "device": device,
        "summary": {"pass": 0, "fail": 0, "inconclusive": 0, "error": 1},
        "layers": [],
        "errors": [problem_object(problem)],
        "unused_ignores": [],
        "notes": [],
        "seconds": 0.0,
    }


def _text(content: str) -> str:
    return content.encode("utf-8", "backslashreplace").decode("utf-8")
