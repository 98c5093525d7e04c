"""Options of `gradcheck run` that come from elsewhere than its own command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradcheck_cli.errors import UserError


def parsed(words: Sequence[str]) -> dict[str, Any]:
    """The options by their names, those that were not given as None.

    Raises:
        UserError: without a code, for what `gradcheck run` does not understand.
    """
    import typer

    from gradcheck_cli.cli.application import application

    command: Any = typer.main.get_command(application)
    run = command.commands["run"]
    try:
        # a path must be there, and is none of our business
        context = run.make_context("run", ["PATHS", *words])
    except typer.Exit:
        raise UserError("`--help` shows nothing here", mend="see `gradcheck run --help`") from None
    except Exception as error:
        if hasattr(error, "format_message"):
            raise UserError(str(error.format_message()).rstrip("."), mend="see `gradcheck run --help`") from None
        raise
    if list(context.params.pop("paths")) != ["PATHS"]:
        raise UserError("only options can be given here, no paths", mend="give the paths to pytest")
    return {name: list(value) if isinstance(value, tuple) else value for name, value in context.params.items()}
