"""Being told to end: by Ctrl-C, by a CI job that is cancelled, by a terminal that is closed."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP interrupt as Ctrl-C does, so that workers are ended and what is known is said."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {}
    try:
        for name in names:
            number = getattr(signal, name)
            if signal.getsignal(number) is signal.SIG_DFL:  # `nohup` has it ignored
                before[number] = signal.signal(number, _interrupt)
    except ValueError:  # not in the main thread
        pass
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt
