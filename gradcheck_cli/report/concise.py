"""One line a finding: `mylayer.py:53: GC201 dx: ...`, as compilers and editors have it."""

from __future__ import annotations

from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.model import Report
from gradcheck_cli.report.places import relative_path
from gradcheck_cli.report.problem import Problem
from gradcheck_cli.report.wrongs import Wrong, wrongs


def render_concise(report: Report, ending: Ending) -> str:
    """Nothing where nothing is wrong."""
    lines = [_line(entry, ending) for entry in wrongs(report)]
    if ending.problem is not None:
        lines.append(_problem_line(ending.problem, ending))
    return "".join(line + "\n" for line in lines)


def _line(entry: Wrong, ending: Ending) -> str:
    subject = f" {one_line(entry.subject)}" if entry.subject else ""
    place = f"{one_line(relative_path(entry.path, ending.folder))}:{entry.line}"
    return f"{place}: {entry.code}{subject}: {one_line(entry.message)}"


def _problem_line(problem: Problem, ending: Ending) -> str:
    place = "gradcheck"
    if problem.path is not None:
        line = f":{problem.line}" if problem.line is not None else ""
        place = one_line(relative_path(problem.path, ending.folder)) + line
    return f"{place}: {problem.kind}: {one_line(problem.message)}"
