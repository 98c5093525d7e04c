"""A saved run whose module lies on this machine: it becomes live when it is asked to."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.saved_session import SavedSession
from gradcheck_cli.inspector.session import Answer, Dug, Question
from gradcheck_cli.report.model import LayerReport, Report
from gradcheck_cli.report.numbers import counted
from gradcheck_cli.report.places import relative_path
from gradcheck_cli.saved.model import KeptLayer, digest_of_text

if TYPE_CHECKING:  # it is only needed where something is checked
    from gradcheck_cli.isolation.live_session import LiveSession

Here = Mapping[str, Path]
"""Where the modules of a run lie on this machine, by their paths in the run; without those that do not."""


LOOK = 2.0
"""Seconds between two looks at a module: what is asked at each key must not wait for a slow disk."""


class WakingSession(SavedSession):
    """A saved run, as a `Session`; once it is live, its layers are checked again with the modules as they are now.

    Args:
        wake: makes the session that checks.

    Raises:
        UserError: as `SavedSession`.
    """

    def __init__(self, path: Path, only: str | None, wake: Callable[[Report, Here], LiveSession]) -> None:
        super().__init__(path, only)
        self._wake = wake
        self._live: LiveSession | None = None
        paths = dict.fromkeys(layer.path for layer in self.report.layers)
        folders = (Path.cwd(), path.absolute().parent)
        self._here: Here = {each: here for each in paths if (here := _lying(each, self.folder, folders)) is not None}
        self._seen: dict[str, tuple[float, tuple[int, int] | None, bool]] = {}

    @property
    def at_hand(self) -> str:
        """Which modules are here, and whether they have changed; "" for none, and once it is live."""
        if not self._here or self._live is not None:
            return ""
        changed = sum(self._has_changed(each) for each in self._here)
        if len(self._here) == 1:
            (here,) = self._here.values()
            told = "and has changed since this was saved" if changed else "as it was when this was saved"
            return f"`{here.name}` is here, {told}"
        told = f"{changed:,} changed since this was saved" if changed else "as when this was saved"
        return f"{counted(len(self._here), 'module')} of the run are here, {told}"

    def go_live(self) -> None:
        """Have a worker for the modules. Nothing is checked yet.

        Raises:
            UserError: where the project's configuration cannot be read.
        """
        if self._live is None and self._here:
            live = self._wake(self.report, self._here)
            for layer in self.report.layers:
                if layer.path in self._here and (kept := self.kept(layer)) is not None:
                    live.adopt(self._moved(kept))
            self._live = live

    @property
    def is_live(self) -> bool:
        """Whether it was asked to be."""
        return self._live is not None

    @property
    def why_not_live(self) -> str:
        """What it is, and what can be done."""
        if self._live is not None:
            return ""
        return f"`{self.name}` is a saved run; {self.at_hand}" if self.at_hand else super().why_not_live

    @property
    def doing(self) -> str:
        """As of a live session."""
        return "" if self._live is None else self._live.doing

    def files(self) -> Sequence[str]:
        """The modules, and what they depend on, once it is live."""
        if self._live is None:
            return ()
        return tuple(dict.fromkeys((*map(str, self._here.values()), *self._live.files())))

    def ask(self, question: Question) -> Answer:
        """Check one layer with the module as it is now."""
        if self._live is None:
            return super().ask(question)
        here = self._here.get(question.path)
        if here is None:
            return Answer(question, problem=f"`{question.path}` is not on this machine.")
        return replace(self._live.ask(replace(question, path=str(here))), question=question)

    def dig(self, layer: LayerReport, kept: KeptLayer, leaf: int, position: int) -> Dug:
        """What was kept; once it is live, all there is."""
        if self._live is None:
            return super().dig(layer, kept, leaf, position)
        return self._live.dig(layer, self._moved(kept), leaf, position)

    def stop(self) -> None:
        """End what is being asked."""
        if self._live is not None:
            self._live.stop()

    def close(self) -> None:
        """End all processes, and close the file."""
        if self._live is not None:
            self._live.close()
        super().close()

    def _moved(self, kept: KeptLayer) -> KeptLayer:
        """As of the module on this machine."""
        return replace(kept, path=str(self._here.get(kept.path, kept.path)))

    def _has_changed(self, path: str) -> bool:
        """Whether the module has; its file is looked at every few seconds, and read when it is another one."""
        looked, stamp, has_changed = self._seen.get(path, (-LOOK, None, False))
        now = time.monotonic()
        if now - looked >= LOOK:
            there = _stamp(self._here[path])
            if there != stamp or there is None:
                has_changed = self._is_another(path)
            self._seen[path] = now, there, has_changed
        return has_changed

    def _is_another(self, path: str) -> bool:
        """Whether the module's text has changed: all of it, where that is known; else the functions that were kept."""
        from gradcheck_cli.layers.reading import read_source  # a run without its module is opened without the stages

        try:
            text = read_source(self._here[path])
        except UserError:
            return True
        lines, digest = text.split("\n"), digest_of_text(text)
        kept = [each for layer in self.report.layers if (each := self.kept(layer)) is not None]
        return any(
            (layer.path == path and layer.digest not in ("", digest))
            or any(
                source.path == path
                and source.text.split("\n") != lines[source.line - 1 :][: source.text.count("\n") + 1]
                for source in layer.sources
            )
            for layer in kept
        )


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_size


def _lying(path: str, folder: str, folders: Sequence[Path]) -> Path | None:
    """Where a module of a run lies: at its path; at the same place in another folder; beside the saved run."""
    inside = relative_path(path, Path(folder)) if folder else path
    for place in (Path(path), *(each / inside for each in folders), folders[-1] / Path(path).name):
        with contextlib.suppress(OSError, ValueError):
            if place.is_absolute() and place.suffix == ".py" and place.is_file():
                return place.resolve()
    return None
