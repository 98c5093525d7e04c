"""`gradcheck run PATHS...`: check every layer and print the report."""

from __future__ import annotations

from typing import Annotated

import typer

from gradcheck_cli.cli import command_line as options


def run(
    paths: options.Paths,
    full: Annotated[
        bool | None,
        typer.Option("--full/--no-full", help="Finite differences on every element.", rich_help_panel="Checking"),
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(metavar="N", help="Sets of random inputs for each layer (3).", rich_help_panel="Inputs"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Every random choice comes from it (0).", rich_help_panel="Inputs")
    ] = None,
    shape: options.Shape = None,
    dim: options.Dim = None,
    arg: options.Arg = None,
    dtype: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="float64, float32, float16, bfloat16, complex128 or complex64 (float64).",
            rich_help_panel="Inputs",
        ),
    ] = None,
    magnitude: Annotated[
        float | None,
        typer.Option(metavar="X", help="Drawn values are multiplied by it (1).", rich_help_panel="Inputs"),
    ] = None,
    atol: Annotated[
        float | None,
        typer.Option(
            metavar="X", help="Absolute tolerance (measured where none is given).", rich_help_panel="Checking"
        ),
    ] = None,
    rtol: Annotated[
        float | None,
        typer.Option(
            metavar="X", help="Relative tolerance (measured where none is given).", rich_help_panel="Checking"
        ),
    ] = None,
    max_evals: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Runs of the forward that finite differences may take (20000).",
            rich_help_panel="Checking",
        ),
    ] = None,
    order: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="2: the backward's own derivative too, for JAX layers (1).", rich_help_panel="Checking"
        ),
    ] = None,
    vmap: Annotated[
        bool | None,
        typer.Option(
            "--vmap/--no-vmap",
            help="A batched backward must equal the loop, for JAX layers.",
            rich_help_panel="Checking",
        ),
    ] = None,
    stress: Annotated[
        bool | None,
        typer.Option("--stress/--no-stress", help="Extreme but legal inputs too.", rich_help_panel="Checking"),
    ] = None,
    shrink: Annotated[
        bool | None,
        typer.Option(
            "--shrink/--no-shrink",
            help="On a failure, find the smallest case that still fails (on).",
            rich_help_panel="Checking",
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="cpu or gpu: where JAX runs (cpu).", rich_help_panel="Checking"),
    ] = None,
    fail_fast: Annotated[
        bool | None,
        typer.Option(
            "--fail-fast/--no-fail-fast", help="Stop after the first layer that fails.", rich_help_panel="Checking"
        ),
    ] = None,
    format: options.ReportFormat = None,
    output: options.Output = None,
    verbose: Annotated[
        bool | None,
        typer.Option("--verbose", "-v", help="Also what passes, and how it was checked.", rich_help_panel="Report"),
    ] = None,
    quiet: Annotated[
        bool | None,
        typer.Option("--quiet", "-q", help="Only what is wrong, and the last line.", rich_help_panel="Report"),
    ] = None,
    strict: Annotated[
        bool | None,
        typer.Option("--strict/--no-strict", help="Inconclusive counts as a finding.", rich_help_panel="Report"),
    ] = None,
    require_layers: Annotated[
        bool | None,
        typer.Option(
            "--require-layers/--no-require-layers", help="Finding no layer is an error.", rich_help_panel="Report"
        ),
    ] = None,
) -> None:
    """Check the gradients of every layer in PATHS.

    Every option can also stand in the table tool.gradcheck of pyproject.toml; the command line wins.
    """
    from gradcheck_cli.cli.running import perform

    given = {name: value for name, value in locals().items() if name in _OPTIONS}
    raise typer.Exit(perform(paths, given))


_OPTIONS = frozenset(run.__annotations__) - {"paths", "return"}
