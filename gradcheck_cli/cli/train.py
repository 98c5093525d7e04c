"""`gradcheck train PATH::NETWORK`: the network trained by its own gradients and by autodiff's, and where they part."""

from __future__ import annotations

from typing import Annotated

import typer

from gradcheck_cli.cli import command_line as options


def train(
    target: options.OneNetwork,
    steps: Annotated[
        int, typer.Option(metavar="N", help="How many.", show_default=True, rich_help_panel="Training")
    ] = 100,
    lr: Annotated[
        float, typer.Option(metavar="X", help="The learning rate.", show_default=True, rich_help_panel="Training")
    ] = 0.1,
    batch: Annotated[
        int | None,
        typer.Option(metavar="N", help="Examples a step (all of them).", rich_help_panel="Training"),
    ] = None,
    update: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The module's update function or optimiser (sgd, sgd_momentum, adam or update where it has one).",
            rich_help_panel="Training",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Arrays by the name of the network's inputs: data.npz. Without it NETWORK_data(rng), or drawn.",
            rich_help_panel="Inputs",
        ),
    ] = None,
    overfit: Annotated[
        bool,
        typer.Option("--overfit/--no-overfit", help="Learn a few examples by heart, too.", rich_help_panel="Training"),
    ] = True,
    seed: options.Seed = None,
    shape: options.Shape = None,
    dim: options.Dim = None,
    arg: options.Arg = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", help="For all of it, after importing the module (300).", rich_help_panel="Running"
        ),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="For the process that trains: 2G (what is free).", rich_help_panel="Running"),
    ] = None,
    format: Annotated[
        str | None, typer.Option(metavar="NAME", help="table, json, html or svg (table).", rich_help_panel="Report")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Write it there: training.json, .html, .svg or .txt.", rich_help_panel="Report"
        ),
    ] = None,
) -> None:
    """Train NETWORK by its hand-written gradients and by autodiff's: whether, where and when the two runs part."""
    from gradcheck_cli.cli.training import perform

    inputs = {"shape": shape, "dim": dim, "arg": arg, "seed": seed, "timeout": timeout, "memory": memory}
    asked = {"steps": steps, "lr": lr, "batch": batch, "update": update, "data": data, "overfit": overfit}
    raise typer.Exit(perform(target, inputs, asked, format, output))
