"""What a layer may have changed in its process: put back where that can be done, told where it cannot."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck_cli.layers.libraries import Libraries


@dataclass(frozen=True)
class ProcessState:
    """The state of this process at one moment.

    Attributes:
        put_back: each makes one thing as it was: the folder, the environment, seeds, handlers, streams.
        libraries: what NumPy, JAX and Python itself offer.
        threads: identifiers of the threads that run Python code.
        children: processes that this one has started.
        limits: what the process may use.
    """

    put_back: tuple[Callable[[], object], ...]
    libraries: Libraries
    threads: frozenset[int]
    children: frozenset[int]
    limits: tuple[tuple[int, int], ...]

    @classmethod
    def now(cls) -> ProcessState:
        """As it is now."""
        return cls(_undoers(), Libraries.now(), frozenset(sys._current_frames()), children(), _limits())

    def restore(self) -> tuple[str, ...]:
        """Put back what can be put back; what was left behind that nobody can take away, or that misled a check."""
        left = [f"replaced {name}" for name in self.libraries.put_back()]
        for undo in self.put_back:
            with contextlib.suppress(Exception):
                undo()
        if frozenset(sys._current_frames()) - self.threads:
            left.append("left a thread running")
        if children() - self.children:
            left.append("left a process running")
        if _limits() != self.limits:
            left.append("changed the limits of the process")
        return tuple(left)


def children() -> frozenset[int]:
    """The processes that this one has started and that have not ended; those of threads of libraries included."""
    import psutil

    try:
        found = psutil.Process().children()
    except psutil.Error:
        return frozenset()
    return frozenset(child.pid for child in found)


def _undoers() -> tuple[Callable[[], object], ...]:
    return (
        *(_chdir(), _environment(), _recursion(), _hooks(), _numpy(), _seeds(), _signals(), _umask(), _streams()),
        gc.enable,
    )


def _chdir() -> Callable[[], object]:
    folder = Path.cwd()
    return lambda: os.chdir(folder)


def _environment() -> Callable[[], object]:
    variables = dict(os.environ)

    def undo() -> None:
        if dict(os.environ) != variables:
            os.environ.clear()
            os.environ.update(variables)

    return undo


def _recursion() -> Callable[[], object]:
    most = sys.getrecursionlimit()
    return lambda: sys.setrecursionlimit(most)


def _hooks() -> Callable[[], object]:
    held = [(sys, name, getattr(sys, name)) for name in ("excepthook", "unraisablehook", "displayhook", "argv")]
    held.append((threading, "excepthook", threading.excepthook))

    def undo() -> None:
        for module, name, value in held:
            setattr(module, name, value)
        sys.settrace(None)
        sys.setprofile(None)

    return undo


def _numpy() -> Callable[[], object]:
    errors, call, printing = np.geterr(), np.geterrcall(), np.get_printoptions()

    def undo() -> None:
        np.seterr(**errors)
        np.seterrcall(call)
        np.set_printoptions(**printing)

    return undo


def _seeds() -> Callable[[], object]:
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002 - the one the user's code may use

    def undo() -> None:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)

    return undo


def _signals() -> Callable[[], object]:
    handlers: dict[Any, Any] = {number: signal.getsignal(number) for number in signal.valid_signals()}

    def undo() -> None:
        if hasattr(signal, "setitimer"):
            for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
                signal.setitimer(timer, 0)
        for number, handler in handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)

    return undo


def _umask() -> Callable[[], object]:
    mask = os.umask(0o077)
    os.umask(mask)
    return lambda: os.umask(mask)


def _streams() -> Callable[[], object]:
    held = [
        (name, getattr(sys, name)) for name in ("stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__")
    ]
    # a copy of the descriptor: the user's code may have closed 1 and 2, or pointed them elsewhere
    output = os.dup(2)

    def undo() -> None:
        for name, stream in held:
            setattr(sys, name, stream)
        os.dup2(output, 1)
        os.dup2(output, 2)

    return undo


def _limits() -> tuple[tuple[int, int], ...]:
    try:
        import resource
    except ImportError:  # Windows
        return ()
    names = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    return tuple(resource.getrlimit(getattr(resource, name)) for name in names)
