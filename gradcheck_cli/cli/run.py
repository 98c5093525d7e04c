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
    full: options.Full = None,
    draws: options.Draws = None,
    seed: options.RunSeed = None,
    shape: options.Shape = None,
    dim: options.Dim = None,
    arg: options.Arg = None,
    dtype: options.Dtype = None,
    magnitude: options.Magnitude = None,
    atol: options.Atol = None,
    rtol: options.Rtol = None,
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
    stress: options.Stress = None,
    diagnose: options.Diagnose = None,
    shrink: options.Shrink = None,
    device: options.Device = None,
    timeout: options.Timeout = None,
    memory: options.MemoryLimit = None,
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
            help="Keep the run with all its arrays, for gradcheck inspect and diff: before.npz.",
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
