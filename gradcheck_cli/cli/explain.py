"""`gradcheck explain CODE`: what a finding means, with a wrong backward and its mend."""

from __future__ import annotations

from typing import Annotated

import typer


def explain(
    rule: Annotated[
        str | None,
        typer.Argument(metavar="CODE", help="A rule, by code or name: GC204 or transposed.", show_default=False),
    ] = None,
    list_rules: Annotated[bool, typer.Option("--list", help="Show all rules, a line each.")] = False,
) -> None:
    """Say what a rule means: the evidence that is asked for, a wrong backward, and its mend."""
    from gradcheck_cli.cli.explaining import perform

    raise typer.Exit(perform(rule, list_rules=list_rules))
