"""A worker process that is forked from one that has imported JAX, in place of a fresh Python that imports it first."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from gradcheck_cli.isolation import process
from gradcheck_cli.isolation.worker import serve


class Forked:
    """What `WorkerProcess` uses of `subprocess.Popen`. The child of this process serves as `_START` does there."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], **_: Any) -> None:
        ends = [os.pipe(), os.pipe(), os.pipe()]
        sys.stdout.flush()
        sys.stderr.flush()
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            try:
                _work(command[-2], env, [ends[0][0], ends[1][1], ends[2][1]])
            finally:
                os._exit(1)
        for end in (ends[0][0], ends[1][1], ends[2][1]):
            os.close(end)
        self.stdin = os.fdopen(ends[0][1], "wb", 0)
        self.stdout, self.stderr = os.fdopen(ends[1][0], "rb"), os.fdopen(ends[2][0], "rb")

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float) -> int:
        until = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired("worker", timeout)
            time.sleep(0.002)
        return code


def _work(last_words: str, env: Mapping[str, str], streams: list[int]) -> None:
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(env)
    random.seed()
    np.random.seed()
    serve(last_words, with_jax=True)


def fork_workers() -> None:
    """From here on, the workers of this process are forked from it."""
    process.subprocess = SimpleNamespace(  # type: ignore[assignment]
        Popen=Forked, PIPE=subprocess.PIPE, TimeoutExpired=subprocess.TimeoutExpired
    )
