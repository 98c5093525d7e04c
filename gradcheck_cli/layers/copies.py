"""A user's `os.fork()` makes a copy of the process that checks: it leaves as soon as the user's code returns in it."""

from __future__ import annotations

import os

_owner: int | None = None


def claim() -> None:
    """From now on only this process goes on behind the user's code. Called by workers: in a notebook or a test the
    process is somebody else's."""
    global _owner
    _owner = os.getpid()


def leave_if_copied() -> None:
    """End this process where it is a copy."""
    if _owner is not None and os.getpid() != _owner:
        os._exit(0)
