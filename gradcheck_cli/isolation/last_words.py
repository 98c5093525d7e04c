"""The line that a process was on when it died, hung or was ended: told by Python's fault handler, in C."""

from __future__ import annotations

import codecs
import faulthandler
import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

_FRAME = re.compile(r'^  File "(?P<path>.*)", line (?P<line>\d+) in (?P<function>.*)$')
_THREAD = re.compile(r"^(?:Current thread|Thread) 0x(?P<id>[0-9a-f]+)")
_MAIN = "main thread "
_LEFT = "left by os._exit with "

ASK = getattr(signal, "SIGUSR1", None)
"""The signal that asks a living process where it is; None where there are no such signals."""


@dataclass(frozen=True)
class LastWords:
    """What a process left in its file.

    Attributes:
        frames: file and line of the main thread's calls, the innermost first.
        exit_status: where it left by `os._exit`: what with.
    """

    frames: tuple[tuple[Path, int], ...] = ()
    exit_status: int | None = None

    def line_of(self, is_users: Callable[[Path], bool]) -> tuple[Path, int] | None:
        """The innermost line in a file of the user's."""
        return next((frame for frame in self.frames if is_users(frame[0])), None)


class Dictation:
    """In the worker: has the file written at the moment of death. `resume` before each task: user code may undo it."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("wb", buffering=0)
        self._owner = os.getpid()
        self._exit: Callable[[int], NoReturn] = os._exit
        os._exit = self._leave
        sys.addaudithook(self._heard)

    def resume(self) -> None:
        """From here on: what was written before is of a task that has ended."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(f"{_MAIN}{threading.main_thread().ident or 0:x}\n".encode())
        faulthandler.enable(self._file, all_threads=True)
        if ASK is not None:
            faulthandler.register(ASK, self._file, all_threads=True)

    def leave(self, status: int) -> NoReturn:
        """End the process at once, without a word."""
        self._exit(status)

    def _leave(self, status: int) -> NoReturn:
        if os.getpid() == self._owner:  # a forked child ends as it likes
            faulthandler.dump_traceback(self._file)
            self._file.write(f"{_LEFT}{status}\n".encode())
        self._exit(status)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.kill" and arguments[0] == self._owner == os.getpid():
            faulthandler.dump_traceback(self._file)


def read(path: Path) -> LastWords:
    """What stands in a file that `Dictation` wrote; of several moments, the last."""
    try:
        content = path.read_text("utf-8", "replace")
    except OSError:
        return LastWords()
    main, current, status = "", "", None
    frames: dict[str, list[tuple[Path, int]]] = {}
    for line in content.splitlines():
        if line.startswith(_MAIN):
            main = line.removeprefix(_MAIN)
        elif line.startswith(_LEFT):
            status = int(line.removeprefix(_LEFT))
        elif thread := _THREAD.match(line):
            current = thread["id"].lstrip("0")
            frames[current] = []
        elif (frame := _FRAME.match(line)) and current:
            frames[current].append((Path(_spelled_back(frame["path"])), int(frame["line"])))
    return LastWords(tuple(frames.get(main, ())), status)


def _spelled_back(path: str) -> str:
    """The fault handler spells what is not ASCII with backslashes."""
    if not re.search(r"\\[xuU][0-9a-f]{2}", path):
        return path
    try:
        return codecs.decode(path, "unicode_escape")
    except UnicodeDecodeError:
        return path
