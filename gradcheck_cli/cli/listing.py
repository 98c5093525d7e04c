"""What `gradcheck list` does once its command line is parsed: find, specify, show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradcheck_cli.checking import Target
from gradcheck_cli.cli.configuration import read_configuration
from gradcheck_cli.cli.exit_codes import ExitCode
from gradcheck_cli.cli.failures import empty_json, from_internal_error, from_user_error, say
from gradcheck_cli.cli.given import CONFIGURABLE, from_command_line, run_options
from gradcheck_cli.cli.output import Output
from gradcheck_cli.cli.signals import ended_by_signals
from gradcheck_cli.cli.terminal import page_console, page_text
from gradcheck_cli.cli.values import choice
from gradcheck_cli.errors import UserError
from gradcheck_cli.isolation.apart import Apart
from gradcheck_cli.layers.targets import parse
from gradcheck_cli.report.listed import Listing
from gradcheck_cli.report.listing import listing_json
from gradcheck_cli.report.listing_table import print_listing

FORMATS = ("table", "json")


def perform(paths: Sequence[str], options: Mapping[str, Any]) -> ExitCode:
    """Find the layers and print them."""
    output = Output()
    given = from_command_line(options)
    is_json = options.get("format") == "json"
    try:
        if "format" in given:
            choice(given["format"], FORMATS)
        targets = [Target(*parse(path)) for path in paths]
        configured = read_configuration([target.path for target in targets], CONFIGURABLE)
        told = run_options(given, configured)
        # a file may ask for a format that only a report has: a listing is then a table
        is_json = told.destinations.format == "json"
        with ended_by_signals(), Apart(told.workers, with_jax=False) as apart:
            listing = apart.list(targets, told.check.inputs)
        return _show(listing, is_json, output)
    except UserError as error:
        problem = from_user_error(error)
    except Exception as error:
        problem = from_internal_error(error)
    say(problem, "Try `gradcheck list --help`." if problem.kind == "usage" and problem.path is None else "")
    if is_json:
        output.write(empty_json(problem))
    return ExitCode.UNABLE


def _show(listing: Listing, is_json: bool, output: Output) -> ExitCode:
    if is_json:
        output.write(listing_json(listing), is_document=True)
    else:
        console = page_console(output.encoding, is_terminal=output.is_terminal)
        print_listing(listing, console, folder=Path.cwd())
        output.write(page_text(console))
    is_whole = not listing.errors and all(layer.error is None for layer in listing.layers)
    return ExitCode.PASSED if is_whole else ExitCode.UNABLE
