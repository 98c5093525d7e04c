"""The real command in a real terminal: keys are typed into it, and its screen is read."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux on this machine")

SECONDS = 60.0
"""A check, on a busy machine."""


class Terminal:
    """A tmux session of its own, with a server of its own."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def run(self, *arguments: str) -> str:
        command = ["tmux", "-S", str(self._socket), "-f", "/dev/null", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout

    def start(self, command: str) -> None:
        self.run("new-session", "-d", "-x", "100", "-y", "30", "-c", str(ROOT), f"{command}; echo ended with $?; cat")

    def type(self, *keys: str) -> None:
        self.run("send-keys", *keys)

    def wait_for(self, *texts: str) -> str:
        """The screen, as soon as all of these stand on it."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            screen = self.run("capture-pane", "-p")
            if all(text in screen for text in texts):
                return screen
            time.sleep(0.1)
        raise AssertionError(f"{texts} do not come:\n{screen}")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    found = Terminal(tmp_path / "tmux")
    yield found
    found.run("kill-server")


def test_a_person_finds_the_line_and_digs(terminal: Terminal) -> None:
    terminal.start(f"{sys.executable} -m gradcheck_cli inspect fixtures/mylayer.py")
    terminal.wait_for("layernorm", "12 of 12 wrong", "GC209 path-dropped", "fixtures/mylayer.py:47")
    terminal.type("s")
    terminal.wait_for("source of layernorm", "▶ 47", "× 0 in your backward")
    terminal.type("Escape")
    terminal.wait_for("12 of 12 wrong")  # Esc and a letter at once are Alt and that letter
    terminal.type("d")
    terminal.wait_for("chosen", "steps that agree", "x.var(axis=1, keepdims=True)", "yours, without")
    terminal.type("Escape")
    terminal.wait_for("12 of 12 wrong")
    terminal.type("q")
    terminal.wait_for("ended with 1")


def test_a_terminal_that_is_closed_while_layers_are_checked_leaves_no_process(terminal: Terminal) -> None:
    terminal.start(f"{sys.executable} -m gradcheck_cli inspect fixtures")
    terminal.wait_for("live · seed 0", "layers  ")
    shell = psutil.Process(int(terminal.run("display-message", "-p", "#{pane_pid}")))
    until = time.monotonic() + SECONDS
    while len(processes := shell.children(recursive=True)) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert len(processes) >= 2  # the command and a worker
    terminal.run("kill-server")
    _, left = psutil.wait_procs(processes, timeout=20)
    assert not [each for each in left if each.status() != psutil.STATUS_ZOMBIE]
