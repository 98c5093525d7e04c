"""Hands the finished report over: standard output in one format, and each file in its own, whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gradcheck_cli.cli.destinations import Destination, Destinations
from gradcheck_cli.cli.output import Output
from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.formats import FOR_PEOPLE, TABLE, renderer
from gradcheck_cli.report.problem import Problem
from gradcheck_cli.whole_file import replace_file

if TYPE_CHECKING:
    from gradcheck_cli.report.model import Report


@dataclass(frozen=True)
class Manner:
    """How much the table shows."""

    verbose: bool = False
    quiet: bool = False


def deliver(
    report: Report, ending: Ending, destinations: Destinations, output: Output, manner: Manner
) -> list[Problem]:
    """Write the report wherever it was asked for, standard output first.

    Returns:
        One problem for each file that could not be written; the others are.
    """
    _to_standard_output(report, ending, destinations.format, output, manner)
    problems = []
    for destination in destinations.files:
        try:
            write_whole(destination.path, _document(report, ending, destination, manner))
        except OSError as error:
            problems.append(_unwritten(destination.path, error))
    return problems


def deliver_nothing(problem: Problem, exit_code: int, destinations: Destinations, output: Output) -> list[Problem]:
    """The same for a run that never began: documents that are valid and say why; nothing for the formats of a terminal.

    What stands in for the report has neither layers nor, since it is not known yet, a seed of its own.
    """
    if destinations == Destinations():
        return []
    from gradcheck_cli._version import __version__
    from gradcheck_cli.report.model import Report

    ending = Ending(problem, exit_code, folder=Path.cwd())
    return deliver(Report(__version__, seed=0, device="cpu"), ending, destinations, output, Manner())


def write_whole(path: Path, content: str) -> None:
    """Write a file so that whoever looks at it, at any time, finds the old one or the new one, whole.

    The text goes to a hidden file beside it, which then takes its name. Only a process that is killed between these two
    steps leaves that one behind: `.gradcheck-*.tmp`, which no pattern for reports matches. What is no file (a pipe,
    `/dev/null`) is written into, and a symbolic link stays one.

    Raises:
        OSError: where that cannot be done.
    """
    data = content.encode("utf-8", "backslashreplace")
    target = path.resolve()
    mode = _mode(target)
    if mode is not None and not stat.S_ISREG(mode):
        with target.open("wb") as stream:
            stream.write(data)
        return
    beside = target.parent / f".gradcheck-{secrets.token_hex(8)}.tmp"
    # a new one is as any new file: a private one would be unreadable to whoever collects reports
    replace_file(target, data, beside, kept_mode=None if mode is None else stat.S_IMODE(mode))


def _mode(target: Path) -> int | None:
    try:
        return target.stat().st_mode
    except FileNotFoundError:
        return None


def _to_standard_output(report: Report, ending: Ending, format_: str, output: Output, manner: Manner) -> None:
    if format_ != TABLE:
        output.write(renderer(format_)(report, ending), is_document=format_ not in FOR_PEOPLE)
    elif ending.problem is None or report.layers or report.errors:
        output.write(_table(report, ending, manner, output.encoding, is_terminal=output.is_terminal))


def _document(report: Report, ending: Ending, destination: Destination, manner: Manner) -> str:
    if destination.format != TABLE:
        return renderer(destination.format)(report, ending)
    table = _table(report, ending, manner, "utf-8", is_file=True)
    # on a terminal standard error says it; a file has but itself
    return table if ending.problem is None else f"{table}\ngradcheck: {ending.problem.message}\n"


def _table(
    report: Report, ending: Ending, manner: Manner, encoding: str, *, is_terminal: bool = False, is_file: bool = False
) -> str:
    from gradcheck_cli.cli.terminal import is_attended, page_console, page_text
    from gradcheck_cli.report.table import print_table

    console = page_console(encoding, is_terminal=is_terminal, is_file=is_file)
    print_table(
        report,
        console,
        verbose=manner.verbose,
        quiet=manner.quiet,
        folder=ending.folder,
        is_attended=is_terminal and is_attended(os.environ),
    )
    return page_text(console)


def _unwritten(path: Path, error: OSError) -> Problem:
    parent = path.parent
    if isinstance(error, FileNotFoundError) and not parent.is_dir():
        mend = f"make its folder first: mkdir -p {parent}"
    elif isinstance(error, IsADirectoryError):
        mend = "name a file: this is a folder"
    else:
        mend = "name a file in a folder where you may write"
    return Problem("usage", f"cannot write the report: {error.strerror or error}", str(path), mend=mend)
