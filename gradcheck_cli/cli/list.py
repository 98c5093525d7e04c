"""`gradcheck list PATHS...`: what was found, and where each shape comes from."""

from __future__ import annotations

import typer

from gradcheck_cli.cli import command_line as options


def list_layers(
    paths: options.Paths,
    shape: options.Shape = None,
    dim: options.Dim = None,
    arg: options.Arg = None,
    format: options.Format = None,
) -> None:
    """Show the layers in PATHS: convention, line, arguments, shapes and where each shape came from."""
    from gradcheck_cli.cli.listing import perform

    raise typer.Exit(perform(paths, {"shape": shape, "dim": dim, "arg": arg, "format": format}))
