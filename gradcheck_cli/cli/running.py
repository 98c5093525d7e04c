"""What `gradcheck run` does once its command line is parsed: options, engine, report, exit code."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gradcheck_cli._version import __version__
from gradcheck_cli.checking import CheckOptions, Target
from gradcheck_cli.cli.configuration import read_configuration
from gradcheck_cli.cli.exit_codes import ExitCode, exit_code
from gradcheck_cli.cli.failures import empty_json, from_internal_error, from_user_error, say
from gradcheck_cli.cli.given import CONFIGURABLE, RunOptions, from_command_line, run_options
from gradcheck_cli.cli.memory import memory_for
from gradcheck_cli.cli.output import Output
from gradcheck_cli.cli.progress import Watcher, is_watched
from gradcheck_cli.cli.signals import ended_by_signals
from gradcheck_cli.cli.suppressing import with_baseline, without_suppressed
from gradcheck_cli.cli.terminal import page_console, page_text
from gradcheck_cli.errors import UserError
from gradcheck_cli.isolation.apart import Apart
from gradcheck_cli.layers.targets import parse
from gradcheck_cli.report.json import render_json
from gradcheck_cli.report.model import Report, Status
from gradcheck_cli.report.numbers import counted
from gradcheck_cli.report.problem import Problem
from gradcheck_cli.report.table import print_table


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
    """Run the checks and print the report. `changed`: only files that differ from the last commit, below the paths."""
    output = Output()
    is_json = options.get("format") == "json"
    try:
        targets, told = _told(paths, options, changed=changed)
        is_json = told.format == "json"
        return _perform(targets, told, output)
    except UserError as error:
        problem = from_user_error(error)
    except Exception as error:
        problem = from_internal_error(error)
    say(problem, "Try `gradcheck run --help`." if problem.kind == "usage" and problem.path is None else "")
    if is_json:
        output.write(empty_json(problem))
    return ExitCode.UNABLE


def _told(paths: Sequence[str], options: Mapping[str, Any], *, changed: bool) -> tuple[list[Target], RunOptions]:
    targets = [Target(*parse(path)) for path in paths]
    configured = read_configuration([target.path for target in targets], CONFIGURABLE)
    if changed:
        from gradcheck_cli.cli.changed import changed as files_by_git

        targets = [Target(path) for path in files_by_git([target.path for target in targets])]
    return targets, with_baseline(run_options(from_command_line(options), configured))


def _perform(targets: Sequence[Target], told: RunOptions, output: Output) -> ExitCode:
    outcome = _checked(targets, told)
    report, problem = without_suppressed(outcome.report, outcome.problem, targets, told)
    outcome = _with_printed(replace(outcome, report=report, problem=problem), told)
    if outcome.problem is None and not any((outcome.report.layers, outcome.report.errors, outcome.report.suppressed)):
        outcome = _with_note(outcome, _no_layers(targets))
    problem = outcome.problem
    if problem is None and told.require_layers and not outcome.report.layers and not outcome.report.errors:
        problem = Problem("usage", "no layers found, and `--require-layers` asks for some", mend="check the paths")
    if told.format == "json":
        output.write(render_json(outcome.report, problem))
    elif problem is None or outcome.report.layers or outcome.report.errors:
        console = page_console(output.encoding, is_terminal=output.is_terminal)
        print_table(outcome.report, console, verbose=told.verbose, quiet=told.quiet, folder=Path.cwd())
        output.write(page_text(console))
    if problem is not None:
        say(problem)
        return ExitCode.INTERRUPTED if problem.kind == "interrupted" else ExitCode.UNABLE
    code = exit_code(outcome.report, strict=told.strict, require_layers=told.require_layers)
    inconclusive = outcome.report.count(Status.INCONCLUSIVE)
    if code is ExitCode.PASSED and inconclusive:
        say(Problem("usage", f"warning: {counted(inconclusive, 'layer')} inconclusive; `--strict` makes it a failure"))
    if code is ExitCode.FINDING and outcome.report.unused_ignores and not outcome.report.count(Status.FAIL):
        in_vain = counted(len(outcome.report.unused_ignores), "ignore")
        say(Problem("usage", f"{in_vain} in vain, and `--strict` makes that a failure"))
    return code


def _checked(targets: Sequence[Target], told: RunOptions) -> Outcome:
    """The engine's report; where it was cut short, what is known."""
    start = time.perf_counter()
    watcher = Watcher(visible=is_watched() and not told.quiet)
    apart = Apart(told.workers)
    memory, refused = memory_for(told)
    problem: Problem | None = None
    report: Report | None = None
    try:
        with ended_by_signals(), watcher, apart:
            report = apart.check(targets, told.check, watcher, memory)
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
