"""`gradcheck run PATHS...`: check every layer and print the report."""

from __future__ import annotations

from typing import Annotated

import typer

from gradcheck_cli.cli import command_line as options


def run(
    paths: options.SomePaths = None,
    changed: Annotated[
        bool,
        typer.Option(
            "--changed", help="Only files that differ from the last commit, by Git.", rich_help_panel="Inputs"
        ),
    ] = False,
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
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", help="For each layer, and for importing each module (300).", rich_help_panel="Running"
        ),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="2G, 512M: what a worker process may use (four fifths of what is free).",
            rich_help_panel="Running",
        ),
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(
            "--workers", "-n", metavar="N", help="Worker processes, or auto: one a core (1).", rich_help_panel="Running"
        ),
    ] = None,
    cache: Annotated[
        bool | None,
        typer.Option("--cache/--no-cache", help="Reuse verdicts of unchanged layers (on).", rich_help_panel="Running"),
    ] = None,
    fail_fast: Annotated[
        bool | None,
        typer.Option(
            "--fail-fast/--no-fail-fast", help="Stop after the first layer that fails.", rich_help_panel="Checking"
        ),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODES",
            help="Only these rules count: GC3,not-linear (repeatable).",
            rich_help_panel="Suppressions",
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODES", help="These rules do not count: GC304,GC1 (repeatable).", rich_help_panel="Suppressions"
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="What this file lists does not count: old findings.", rich_help_panel="Suppressions"
        ),
    ] = None,
    write_baseline: Annotated[
        bool | None,
        typer.Option(
            "--write-baseline", help="Make that file anew from what is found.", rich_help_panel="Suppressions"
        ),
    ] = None,
    format: options.ReportFormat = None,
    output: options.Output = None,
    save: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Keep the run with all its arrays, for gradcheck diff: before.npz.",
            rich_help_panel="Report",
        ),
    ] = None,
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
        typer.Option(
            "--strict/--no-strict",
            help="Inconclusive counts as a finding, and an ignore in vain.",
            rich_help_panel="Report",
        ),
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
    if not paths and not changed:
        raise typer.BadParameter("say which files or folders, or --changed", param_hint="PATHS")
    raise typer.Exit(perform(paths or [], given, changed=changed))


_OPTIONS = frozenset(run.__annotations__) - {"paths", "changed", "return"}
