"""Loops on a page: their first and their last turn, and how many were between."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MODULE = """
import numpy as np


def wave(x, w):
    \"\"\"
    - x: shape (D,)
    - w: shape (D,)
    \"\"\"
    for k in range(30):
        x = np.tanh(x * w)
        x = x + w
    return x.sum()


def two(x):
    \"\"\"x: shape (D,)\"\"\"
    for k in range(2):
        x = np.tanh(x * 2)
    return x.sum()
"""


def traced(folder: Path, *arguments: str) -> str:
    (folder / "waves.py").write_text(MODULE)
    command = [sys.executable, "-m", "gradcheck_cli", "trace", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200, check=True)
    return " ".join(done.stdout.split())


def test_the_turns_in_the_middle_of_a_loop_are_left_out_and_counted(tmp_path: Path) -> None:
    text = traced(tmp_path, "waves.py::wave")
    assert text.count("the same 3 gates 28 times more") == 2
    forward = text.partition("backward")[0]
    assert forward.count("np.tanh(x * w)") == 2
    assert "loops show their first and their last turn: 84 gates between are left out; --all shows them" in text
    everything = traced(tmp_path, "waves.py::wave", "--all")
    assert everything.partition("backward")[0].count("np.tanh(x * w)") == 30
    assert "times more" not in everything


def test_a_short_loop_is_shown_whole(tmp_path: Path) -> None:
    assert "times more" not in traced(tmp_path, "waves.py::two")
