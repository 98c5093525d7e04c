"""The typer application: its commands, its version, and one place that turns what went wrong into an exit code."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from gradcheck_cli._version import __version__
from gradcheck_cli.cli.cache import cache
from gradcheck_cli.cli.diff import diff
from gradcheck_cli.cli.exit_codes import ExitCode
from gradcheck_cli.cli.explain import explain
from gradcheck_cli.cli.failures import empty_json, from_internal_error, options_asked_for, say
from gradcheck_cli.cli.inspect import inspect
from gradcheck_cli.cli.jacobian import jacobian
from gradcheck_cli.cli.list import list_layers
from gradcheck_cli.cli.run import run
from gradcheck_cli.cli.trace import trace
from gradcheck_cli.cli.train import train
from gradcheck_cli.report.problem import Problem

application = typer.Typer(
    name="gradcheck",
    help="Is the hand-written backward pass of a layer right, which elements are wrong, and why.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # plain help: the framed one imports a Markdown parser and more, and takes twice as long
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog="Exit codes: 0 passed, 1 a finding, 2 the command could not do its work.",
)
application.command("run")(run)
application.command("list")(list_layers)
application.command("trace")(trace)
application.command("jacobian")(jacobian)
application.command("train")(train)
application.command("inspect")(inspect)
application.command("diff")(diff)
application.command("explain")(explain)
application.add_typer(cache)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"gradcheck {__version__}")
        raise typer.Exit()


@application.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Is the hand-written backward pass of a layer right, which elements are wrong, and why."""


def main() -> None:
    """Run the command line and end the process."""
    sys.exit(_exit_code())


def _exit_code() -> int:
    try:
        return int(application(prog_name="gradcheck", standalone_mode=False) or 0)
    except (KeyboardInterrupt, typer.Abort):
        return _ended(Problem("interrupted", "interrupted before anything was checked"), ExitCode.INTERRUPTED)
    except BrokenPipeError:
        _leave_pipe_quietly()
        return ExitCode.PASSED
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    if hasattr(error, "format_message"):
        problem, hint = _usage(error)
    else:
        problem, hint = from_internal_error(error), ""
    return _ended(problem, ExitCode.UNABLE, hint)


def _ended(problem: Problem, code: ExitCode, hint: str = "") -> int:
    """Say it, and put it into the documents that were asked for."""
    if problem.message:
        say(problem, hint)
    asked = options_asked_for()
    if "run" not in sys.argv[1:2]:
        if asked.get("format") == "json":
            sys.stdout.write(empty_json(problem))
    elif asked:
        from gradcheck_cli.cli.delivery import deliver_nothing
        from gradcheck_cli.cli.destinations import leniently
        from gradcheck_cli.cli.output import Output
        from gradcheck_cli.cli.values import Given

        destinations = leniently({option: Given(option, value) for option, value in asked.items()})
        for unwritten in deliver_nothing(problem, code, destinations, Output()):
            say(unwritten)
    return code


def _usage(error: Any) -> tuple[Problem, str]:
    """typer's own complaint about a command line, recognised by what it can do: where its class lives has moved."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "gradcheck"
    return Problem("usage", str(error.format_message()).rstrip(".")), f"Try `{command} --help`."


def _leave_pipe_quietly() -> None:
    """The reader of a pipe went away: nothing more can be said to it, not even by Python when it ends."""
    import os

    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
