"""One worker that stays warm, the thread that asks it, and how what is asked is stopped from another thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from gradcheck_cli.isolation.apart import Apart, Workers
from gradcheck_cli.isolation.pool import Interrupted
from gradcheck_cli.isolation.watched_files import WatchedFiles
from gradcheck_cli.report.model import LayerReport

Result = TypeVar("Result")


class Engine:
    """Does one thing after the other in a worker.

    The worker is started and asked in one thread of its own: on Linux it ends with the thread that started it.

    Attributes:
        apart: the worker; only what is given to `in_turn` may ask it.
        files: what the modules in it were read from.
        doing: what is being done, for whoever polls it.
    """

    def __init__(self, workers: Workers) -> None:
        self.apart = Apart(replace(workers, count=1))
        self.files = WatchedFiles()
        self.doing = Doing()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gradcheck-engine")
        self._lock = threading.Lock()
        self._is_running = self._is_closed = False
        self._stops = 0

    @property
    def is_running(self) -> bool:
        """Whether something is being done."""
        return self._is_running

    def in_turn(self, do: Callable[[], Result], what: str) -> Result:
        """Do it after what was asked before; with the modules as their files are now.

        Raises:
            Interrupted: where `stop` is called before it is done.
        """
        stops = self._stops

        def done() -> Result:
            with self._lock:
                if self._stops != stops:
                    raise Interrupted
                self._is_running = True
                self.apart.resume()
                self.doing.what = what
            try:
                if self.files.have_changed():
                    self.apart.renew()
                return do()
            finally:
                with self._lock:
                    self._is_running = False
                if not self._is_closed:
                    self.apart.prepare()

        future: Future[Result] = self._thread.submit(done)
        return future.result()

    def stop(self) -> None:
        """End what is being done: that and what waits behind it is interrupted soon."""
        with self._lock:
            self._stops += 1
            if self._is_running:
                self.apart.interrupt()

    def close(self) -> None:
        """End all processes."""
        self._is_closed = True
        self.stop()
        with contextlib.suppress(Exception):
            self._thread.submit(self.apart.__exit__, Interrupted, None, None).result()
        self._thread.shutdown()


class Doing:
    """Progress for whoever polls it.

    Attributes:
        what: is being done of a layer: `draw 2 of 3`.
        layer, total: which layer of how many; "" before the first.
    """

    def __init__(self) -> None:
        self.what = ""
        self.layer, self.total = "", 0

    def layer_started(self, name: str, position: int, total: int) -> None:
        """A check begins."""
        del position
        self.layer, self.total = name, total
        self.what = "choosing inputs"

    def step(self, name: str, what: str) -> None:
        """What is being done now."""
        del name
        self.what = what

    def layer_finished(self, report: LayerReport) -> None:
        """It is done."""
        del report
