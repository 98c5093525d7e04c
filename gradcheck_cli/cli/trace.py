"""`gradcheck trace PATH::FUNCTION`: the computation graph, values forward and gradients backward."""

from __future__ import annotations

from typing import Annotated

import typer

from gradcheck_cli.cli import command_line as options


def trace(
    target: options.OneFunction,
    at: options.At = None,
    seed: options.Seed = None,
    shape: options.Shape = None,
    dim: options.Dim = None,
    arg: options.Arg = None,
    ones: Annotated[
        bool,
        typer.Option(
            "--ones", help="An upstream gradient of ones; a single number gets one anyway.", rich_help_panel="Inputs"
        ),
    ] = False,
    yours: Annotated[
        bool,
        typer.Option("--yours", help="The layer's own backward beside the gradients.", rich_help_panel="Graph"),
    ] = False,
    expand: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Open a folded function: its name, or all (repeatable).", rich_help_panel="Graph"
        ),
    ] = None,
    collapse: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=A-B",
            help="Make gates A to B one: sigmoid=10-13, or sigmoid where it is found (repeatable).",
            rich_help_panel="Graph",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every gate, however many there are.", rich_help_panel="Report")
    ] = False,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="table, tree, json, mermaid, dot, svg or html (table).", rich_help_panel="Report"
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Write it there: graph.svg, .html, .json, .dot, .mmd, .txt.",
            rich_help_panel="Report",
        ),
    ] = None,
) -> None:
    """Show how FUNCTION computes its value, gate by gate, and how the gradient comes back through each of them."""
    from gradcheck_cli.cli.tracing import perform

    inputs = {"shape": shape, "dim": dim, "arg": arg, "seed": seed}
    shown = {"ones": ones, "yours": yours, "expand": expand or [], "collapse": collapse or [], "all": everything}
    raise typer.Exit(perform(target, at or [], inputs, shown, format, output))
