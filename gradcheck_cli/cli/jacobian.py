"""`gradcheck jacobian PATH::FUNCTION`: the Jacobians of a small layer, their structure and their formulas."""

from __future__ import annotations

from typing import Annotated

import typer

from gradcheck_cli.cli import command_line as options


def jacobian(
    target: options.OneFunction,
    at: options.At = None,
    seed: options.Seed = None,
    shape: options.Shape = None,
    dim: options.Dim = None,
    arg: options.Arg = None,
    format: options.Format = None,
    output: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write it there: jacobian.json or .txt.", rich_help_panel="Report"),
    ] = None,
) -> None:
    """Show the Jacobian of FUNCTION by each argument: its numbers, its structure, the formula of an element."""
    from gradcheck_cli.cli.jacobians import perform

    inputs = {"shape": shape, "dim": dim, "arg": arg, "seed": seed}
    raise typer.Exit(perform(target, at or [], inputs, format, output))
