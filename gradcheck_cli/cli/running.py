"""What `gradcheck run` does once its command line is parsed: options, engine, report, exit code."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gradcheck_cli._version import __version__
from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.cli.configuration import read_configuration
from gradcheck_cli.cli.delivery import Manner, deliver, deliver_nothing
from gradcheck_cli.cli.destinations import leniently
from gradcheck_cli.cli.exit_codes import ExitCode, exit_code
from gradcheck_cli.cli.failures import from_internal_error, from_user_error, say
from gradcheck_cli.cli.given import OPTIONS, RunOptions, from_command_line, run_options
from gradcheck_cli.cli.output import OwnedOutput
from gradcheck_cli.cli.progress import Watcher, is_watched
from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.targets import parse
from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.model import Report, Status
from gradcheck_cli.report.numbers import counted
from gradcheck_cli.report.problem import Problem


@dataclass(frozen=True)
class Outcome:
    """What a run came to: its report, as far as it got, and what kept it from getting further."""

    report: Report
    problem: Problem | None = None


def perform(paths: Sequence[str], options: Mapping[str, Any]) -> ExitCode:
    """Run the checks and deliver the report. Standard output stays ours to the end of the process."""
    output = OwnedOutput()
    given = from_command_line(options)
    asked = leniently(given)
    try:
        targets = [Target(*parse(path)) for path in paths]
        configured = read_configuration([target.path for target in targets], OPTIONS)
        asked = leniently(configured, given)
        told = run_options(given, configured)
        asked = told.destinations
        return _perform(targets, told, output)
    except UserError as error:
        problem = from_user_error(error)
    except KeyboardInterrupt:
        problem = Problem("interrupted", "interrupted before anything was checked")
    except Exception as error:
        problem = from_internal_error(error)
    code = ExitCode.INTERRUPTED if problem.kind == "interrupted" else ExitCode.UNABLE
    unwritten = deliver_nothing(problem, code, asked, output)
    say(problem, "Try `gradcheck run --help`." if problem.kind == "usage" and problem.path is None else "")
    _say_all(unwritten)
    return code


def _perform(targets: Sequence[Target], told: RunOptions, output: OwnedOutput) -> ExitCode:
    folder = Path.cwd()  # before a module of the user's changes it
    outcome = _checked(targets, told)
    try:
        return _deliver(outcome, targets, told, output, folder)
    except KeyboardInterrupt:
        # what was written stays: a document of a run that never began must not take its place
        say(Problem("interrupted", "interrupted while the report was written"))
        return ExitCode.INTERRUPTED


def _deliver(
    outcome: Outcome, targets: Sequence[Target], told: RunOptions, output: OwnedOutput, folder: Path
) -> ExitCode:
    outcome = _with_printed(outcome, told, output)
    if outcome.problem is None and not outcome.report.layers and not outcome.report.errors:
        outcome = _with_note(outcome, _no_layers(targets))
    problem = outcome.problem
    if problem is None and told.require_layers and not outcome.report.layers and not outcome.report.errors:
        problem = Problem("usage", "no layers found, and `--require-layers` asks for some", mend="check the paths")
    code = _code(outcome.report, problem, told)
    ending = Ending(problem, code, told.strict, folder)
    manner = Manner(verbose=told.verbose, quiet=told.quiet)
    unwritten = deliver(outcome.report, ending, told.destinations, output, manner)
    if problem is not None:
        say(problem)
    _say_all(unwritten)
    inconclusive = outcome.report.count(Status.INCONCLUSIVE)
    if code is ExitCode.PASSED and inconclusive:
        say(Problem("usage", f"warning: {counted(inconclusive, 'layer')} inconclusive; `--strict` makes it a failure"))
    return ExitCode.UNABLE if unwritten and code is not ExitCode.INTERRUPTED else code


def _code(report: Report, problem: Problem | None, told: RunOptions) -> ExitCode:
    if problem is not None:
        return ExitCode.INTERRUPTED if problem.kind == "interrupted" else ExitCode.UNABLE
    return exit_code(report, strict=told.strict, require_layers=told.require_layers)


def _say_all(problems: Sequence[Problem]) -> None:
    for problem in problems:
        say(problem)


def _checked(targets: Sequence[Target], told: RunOptions) -> Outcome:
    """The engine's report; where it was cut short, what is known."""
    start = time.perf_counter()
    watcher = Watcher(visible=is_watched() and not told.quiet)
    try:
        with watcher:
            return Outcome(check_targets(targets, told.check, watcher))
    except UserError as error:
        problem = from_user_error(error)
    except KeyboardInterrupt:
        done = (
            f"{len(watcher.finished)} of {counted(watcher.total, 'layer')}" if watcher.total else "anything was checked"
        )
        problem = Problem("interrupted", f"interrupted {'after' if watcher.total else 'before'} {done}")
    except (Exception, SystemExit) as error:
        problem = from_internal_error(error)
    return Outcome(_known_so_far(watcher, told.check, time.perf_counter() - start), problem)


def _known_so_far(watcher: Watcher, options: CheckOptions, seconds: float) -> Report:
    return Report(
        version=__version__,
        seed=options.inputs.seed,
        device=options.device,
        layers=tuple(watcher.finished),
        seconds=seconds,
    )


def _with_printed(outcome: Outcome, told: RunOptions, output: OwnedOutput) -> Outcome:
    """What the user's modules printed: said in a note, shown on standard error when asked for."""
    printed = output.printed
    if not printed.strip():
        return outcome
    lines = printed.count("\n") + (not printed.endswith("\n"))
    note = f"The checked modules printed {counted(lines, 'line')}; --verbose shows them on standard error."
    if told.verbose:
        _show_printed(printed)
        note = f"The checked modules printed {counted(lines, 'line')}, shown on standard error."
    return _with_note(outcome, note)


def _with_note(outcome: Outcome, note: str) -> Outcome:
    return replace(outcome, report=replace(outcome.report, notes=(*outcome.report.notes, note)))


def _no_layers(targets: Sequence[Target]) -> str:
    places = ", ".join(str(target.path) for target in targets[:3]) + (", ..." if len(targets) > 3 else "")
    return (
        f"No layers in {places}: a layer is a forward with a hand-written backward, "
        "such as `affine_forward` with `affine_backward`, or a class with both methods."
    )


def _show_printed(printed: str) -> None:
    from gradcheck_cli.cli.terminal import error_console
    from gradcheck_cli.report.screen import screen_for

    console = error_console()
    screen = screen_for(console)
    console.print(screen.text("what the checked modules printed:", "dim"))
    console.print(screen.text(printed.rstrip("\n")))
