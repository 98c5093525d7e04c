"""The files that verdicts depend on, remembered in place of the verdicts: a change in one makes those old."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from gradcheck_cli.isolation.messages import Dependencies, Found
from gradcheck_cli.isolation.remembering import Forgetful
from gradcheck_cli.report.model import LayerReport


class WatchedFiles(Forgetful):
    """The files that verdicts depend on, and whether they are as they were when they were read."""

    def __init__(self) -> None:
        self._stamps: dict[str, tuple[int, int] | None] = {}

    @property
    def paths(self) -> Sequence[str]:
        """All of them, absolute."""
        return tuple(self._stamps)

    def keep(
        self, path: Path, found: Found, reports: Mapping[str, LayerReport], depends: Dependencies, since: float
    ) -> None:
        """Remember which files these are."""
        del found, reports
        for file in (str(path), *depends.files):
            stamp = _stamp(file)
            # one that was written while it was read may have been read too early
            self._stamps[file] = stamp if stamp is None or stamp[0] < since * 1e9 else (-1, -1)

    def have_changed(self) -> bool:
        """Whether any is not as it was; asked again, they are as they are now."""
        changed = [file for file, stamp in self._stamps.items() if _stamp(file) != stamp]
        for file in changed:
            self._stamps[file] = _stamp(file)
        return bool(changed)


def _stamp(file: str) -> tuple[int, int] | None:
    try:
        found = Path(file).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
