"""A file's layers, in this process."""

from __future__ import annotations

from pathlib import Path

from gradcheck_cli.checking.picking import Contents
from gradcheck_cli.checking.users_error import finding_of
from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.discovery import find
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.loading import load
from gradcheck_cli.layers.module import Module


def contents_of(path: Path, source: str | None = None) -> tuple[Module | None, Contents[Layer]]:
    """Import the file, as it was when `source` was read, and find its layers; what stands in the way is said."""
    try:
        module = load(path, source)
        discovery = find(module)
    except UserError as error:
        return None, Contents(problems=(finding_of(error, path),), loaded=False)
    problems = tuple(finding_of(problem, path) for problem in discovery.problems)
    return module, Contents(discovery.layers, problems, discovery.notes)
