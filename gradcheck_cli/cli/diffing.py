"""What `gradcheck diff` does once its command line is parsed."""

from __future__ import annotations

from pathlib import Path

from gradcheck_cli.cli.exit_codes import ExitCode
from gradcheck_cli.cli.failures import from_internal_error, from_user_error, say
from gradcheck_cli.cli.output import Output
from gradcheck_cli.cli.terminal import page_console, page_text
from gradcheck_cli.cli.values import Given, choice
from gradcheck_cli.errors import UserError
from gradcheck_cli.report.difference.json import difference_json, no_difference_json
from gradcheck_cli.report.difference.model import Difference
from gradcheck_cli.report.difference.table import print_difference
from gradcheck_cli.saved.comparing import difference
from gradcheck_cli.saved.reading import open_run

FORMATS = ("table", "json")


def perform(before: str, after: str, format_: str | None, *, verbose: bool) -> ExitCode:
    """Compare the two runs and print what changed."""
    output = Output()
    try:
        if format_ is not None:
            choice(Given("format", format_), FORMATS)
        with open_run(Path(before)) as one, open_run(Path(after)) as other:
            found = difference(one, other)
        _show(found, output, is_json=format_ == "json", verbose=verbose)
        return ExitCode.FINDING if found.is_worse else ExitCode.PASSED
    except UserError as error:
        problem = from_user_error(error)
    except Exception as error:
        problem = from_internal_error(error)
    say(problem, "Try `gradcheck diff --help`." if problem.kind == "usage" and problem.path is None else "")
    if format_ == "json":
        output.write(no_difference_json(problem), is_document=True)
    return ExitCode.UNABLE


def _show(found: Difference, output: Output, *, is_json: bool, verbose: bool) -> None:
    if is_json:
        output.write(difference_json(found), is_document=True)
        return
    console = page_console(output.encoding, is_terminal=output.is_terminal)
    print_difference(found, console, verbose=verbose)
    output.write(page_text(console))
