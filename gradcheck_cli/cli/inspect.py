"""`gradcheck inspect TARGET`: a run looked at closely, in the terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from gradcheck_cli.cli import command_line as options


def inspect(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="A Python file, `PATH::NAME` for one layer, or a file of `gradcheck run --save`.",
            show_default=False,
        ),
    ],
    no_tui: Annotated[
        bool,
        typer.Option("--no-tui", help="Plain text: for a dumb terminal, a screen reader, a pipe."),
    ] = False,
    seed: options.RunSeed = None,
    draws: options.Draws = None,
    shape: options.Shape = None,
    dim: options.Dim = None,
    arg: options.Arg = None,
    dtype: options.Dtype = None,
    magnitude: options.Magnitude = None,
    full: options.Full = None,
    atol: options.Atol = None,
    rtol: options.Rtol = None,
    stress: options.Stress = None,
    diagnose: options.Diagnose = None,
    shrink: options.Shrink = None,
    device: options.Device = None,
    timeout: options.Timeout = None,
    memory: options.MemoryLimit = None,
) -> None:
    """Look at a mismatch closely: where, how wrong, why, and what if.

    Options of the check, as gradcheck run has them, say how the layers of a Python file are checked.
    """
    from gradcheck_cli.cli.inspecting import perform

    given = {name: value for name, value in locals().items() if name in OF_THE_CHECK}
    raise typer.Exit(perform(target, given, plain=no_tui))


OF_THE_CHECK = frozenset(inspect.__annotations__) - {"target", "no_tui", "return"}
"""Options that say how layers are checked."""
