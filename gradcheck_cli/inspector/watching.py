"""Whether files have changed since they were last looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_State = tuple[int, int] | None


class Watched:
    """Files; one that comes or goes has changed, too."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._known = {path: _state(path) for path in paths}

    def changed(self) -> list[str]:
        """The names of those that have changed since this was asked last."""
        now = {path: _state(path) for path in self._known}
        # one that is being replaced is gone for a moment: it counts when it is there again
        found = [path for path, state in now.items() if state is not None and state != self._known[path]]
        self._known |= {path: now[path] for path in found}
        return [Path(path).name for path in found]


def _state(path: str) -> _State:
    try:
        told = Path(path).stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_size
