"""Standard output is ours: what the user's modules print, from Python or from C, never reaches it."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import sys
import tempfile
from types import TracebackType
from typing import Self, TextIO

_MOST_KEPT = 64 * 1024
"""Bytes of the modules' own printing that are kept to be shown."""


class OwnedOutput:
    """Takes file descriptor 1 and `sys.stdout` for itself; `stream` still writes to the real ones.

    What is printed meanwhile goes to a temporary file, the first `_MOST_KEPT` bytes of Python's own printing and all of
    what comes from below Python. The process keeps it so to its end (`atexit` functions print too); `restore` is for a
    caller that goes on living.
    """

    def __init__(self) -> None:
        if sys.stdout is not None:
            sys.stdout.flush()
        self._python_stdout = sys.stdout
        self._encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        self._sink = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        try:
            self._real: int | None = os.dup(1)
            os.dup2(self._sink.fileno(), 1)
        except OSError:  # started without a standard output
            self._real = None
        self.stream: TextIO = self._open()
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(_Bounded(os.dup(self._sink.fileno()))),
            encoding="utf-8",
            errors="backslashreplace",
            write_through=True,
        )
        self._replacement = sys.stdout

    def write(self, content: str, *, is_document: bool = False) -> None:
        """Write to the real standard output; a reader that has gone away ends the writing, not the program.

        A document is UTF-8 wherever it goes: a terminal's encoding would make JSON or XML of it that no parser takes.
        """
        try:
            if is_document and isinstance(self.stream, io.TextIOWrapper):
                self.stream.flush()
                self.stream.buffer.write(content.encode("utf-8", "backslashreplace"))
            else:
                self.stream.write(content)
            self.stream.flush()
        except BrokenPipeError:
            self._give_up()

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads the real standard output."""
        return self.stream.isatty()

    @property
    def encoding(self) -> str:
        """Of the real standard output."""
        return self._encoding

    @property
    def printed(self) -> str:
        """The beginning of what the user's modules printed."""
        with contextlib.suppress(OSError, ValueError):
            self._replacement.flush()
        _flush_c_streams()
        with contextlib.suppress(OSError):
            self._sink.seek(0)
            content = self._sink.read(_MOST_KEPT)
            # the offset is shared with file descriptor 1, which goes on writing
            self._sink.seek(0, os.SEEK_END)
            return content.decode("utf-8", "backslashreplace")
        return ""

    def restore(self) -> None:
        """Hand `sys.stdout` and file descriptor 1 back."""
        _flush_c_streams()
        if self._real is not None:
            os.dup2(self._real, 1)
        sys.stdout = self._python_stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.restore()

    def _open(self) -> TextIO:
        if self._real is None:
            return io.StringIO()
        return open(self._real, "w", encoding=self._encoding, errors="backslashreplace", closefd=False)

    def _give_up(self) -> None:
        self.stream = io.StringIO()
        if self._real is not None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._real)
            os.close(nowhere)


def _flush_c_streams() -> None:
    """What a C extension printed may still be in the C library's buffer."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).fflush(None)


class _Bounded(io.RawIOBase):
    """Appends to a file until it holds enough, and swallows the rest: a forward may print ten thousand times."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._left = _MOST_KEPT

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1

    def isatty(self) -> bool:
        return False

    def write(self, data: object, /) -> int:
        content = bytes(memoryview(data))  # type: ignore[arg-type]
        kept = content[: self._left]
        if kept:
            with contextlib.suppress(OSError):  # the user's code may have closed it
                os.write(self._descriptor, kept)
            self._left -= len(kept)
        return len(content)
