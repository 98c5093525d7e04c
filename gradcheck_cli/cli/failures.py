"""What is said when the command cannot do its work: on standard error, and in the formats that were asked for."""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

from gradcheck_cli._version import __version__
from gradcheck_cli.errors import UserError
from gradcheck_cli.report.problem import Problem, empty_report_object

DEBUG = "GRADCHECK_DEBUG"
"""Set to 1, an internal error is shown with its traceback."""


def from_user_error(error: UserError) -> Problem:
    """What the user can mend."""
    path = None if error.path is None else str(error.path)
    return Problem("usage", error.message, path, error.line, error.mend)


def from_internal_error(error: BaseException) -> Problem:
    """A fault of ours: one sentence, and what to do about it."""
    if os.environ.get(DEBUG) == "1":
        traceback.print_exception(error)
        if in_worker := getattr(error, "traceback", ""):
            print("in the worker:", in_worker, sep="\n", file=sys.stderr)  # noqa: T201
    description = str(error).strip().split("\n")[0][:200]
    return Problem(
        "internal",
        f"gradcheck itself failed, which says nothing about your layers: {type(error).__name__}"
        + (f": {description}" if description else ""),
        mend=f"please report it to gradcheck's issue tracker, with what {DEBUG}=1 prints before this message",
    )


def say(problem: Problem, hint: str = "") -> None:
    """The problem on standard error: what, where, how to mend it; `hint` names the help to read."""
    from gradcheck_cli.cli.terminal import error_console
    from gradcheck_cli.report.marks import CODE, QUIET, STATUS_STYLE
    from gradcheck_cli.report.model import Status
    from gradcheck_cli.report.screen import labelled, screen_for

    console = error_console()
    screen = screen_for(console)
    line = screen.text("gradcheck: ", STATUS_STYLE[Status.ERROR])
    line.append_text(screen.text(problem.message))
    console.print(line)
    rows = []
    if problem.path is not None:
        rows.append(("at", screen.text(screen.place(problem.path, problem.line))))
    if problem.mend:
        rows.append(("mend", screen.text(problem.mend, CODE)))
    if rows:
        console.print(labelled(rows))
    if hint:
        console.print(screen.text(hint, QUIET))


def empty_json(problem: Problem, seed: int = 0, device: str = "cpu") -> str:
    """The JSON report of a run that never began."""
    return json.dumps(empty_report_object(__version__, seed, device, problem), indent=2, ensure_ascii=False) + "\n"


def options_asked_for(arguments: list[str] | None = None) -> dict[str, Any]:
    """`--format` and `--output` of a command line that could not be parsed, read by hand."""
    words = sys.argv[1:] if arguments is None else arguments
    asked: dict[str, Any] = {}
    for position, word in enumerate(words):
        if word == "--":
            break
        option, equals, value = word.partition("=")
        if option not in ("--format", "--output"):
            continue
        if not equals:
            value = "".join(words[position + 1 : position + 2])
        if option == "--format":
            asked["format"] = value
        else:
            asked.setdefault("output", []).append(value)
    return asked
