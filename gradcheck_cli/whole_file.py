"""Files that are whole or as they were, whenever the process that writes them is killed."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


class WholeFile:
    """A file in the making: written `beside` its place, which it takes only when all of it is there.

    Attributes:
        stream: to write to.

    Raises:
        OSError: where it cannot be made.
    """

    def __init__(self, path: Path, beside: Path, *, mode: int = 0o666, kept_mode: int | None = None) -> None:
        self._path = path
        self._beside = beside
        self._kept_mode = kept_mode
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        try:
            self.stream = os.fdopen(descriptor, "w+b")
        except BaseException:
            beside.unlink(missing_ok=True)
            raise

    def take_place(self) -> None:
        """Take the name of what was there before.

        Raises:
            OSError: where that cannot be done; nothing is left of it then.
        """
        try:
            self.stream.close()
            if self._kept_mode is not None:
                self._beside.chmod(self._kept_mode)
            self._beside.replace(self._path)
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Leave nothing of it, unless it has taken its place."""
        with contextlib.suppress(OSError):
            self.stream.close()
        with contextlib.suppress(OSError):
            self._beside.unlink(missing_ok=True)


def replace_file(path: Path, data: bytes, beside: Path, *, mode: int = 0o666, kept_mode: int | None = None) -> None:
    """Write to a new file `beside` it, which then takes its name; where that fails, nothing is left of it.

    Args:
        mode: of the new file, less the umask.
        kept_mode: exactly this mode in place of it.

    Raises:
        OSError: where that cannot be done.
    """
    file = WholeFile(path, beside, mode=mode, kept_mode=kept_mode)
    try:
        file.stream.write(data)
        file.take_place()
    except BaseException:
        file.discard()
        raise
