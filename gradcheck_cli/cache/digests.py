"""What stands in files and folders, in a few characters."""

from __future__ import annotations

import hashlib
from pathlib import Path

ABSENT = "absent"

_LARGE = 8 << 20
"""Bytes: of a larger file, size and time of change stand for the content."""


class Digests:
    """Each file is read once, however many modules depend on it."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}
        self._folders: dict[str, str] = {}

    def file(self, name: str) -> str:
        """Of a file's content; `ABSENT` where there is none."""
        if name not in self._files:
            self._files[name] = _file(name)
        return self._files[name]

    def folder(self, name: str) -> str:
        """Of the names in a folder; `ABSENT` where there is none."""
        if name not in self._folders:
            self._folders[name] = _folder(name)
        return self._folders[name]


def changed_since(names: tuple[str, ...], moment: float) -> bool:
    """Whether one of these files was changed at that moment or later: what was read of it may be what it was before.

    A folder in which Python has just made its own for bytecode has not changed.
    """
    for name in names:
        try:
            changed = Path(name).stat().st_mtime
        except OSError:
            continue
        if changed >= moment and not _is_of_bytecode(Path(name), changed):
            return True
    return False


BRIEF = 1.0
"""Seconds within which Python makes a folder for bytecode and writes the first into it."""


def _is_of_bytecode(folder: Path, changed: float) -> bool:
    try:
        written = (folder / "__pycache__").stat().st_mtime
    except OSError:
        return False
    return 0 <= written - changed < BRIEF


def _file(name: str) -> str:
    try:
        found = Path(name).stat()
        if found.st_size > _LARGE:
            return f"{found.st_size} bytes of {found.st_mtime_ns}"
        return hashlib.sha256(Path(name).read_bytes()).hexdigest()
    except OSError:
        return ABSENT


def _folder(name: str) -> str:
    try:
        # Python writes its bytecode there when it imports what stands beside it
        names = sorted(entry.name for entry in Path(name).iterdir() if entry.name != "__pycache__")
    except OSError:
        return ABSENT
    return hashlib.sha256("\0".join(names).encode("utf-8", "surrogateescape")).hexdigest()
