"""`gradcheck cache`: where verdicts are kept, and forgetting them."""

from __future__ import annotations

import typer

cache = typer.Typer(
    name="cache", help="The verdicts that are kept for the next run.", no_args_is_help=True, rich_markup_mode=None
)


@cache.command("clear")
def clear() -> None:
    """Forget all verdicts of earlier runs."""
    from gradcheck_cli.cache.folder import Folder, place

    path = place()
    count = Folder(path).clear() if path.is_dir() else 0
    typer.echo(f"{count} {'file' if count == 1 else 'files'} removed from {path}")


@cache.command("info")
def info() -> None:
    """Say where the cache is, and how large."""
    from gradcheck_cli.cache.folder import Folder, Refused, place

    path = place()
    typer.echo(str(path))
    if not path.is_dir():
        typer.echo("empty")
        return
    try:
        count, size = Folder.open(path).size
    except Refused as refused:
        typer.echo(f"not used: {refused}")
        return
    typer.echo(f"{count} {'module' if count == 1 else 'modules'}, {size / 1024:.0f} KB")
