"""Workflow commands of GitHub Actions: each becomes an annotation on the line of the source it is about.

GitHub shows ten errors and ten warnings of a step, and fifty annotations of a job; whatever a step prints beyond that
is lost without a word. So the worst come first, and the last annotation says how many there was no room for.
"""

from __future__ import annotations

from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.escaping import one_line, plain
from gradcheck_cli.report.model import Report, Status
from gradcheck_cli.report.numbers import counted
from gradcheck_cli.report.places import is_inside, relative_path
from gradcheck_cli.report.problem import Problem
from gradcheck_cli.report.wrongs import Wrong, worst_first, wrongs

MOST = 10
"""Annotations of one level that GitHub shows of a step."""


def render_github(report: Report, ending: Ending) -> str:
    """Errors, warnings for what could not be judged (errors under `--strict`), and a notice of what was left out."""
    errors = [] if ending.problem is None else [_problem(ending.problem, ending)]
    warnings: list[str] = []
    for entry in worst_first(wrongs(report)):
        is_warning = entry.status is Status.INCONCLUSIVE and not ending.strict
        (warnings if is_warning else errors).append(_annotation(entry, "warning" if is_warning else "error", ending))
    lines = [*errors[:MOST], *warnings[:MOST]]
    left_out = len(errors) + len(warnings) - len(lines)
    if left_out:
        text = f"{counted(left_out, 'more finding')} left out: GitHub shows {MOST} errors and {MOST} warnings of a step"
        lines.append(_command("notice", {"title": "gradcheck"}, text))
    return "".join(line + "\n" for line in lines)


def _annotation(entry: Wrong, level: str, ending: Ending) -> str:
    title = entry.code if entry.code == entry.rule else f"{entry.code} {entry.rule}"
    subject = ", ".join(dict.fromkeys(one_line(part) for part in (entry.layer, entry.subject) if part))
    message = plain(entry.message) + (f"\nmend: {plain(entry.mend)}" if entry.mend else "")
    place = _place(entry.path, entry.line, ending)
    return _command(level, {**place, "title": f"{title}: {subject}" if subject else title}, message)


def _problem(problem: Problem, ending: Ending) -> str:
    place = {} if problem.path is None else _place(problem.path, problem.line or 1, ending)
    message = plain(problem.message) + (f"\nmend: {plain(problem.mend)}" if problem.mend else "")
    return _command("error", {**place, "title": f"gradcheck: {problem.kind}"}, message)


def _place(path: str, line: int, ending: Ending) -> dict[str, str]:
    """Nothing for a file outside the folder: GitHub knows only those of the repository."""
    if not is_inside(path, ending.folder):
        return {}
    return {"file": one_line(relative_path(path, ending.folder)), "line": str(line)}


def _command(level: str, properties: dict[str, str], message: str) -> str:
    """`::error file=a.py,line=3,title=...::message`, escaped as the runner undoes it."""
    written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {written}::{_data(message)}"


def _data(content: str) -> str:
    return content.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(content: str) -> str:
    return _data(content).replace(":", "%3A").replace(",", "%2C")
