"""Ctrl-C and a cancelled job: what is known is printed, at once, and no process is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.cli.command import ROOT, environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

MODULE = '''
import time
def quick_forward(x):
    """x: (N, D)"""
    return x * x, x
def quick_backward(dout, cache): return 2 * cache * dout
def slow_forward(x):
    """x: (N, D)"""
    open({flag!r}, "w").close()
    time.sleep(600)
    return x, x
def slow_backward(dout, cache): return dout
'''


def started(folder: Path, output: int, *options: str) -> subprocess.Popen[bytes]:
    """The command on these layers, in the middle of the slow one."""
    flag = folder / "flag"
    (folder / "layers.py").write_text(MODULE.format(flag=str(flag)))
    process = subprocess.Popen(
        [sys.executable, "-m", "gradcheck_cli", "run", str(folder / "layers.py"), "--draws", "1", *options],
        cwd=ROOT,
        env=environment(GRADCHECK_INTERRUPTION=str(folder)),
        stdout=output,
        stderr=output,
    )
    until = time.monotonic() + 90
    while not flag.exists() and time.monotonic() < until:
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_known_is_said_and_nothing_is_left(tmp_path: Path, number: int) -> None:
    process = started(tmp_path, subprocess.PIPE, "--format", "json")
    moment = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - moment < 10
    assert process.returncode == 130
    document = json.loads(out)
    assert [(layer["name"], layer["status"]) for layer in document["layers"]] == [("quick", "pass")]
    assert "interrupted after 1 of 2 layers" in err.decode()
    assert left(str(tmp_path)) == []


def test_a_command_that_is_killed_takes_its_workers_along(tmp_path: Path) -> None:
    process = started(tmp_path, subprocess.DEVNULL)
    process.kill()
    process.wait()
    until = time.monotonic() + 10
    while left(str(tmp_path)) and time.monotonic() < until:
        time.sleep(0.1)
    if sys.platform == "linux":
        assert left(str(tmp_path)) == []


def left(mark: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("GRADCHECK_INTERRUPTION") == mark:
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found
