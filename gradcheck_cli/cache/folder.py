"""The folder of the cache: the user's alone. Files in it are whole or absent, whenever who writes them is killed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from gradcheck_cli.whole_file import replace_file

_MARK = b"gradcheck cache 1\n"
_SUFFIX = ".gck"
MOST_FILES = 4000
"""Above it, the files that were not used for longest are removed."""

_STALE = 3600.0
"""Seconds after which a file that was not finished is rubbish of a process that was killed."""


class Refused(Exception):
    """Others can write to the folder, so that nothing in it can be trusted. The message says what to do."""


def place() -> Path:
    """Where the cache is: `GRADCHECK_CACHE_DIR`, else `gradcheck` in the user's own folder for caches."""
    if told := os.environ.get("GRADCHECK_CACHE_DIR"):
        return Path(told).absolute()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "gradcheck"


@dataclass(frozen=True)
class Folder:
    """The folder, checked."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> Folder:
        """Make it where it is missing.

        Raises:
            Refused: where others than the user can write to it, or it cannot be made.
        """
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = path.lstat()
        except OSError as error:
            raise Refused(f"`{path}` cannot be made: {error.strerror or error}") from error
        if not stat.S_ISDIR(found.st_mode):
            raise Refused(
                f"`{path}` is no folder of its own; set GRADCHECK_CACHE_DIR to one that only you can write to"
            )
        if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
            raise Refused(f"`{path}` belongs to somebody else; set GRADCHECK_CACHE_DIR to a folder of yours")
        if os.name == "posix" and found.st_mode & 0o022:
            raise Refused(f"others can write to `{path}`; `chmod 700 {path}` keeps them out")
        return cls(path)

    def read(self, name: str) -> bytes | None:
        """The content of a file; None where there is none, or it is not what was written. Such a file is removed."""
        file = self.path / (name + _SUFFIX)
        try:
            content = file.read_bytes()
        except OSError:
            return None
        mark, digest, body = content[: len(_MARK)], content[len(_MARK) : len(_MARK) + 32], content[len(_MARK) + 32 :]
        if mark != _MARK or hashlib.sha256(body).digest() != digest:
            self.remove(name)
            return None
        with contextlib.suppress(OSError):
            os.utime(file)  # it was of use
        return body

    def write(self, name: str, body: bytes) -> None:
        """Write a file, whole or not at all. What keeps it from being written is no error."""
        unfinished = self.path / f".{name[:16]}-{secrets.token_hex(8)}"
        content = _MARK + hashlib.sha256(body).digest() + body
        try:
            replace_file(self.path / (name + _SUFFIX), content, unfinished, mode=0o600)
        except OSError:
            return
        self._prune()

    def remove(self, name: str) -> None:
        """Remove a file; nothing where there is none."""
        with contextlib.suppress(OSError):
            (self.path / (name + _SUFFIX)).unlink()

    def clear(self) -> int:
        """Remove all that is the cache's; how many verdicts' files that were."""
        files = self._files()
        for file in (*files, *self.path.glob(".*-*")):
            with contextlib.suppress(OSError):
                file.unlink()
        return len(files)

    @property
    def size(self) -> tuple[int, int]:
        """How many files, and bytes."""
        sizes = []
        for file in self._files():
            with contextlib.suppress(OSError):
                sizes.append(file.stat().st_size)
        return len(sizes), sum(sizes)

    def _files(self) -> list[Path]:
        return sorted(self.path.glob(f"*{_SUFFIX}"))

    def _prune(self) -> None:
        if secrets.randbelow(20):  # it takes a listing of the folder
            return
        now = time.time()
        for file in self.path.glob(".*-*"):
            with contextlib.suppress(OSError):
                if now - file.stat().st_mtime > _STALE:
                    file.unlink()
        files = self._files()
        if len(files) <= MOST_FILES:
            return
        ages = []
        for file in files:
            with contextlib.suppress(OSError):
                ages.append((file.stat().st_mtime, file))
        for _, file in sorted(ages)[: len(ages) - MOST_FILES * 3 // 4]:
            with contextlib.suppress(OSError):
                file.unlink()
