"""The files that differ from the last commit, for who has no list of them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from gradcheck_cli.errors import UserError

_SECONDS = 60


def changed(folders: Sequence[Path]) -> list[Path]:
    """Python files below these paths that are modified, added, renamed or new, by Git; those deleted are left out.

    Raises:
        UserError: without a code, where there is no Git, or no repository.
    """
    found: dict[Path, None] = {}
    for folder in folders or [Path()]:
        if not folder.exists():
            raise UserError(f"no such file or folder: `{folder}`", path=folder, mend="check the path")
        place = folder if folder.is_dir() else folder.parent
        root = Path(_git(place, "rev-parse", "--show-toplevel")[0])
        has_commit = bool(_git(place, "rev-list", "-n", "1", "--all"))
        names = _git(place, "diff", "--name-only", "--diff-filter=d", "-z", "HEAD") if has_commit else []
        names += _git(place, "ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", str(root))
        names += [] if has_commit else _git(place, "ls-files", "--full-name", "-z", "--", str(root))
        for name in sorted(set(names)):
            path = root / name
            if path.suffix == ".py" and path.is_file() and path.is_relative_to(folder.resolve()):
                found[path] = None
    return list(found)


def _git(folder: Path, *arguments: str) -> list[str]:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(
            f"`--changed` asks Git, and `git` does not run: {error}", mend="install Git, or name the files"
        ) from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UserError(
            f"`--changed` asks Git: {said[-1] if said else 'it failed'}",
            path=folder,
            mend="run it in a Git repository, or name the files",
        )
    separator = "\0" if "-z" in arguments else "\n"
    return [name for name in done.stdout.decode("utf-8", "surrogateescape").split(separator) if name]
