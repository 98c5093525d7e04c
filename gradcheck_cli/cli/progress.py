"""Progress on standard error while a run works, for a person who waits; and the verdicts so far."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.model import LayerReport


class Watcher:
    """Keeps every finished layer's report, and shows a bar where `visible`."""

    def __init__(self, *, visible: bool) -> None:
        self.finished: list[LayerReport] = []
        self.total = 0
        self._bar: Any = _bar() if visible else None
        self._task: Any = None

    def layer_started(self, name: str, position: int, total: int) -> None:
        """A layer's check begins."""
        del position  # layers of one file may be checked together
        self.total = total
        if self._bar is None:
            return
        if self._task is None:
            self._task = self._bar.add_task("", total=total, layer="", what="")
        self._bar.update(self._task, total=total, completed=len(self.finished), layer=one_line(name), what="")

    def step(self, name: str, what: str) -> None:
        """What is being done now."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, layer=one_line(name), what=one_line(what))

    def layer_finished(self, report: LayerReport) -> None:
        """A layer's verdict is known."""
        self.finished.append(report)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=len(self.finished), what="")

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


def is_watched() -> bool:
    """Whether a person looks at standard error."""
    return sys.stderr is not None and sys.stderr.isatty()


def _bar() -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from gradcheck_cli.cli.terminal import error_console

    return Progress(
        SpinnerColumn(),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        # markup=False: the names come from the user's module
        TextColumn("{task.fields[layer]}", markup=False),
        TextColumn("{task.fields[what]}", style="dim", markup=False),
        console=error_console(has_room=True),
        transient=True,
        redirect_stdout=False,
    )
