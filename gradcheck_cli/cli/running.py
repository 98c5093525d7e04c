"""What `gradcheck run` does once its command line is parsed: options, engine, report, exit code."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradcheck_cli._version import __version__
from gradcheck_cli.checking import CheckOptions, Target
from gradcheck_cli.cli.configuration import read_configuration
from gradcheck_cli.cli.delivery import Manner, deliver, deliver_nothing
from gradcheck_cli.cli.destinations import leniently
from gradcheck_cli.cli.exit_codes import ExitCode, exit_code
from gradcheck_cli.cli.failures import from_internal_error, from_user_error, say
from gradcheck_cli.cli.given import CONFIGURABLE, RunOptions, from_command_line, run_options
from gradcheck_cli.cli.memory import memory_for
from gradcheck_cli.cli.output import Output
from gradcheck_cli.cli.progress import Watcher, is_watched
from gradcheck_cli.cli.signals import ended_by_signals
from gradcheck_cli.cli.suppressing import with_baseline, without_suppressed
from gradcheck_cli.errors import UserError
from gradcheck_cli.isolation.apart import Apart
from gradcheck_cli.layers.targets import parse
from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.model import Report, Status
from gradcheck_cli.report.numbers import counted
from gradcheck_cli.report.problem import Problem

if TYPE_CHECKING:
    from gradcheck_cli.saved.writing import RunWriter


@dataclass(frozen=True)
class Outcome:
    """What a run came to: its report, as far as it got, and what kept it from getting further.

    Attributes:
        printed_lines, printed: what the user's modules printed: how many lines, and the beginning.
    """

    report: Report
    problem: Problem | None = None
    printed_lines: int = 0
    printed: str = ""


def perform(paths: Sequence[str], options: Mapping[str, Any], *, changed: bool = False) -> ExitCode:
    """Run the checks and deliver the report.

    Args:
        changed: only files below the paths that differ from the last commit.
    """
    output = Output()
    given = from_command_line(options)
    asked = leniently(given)
    try:
        targets = [Target(*parse(path)) for path in paths]
        configured = read_configuration([target.path for target in targets], CONFIGURABLE)
        asked = leniently(configured, given)
        told = with_baseline(run_options(given, configured))
        asked = told.destinations
        return _perform(_by_git(targets) if changed else targets, told, output)
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


def _by_git(targets: Sequence[Target]) -> list[Target]:
    from gradcheck_cli.cli.changed import changed

    return [Target(path) for path in changed([target.path for target in targets])]


def _perform(targets: Sequence[Target], told: RunOptions, output: Output) -> ExitCode:
    with _saving(told) as saved:
        return _perform_and_save(targets, told, output, saved)


def _saving(told: RunOptions) -> AbstractContextManager[RunWriter | None]:
    if told.save is None:
        return nullcontext()
    from gradcheck_cli.saved.writing import RunWriter

    return RunWriter(told.save)


def _perform_and_save(targets: Sequence[Target], told: RunOptions, output: Output, saved: RunWriter | None) -> ExitCode:
    outcome = _checked(targets, told, saved)
    try:
        return _deliver(outcome, targets, told, output, saved)
    except KeyboardInterrupt:
        # what was written stays: a document of a run that never began must not take its place
        say(Problem("interrupted", "interrupted while the report was written"))
        return ExitCode.INTERRUPTED


def _deliver(
    outcome: Outcome, targets: Sequence[Target], told: RunOptions, output: Output, saved: RunWriter | None
) -> ExitCode:
    report, problem = without_suppressed(outcome.report, outcome.problem, targets, told)
    outcome = _with_printed(replace(outcome, report=report, problem=problem), told)
    if outcome.problem is None and not any((outcome.report.layers, outcome.report.errors, outcome.report.suppressed)):
        outcome = _with_note(outcome, _no_layers(targets))
    report, problem = outcome.report, outcome.problem
    if problem is None and told.require_layers and not report.layers and not report.errors:
        problem = Problem("usage", "no layers found, and `--require-layers` asks for some", mend="check the paths")
    code = _code(report, problem, told)
    ending = Ending(problem, code, told.strict, Path.cwd())
    unwritten = deliver(report, ending, told.destinations, output, Manner(verbose=told.verbose, quiet=told.quiet))
    if saved is not None:
        try:
            saved.finish(report, problem, Path.cwd())
        except OSError as error:
            mend = "make room for it, or name a file elsewhere"
            failed = f"the run cannot be saved: {error.strerror or error}"
            unwritten.append(Problem("usage", failed, str(told.save), mend=mend))
    if problem is not None:
        say(problem)
    _say_all(unwritten)
    inconclusive = report.count(Status.INCONCLUSIVE)
    if code is ExitCode.PASSED and inconclusive:
        say(Problem("usage", f"warning: {counted(inconclusive, 'layer')} inconclusive; `--strict` makes it a failure"))
    if code is ExitCode.FINDING and report.unused_ignores and not report.count(Status.FAIL):
        in_vain = counted(len(report.unused_ignores), "ignore")
        say(Problem("usage", f"{in_vain} in vain, and `--strict` makes that a failure"))
    return ExitCode.UNABLE if unwritten and code is not ExitCode.INTERRUPTED else code


def _code(report: Report, problem: Problem | None, told: RunOptions) -> ExitCode:
    if problem is not None:
        return ExitCode.INTERRUPTED if problem.kind == "interrupted" else ExitCode.UNABLE
    return exit_code(report, strict=told.strict, require_layers=told.require_layers)


def _say_all(problems: Sequence[Problem]) -> None:
    for problem in problems:
        say(problem)


def _checked(targets: Sequence[Target], told: RunOptions, saved: RunWriter | None) -> Outcome:
    """The engine's report; where it was cut short, what is known."""
    start = time.perf_counter()
    watcher = Watcher(visible=is_watched() and not told.quiet)
    apart = Apart(told.workers)
    memory, refused = memory_for(told)
    problem: Problem | None = None
    report: Report | None = None
    try:
        with ended_by_signals(), watcher, apart:
            report = apart.check(targets, told.check, watcher, memory, None if saved is None else saved.add)
    except UserError as error:
        problem = from_user_error(error)
    except KeyboardInterrupt:
        done = (
            f"{len(watcher.finished)} of {counted(watcher.total, 'layer')}" if watcher.total else "anything was checked"
        )
        problem = Problem("interrupted", f"interrupted {'after' if watcher.total else 'before'} {done}")
    except Exception as error:
        problem = from_internal_error(error)
    if report is None:
        report = _known_so_far(watcher, told.check, time.perf_counter() - start)
    outcome = Outcome(report, problem, apart.printed_lines, apart.printed)
    for note in (*refused, *_unchanged(report)):
        outcome = _with_note(outcome, note)
    return outcome


def _unchanged(report: Report) -> Sequence[str]:
    count = sum(layer.cached for layer in report.layers)
    if not count:
        return ()
    return (f"{counted(count, 'verdict')} of an earlier run: nothing has changed since. --no-cache checks again.",)


def _known_so_far(watcher: Watcher, options: CheckOptions, seconds: float) -> Report:
    return Report(
        version=__version__,
        seed=options.inputs.seed,
        device=options.device,
        layers=tuple(watcher.finished),
        seconds=seconds,
    )


def _with_printed(outcome: Outcome, told: RunOptions) -> Outcome:
    """What the user's modules printed: said in a note, shown on standard error when asked for."""
    if not outcome.printed_lines:
        return outcome
    lines, where = counted(outcome.printed_lines, "line"), "; --verbose shows them on standard error"
    if told.verbose:
        _show_printed(outcome.printed)
        where = ", shown on standard error"
    return _with_note(outcome, f"The checked modules printed {lines}{where}.")


def _with_note(outcome: Outcome, note: str) -> Outcome:
    return replace(outcome, report=replace(outcome.report, notes=(*outcome.report.notes, note)))


def _no_layers(targets: Sequence[Target]) -> str:
    if not targets:
        return "No Python file differs from the last commit."
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
