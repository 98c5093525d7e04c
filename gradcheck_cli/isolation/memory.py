"""How much memory a process uses, and how much it may."""

from __future__ import annotations

import contextlib
from pathlib import Path

SHARE = 0.8
"""Of what is free when a run begins, all workers together may take so much where nothing else is said."""

LEAST = 1 << 30
"""Bytes: JAX alone needs a good part of it."""

_CONTROL_GROUP = Path("/sys/fs/cgroup")


def used(pid: int, *, with_children: bool = True) -> int:
    """Resident bytes of a process, and what others that it has started have for themselves; 0 where it has ended."""
    import psutil

    total = 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        total = int(process.memory_info().rss)
        for child in process.children(recursive=True) if with_children else ():
            with contextlib.suppress(psutil.Error):
                total += int(child.memory_full_info().uss)  # a forked copy shares most of it
    return total


def allowance(workers: int) -> int:
    """Bytes that each of so many workers may use."""
    import psutil

    free = int(psutil.virtual_memory().available)
    within_group = _left_in_control_group()
    if within_group is not None:
        free = min(free, within_group)
    return max(int(free * SHARE / max(workers, 1)), LEAST)


def _left_in_control_group() -> int | None:
    """A container's limit less what is used of it; None where there is no limit."""
    try:
        most = (_CONTROL_GROUP / "memory.max").read_text().strip()
        now = (_CONTROL_GROUP / "memory.current").read_text().strip()
        return None if most == "max" else max(int(most) - int(now), 0)
    except (OSError, ValueError):
        return None
