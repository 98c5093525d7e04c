"""A worker process as the command sees it: started, asked, listened to, ended with all that it has started."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradcheck_cli.isolation import last_words
from gradcheck_cli.isolation.frames import Channel, Garbled
from gradcheck_cli.isolation.last_words import LastWords
from gradcheck_cli.isolation.messages import CODEC, Request
from gradcheck_cli.isolation.printed import Printed

MARK = "GRADCHECK_WORKER"
"""In the environment of a worker and of whatever it starts: what is left running is known by it."""

_START = """\
import sys
sys.path.insert(0, sys.argv[1])
from gradcheck_cli.isolation.worker import serve
del sys.path[0]
serve(sys.argv[2], with_jax=sys.argv[3] == "jax")
"""
"""The very gradcheck that runs this, wherever it lies; not the modules beside it."""

_COMPILING = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
"""What JAX has compiled it finds again by its text: a loop that is made anew at each call is compiled once."""

_TO_SPEAK = 0.3
"""Seconds that a process gets to write down where it is."""


@dataclass(frozen=True)
class Heard:
    """What came from a worker: a message, or None where no more will come."""

    worker: WorkerProcess
    message: Any


class WorkerProcess:
    """One worker. What it says arrives in `ears`; what its modules print in `printed`.

    Args:
        words: the file for its last ones, in a folder of the run's own.
        programs: the folder for what it compiles; nobody writes to it at the same time.
    """

    def __init__(
        self, ears: queue.Queue[Heard | None], printed: Printed, words: Path, programs: Path, *, with_jax: bool
    ) -> None:
        self._last_words = words
        root = str(Path(__file__).parents[2])
        self._process = subprocess.Popen(
            # -P: a `numpy.py` in the current folder is no library
            [sys.executable, "-P", "-c", _START, root, str(self._last_words), "jax" if with_jax else ""],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**_COMPILING, **os.environ, **_compiled_in(programs), MARK: words.parent.name},
            # of its own, so that Ctrl-C reaches the command alone, and the whole group can be ended
            start_new_session=True,
        )
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._channel = Channel(CODEC, self._process.stdout, self._process.stdin)
        self._listening = threading.Thread(target=self._listen, args=(ears,), daemon=True)
        self._draining = threading.Thread(target=printed.drain, args=(self._process.stderr,), daemon=True)
        self._listening.start()
        self._draining.start()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def ask(self, request: Request) -> None:
        """Send a request. To one that is dead nothing is said: `ears` will tell."""
        with contextlib.suppress(OSError):
            self._channel.send(request)

    def end(self) -> None:
        """Let it end by itself: no more requests come."""
        with contextlib.suppress(OSError):
            self._channel.close()

    def kill(self) -> None:
        """End it, and what it has started, at once."""
        _kill_tree(self._process.pid)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        with contextlib.suppress(OSError):
            self._channel.close()

    def ended(self, seconds: float) -> bool:
        """Whether it ends by itself within this time."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    @property
    def exit_code(self) -> int | None:
        """What it ended with; negative for a signal's number; None while it lives."""
        return self._process.poll()

    def where(self) -> LastWords:
        """The line that a living process is on."""
        if last_words.ASK is not None and self._process.poll() is None:
            before = _size(self._last_words)
            with contextlib.suppress(OSError):
                os.kill(self._process.pid, last_words.ASK)
            until = time.monotonic() + _TO_SPEAK
            while time.monotonic() < until and _size(self._last_words) == before:
                time.sleep(0.01)
            time.sleep(0.02)  # for the rest of the lines
        return self.said()

    def said(self) -> LastWords:
        """What it wrote down as it died."""
        return last_words.read(self._last_words)

    def heard_out(self) -> None:
        """Wait until all that it has printed is read, for a moment: what it started may hold its streams open."""
        self._draining.join(0.2)

    def _listen(self, ears: queue.Queue[Heard | None]) -> None:
        while True:
            try:
                message = self._channel.receive()
            except (Garbled, OSError, ValueError):
                message = None
            ears.put(Heard(self, message))
            if message is None:
                return


def _compiled_in(folder: Path) -> dict[str, str]:
    """The folder for compiled programs, unless the user keeps them somewhere."""
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return {}
    return {"JAX_COMPILATION_CACHE_DIR": str(folder)}


def kill_left_behind(mark: str) -> None:
    """End every process that a worker has started, however it hides, if it kept its environment."""
    import psutil

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                process.kill()


def _kill_tree(pid: int) -> None:
    import psutil

    try:
        family = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        family = []
    with contextlib.suppress(OSError, AttributeError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(OSError):  # it may have left its group
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    for process in family:
        with contextlib.suppress(psutil.Error):
            process.kill()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
