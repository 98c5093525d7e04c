"""What the user's modules print: its beginning is kept, the rest is read and dropped."""

from __future__ import annotations

import threading
from typing import IO

MOST_KEPT = 64 * 1024
"""Bytes of a run's printing that are kept to be shown."""


class Printed:
    """Collects from several processes."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._lines = 0
        self._unfinished = False
        self._lock = threading.Lock()

    def drain(self, stream: IO[bytes]) -> None:
        """Read a stream to its end: a process whose output nobody reads stands still."""
        while True:
            try:
                content = stream.read(1 << 16)
            except (OSError, ValueError):
                return
            if not content:
                return
            with self._lock:
                self._kept += content[: MOST_KEPT - len(self._kept)]
                self._lines += content.count(b"\n")
                self._unfinished = not content.endswith(b"\n")

    @property
    def lines(self) -> int:
        """How many lines were printed, those that are not kept included; 0 where it was only white space."""
        with self._lock:
            return self._lines + self._unfinished if self._kept.strip() else 0

    @property
    def text(self) -> str:
        """The beginning."""
        with self._lock:
            return self._kept.decode("utf-8", "backslashreplace")
