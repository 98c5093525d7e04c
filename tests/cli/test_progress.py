"""The line that tells what is going on, on standard error."""

from __future__ import annotations

import io
import sys

import pytest

from gradcheck_cli.cli.progress import Watcher
from gradcheck_cli.report.model import LayerReport, Status


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def use_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    for name, value in {"COLUMNS": "40", "LINES": "10", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)


def test_what_the_terminal_echoes_for_ctrl_c_fits_behind_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    use_terminal(monkeypatch)
    with Watcher(visible=True) as watcher:
        watcher.layer_started("a_layer_of_some_length", 0, 240)
        watcher.step("a_layer_of_some_length", "draw 2 of 3")
        drawn = watcher._bar.console.render_lines(watcher._bar.get_renderable())
    widths = [sum(len(segment.text) for segment in line) for line in drawn]
    assert widths and max(widths) == 38, "a line that is broken in two by `^C` cannot be taken back"


def test_what_is_done_is_counted_in_whatever_order(monkeypatch: pytest.MonkeyPatch) -> None:
    use_terminal(monkeypatch)
    with Watcher(visible=True) as watcher:
        watcher.layer_started("last", 2, 3)
        assert watcher._bar.tasks[0].completed == 0
        watcher.layer_finished(LayerReport("last", "a.py", 1, "", Status.PASS))
        watcher.layer_started("first", 0, 3)
        assert watcher._bar.tasks[0].completed == 1
