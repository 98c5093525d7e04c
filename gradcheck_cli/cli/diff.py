"""`gradcheck diff BEFORE AFTER`: what changed between two saved runs."""

from __future__ import annotations

from typing import Annotated

import typer

from gradcheck_cli.cli import command_line as options


def diff(
    before: Annotated[
        str, typer.Argument(metavar="BEFORE", help="A file of `gradcheck run --save`.", show_default=False)
    ],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="Another, that was made later.", show_default=False)],
    format: options.Format = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also what did not change.", rich_help_panel="Report")
    ] = False,
) -> None:
    """Show what got worse, better, appeared and vanished between two saved runs.

    Exit codes: 0 nothing got worse, 1 something did, 2 a file cannot be read.
    """
    from gradcheck_cli.cli.diffing import perform

    raise typer.Exit(perform(before, after, format, verbose=verbose))
