"""Where a module that a user's file imports lies, when it is not beside the file: in the folders around it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

_UP = 6
"""How many folders up are looked through."""

_MOST_SIBLINGS = 200
"""A folder with more entries than this is no repository's: its own folders are not looked into."""

_ROOTS = (".git", ".hg", "pyproject.toml", "setup.py", "setup.cfg")
"""What marks the root of a project: nothing above it is looked at."""


def home_of(name: str, path: Path, known: Sequence[Path]) -> Path | None:
    """The one folder around `path` that holds the top-level module of `name` and is not `known`; None where there is
    none, or several folders beside each other do, so that nobody can tell which is meant.
    """
    found = homes(name.partition(".")[0], path)
    if not found or found[0] in known:
        return None
    return found[0] if found[0] in path.parents or len(found) == 1 else None


def homes(name: str, path: Path) -> list[Path]:
    """Folders that hold a module or package `name`: those above `path`, nearest first; else those beside them."""
    above = list(_above(path))
    return [folder for folder in above if _holds(folder, name)] or list(
        dict.fromkeys(folder for parent in above for folder in _within(parent) if _holds(folder, name))
    )


def around(first: Path, second: Path) -> Path:
    """The folder that both lie in."""
    return Path(os.path.commonpath([first, second]))


def _above(path: Path) -> Iterable[Path]:
    """The folders above a file, up to the root of its project: never a home folder or the root of the disk."""
    for folder in list(path.parents)[:_UP]:
        if folder in (Path.home(), Path(folder.anchor), folder.parent) or folder.parent == Path(folder.anchor):
            return
        yield folder
        if any((folder / mark).exists() for mark in _ROOTS):
            return


def _within(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return []
    if len(entries) > _MOST_SIBLINGS:
        return []
    return [entry for entry in entries if entry.is_dir() and not entry.name.startswith((".", "_"))]


def _holds(folder: Path, name: str) -> bool:
    """Whether `import name` would find something of the user's in this folder."""
    try:
        if (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file():
            return True
        return (folder / name).is_dir() and any((folder / name).glob("*.py"))
    except OSError:
        return False
