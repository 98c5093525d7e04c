"""`gradcheck inspect`, the real command: what it opens, what it refuses, and plain text where there is no terminal."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from gradcheck_cli.cli import inspecting
from tests.cli.command import ROOT, environment, gradcheck
from tests.report import reports
from tests.saved import runs

NOISY = '''
import sys
print("a module that prints")
def twice_forward(x):
    """x: of shape (N,)"""
    print("forward", file=sys.stderr)
    return 2 * x, None
def twice_backward(dout, cache):
    return dout
'''


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return runs.save(tmp_path / "run.npz", runs.report(reports.mismatch(), reports.layer()))


def test_a_saved_run_is_read_out(saved: Path, tmp_path: Path) -> None:
    ended = gradcheck("inspect", "run.npz", "--no-tui", cwd=tmp_path, engine="mixed")
    assert (ended.code, ended.err) == (1, "")
    assert ended.out.startswith("run.npz: 1 failed, 1 passed")
    assert "Element dw[0, 2], D=0, M=2: wrong" in ended.out
    one = gradcheck("inspect", "run.npz::affine", "--no-tui", cwd=tmp_path, engine="mixed")
    assert one.code == 0 and "affine_twice" not in one.out


def test_where_there_is_no_terminal_it_is_read_out_and_said(saved: Path, tmp_path: Path) -> None:
    ended = gradcheck("inspect", "run.npz", cwd=tmp_path, engine="mixed")
    assert ended.code == 1 and ended.out.startswith("run.npz: 1 failed")
    assert ended.err == "gradcheck: this is no terminal: shown as plain text, as `--no-tui` does\n"


def test_a_layer_that_was_not_judged_makes_the_code_two(tmp_path: Path) -> None:
    runs.save(tmp_path / "run.npz", reports.mixed_report(), ())
    ended = gradcheck("inspect", "run.npz", "--no-tui", cwd=tmp_path, engine="mixed")
    assert ended.code == 2 and ended.err == ""


def broken_files(folder: Path) -> None:
    content = runs.save(folder / "whole.npz").read_bytes()
    (folder / "cut.npz").write_bytes(content[: len(content) // 2])
    (folder / "renamed.saved").write_bytes(content[:-40])
    (folder / "empty.npz").write_bytes(b"")
    (folder / "text.npz").write_text("nothing of the kind")
    newer = content.replace(b'"schema_version":1', b'"schema_version":9')
    (folder / "newer.npz").write_bytes(newer)
    (folder / "report.json").write_text(json.dumps({"schema_version": 1}))
    (folder / "report.old").write_text('  {"schema_version": 1}')
    (folder / "notes.txt").write_text("hello")
    (folder / "plain.py").write_text("def add(a, b): return a + b\n")
    (folder / "folder").mkdir()


@pytest.mark.parametrize(
    ("target", "message", "mend"),
    [
        ("cut.npz", "it is cut off, or damaged", "gradcheck run PATHS --save FILE"),
        ("renamed.saved", "it is cut off, or damaged", "gradcheck run PATHS --save FILE"),
        ("empty.npz", "it is empty", "gradcheck run PATHS --save FILE"),
        ("text.npz", "it is no zip file", "gradcheck run PATHS --save FILE"),
        ("newer.npz", "cannot be read as a saved run", ""),  # its checksum is another now
        ("whole.npz::affine_twic", "no layer `affine_twic`", "whole.npz::affine_twice"),
        ("report.json", "is a report, which holds no arrays", "--save run.npz"),
        ("report.old", "is a report, which holds no arrays", "--save run.npz"),
        ("notes.txt", "is neither a Python file nor a saved run", ".py"),
        ("::affine", "does not name a file and a layer", "mylayer.py::affine"),
    ],
)
def test_what_cannot_be_opened_is_told(tmp_path: Path, target: str, message: str, mend: str) -> None:
    broken_files(tmp_path)
    ended = gradcheck("inspect", target, "--no-tui", cwd=tmp_path, engine="mixed")
    assert (ended.code, ended.out) == (2, "")
    flat = " ".join(ended.err.split())
    assert message in flat and mend in flat


def test_a_file_that_is_not_there(saved: Path, tmp_path: Path) -> None:
    ended = gradcheck("inspect", "run.np", "--no-tui", cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert "no such file or folder: `run.np`" in ended.err and "did you mean `run.npz`?" in ended.err


def test_options_of_a_check_are_refused_for_a_saved_run(saved: Path, tmp_path: Path) -> None:
    ended = gradcheck("inspect", "run.npz", "--seed", "1", cwd=tmp_path, engine="mixed")
    assert ended.code == 2 and "`--seed` says how layers are checked, and `run.npz` is a saved run" in ended.err


def test_a_module_is_checked_with_the_options_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.gradcheck]\ndraws = 5\nquiet = true\n")
    (tmp_path / "m.py").write_text("")
    ended = gradcheck("inspect", "m.py::affine", "--seed", "3", "--no-tui", cwd=tmp_path, engine="echo")
    # (this engine finds no layer)
    assert ended.code == 2 and "no layers in `m.py`" in ended.err
    ended = gradcheck("inspect", "m.py", "--draws", "0", cwd=tmp_path, engine="echo")
    assert ended.code == 2 and "--draws" in ended.err


def test_layers_without_arrays_are_read_from_the_report(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("")
    ended = gradcheck("inspect", "m.py", "--no-tui", cwd=tmp_path, engine="failing")
    assert ended.code == 1 and "Element dw[0, 2]\n  yours: " in ended.out


def test_what_a_module_prints_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)
    ended = gradcheck("inspect", "noisy.py", "--no-tui", "--draws", "1", "--no-shrink", cwd=tmp_path)
    assert (ended.code, ended.err) == (1, "")
    assert ended.out.startswith("noisy.py: 1 failed") and "GC202" in ended.out
    assert "prints" not in ended.out and "forward\n" not in ended.out


def test_a_module_that_does_not_load_is_told(tmp_path: Path) -> None:
    text = "raise ValueError('out of paper')\ndef a_forward(x): return x\ndef a_backward(dout): return dout\n"
    (tmp_path / "broken.py").write_text(text)
    ended = gradcheck("inspect", "broken.py", "--no-tui", cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert "out of paper" in ended.err and "broken.py:1" in ended.err


def test_a_terminal_whose_encoding_has_no_signs_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspecting, "_is_terminal", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    for encoding, why in (("ascii", "encoding, ascii, has no signs"), ("utf-8", ""), ("latin-1", "latin-1")):
        monkeypatch.setattr(inspecting.Output, "encoding", encoding)
        assert why in inspecting._why_plain() and bool(why) is bool(inspecting._why_plain())


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals of POSIX")
def test_a_dumb_terminal_is_asked_for_words(saved: Path) -> None:
    import pty

    process, terminal = pty.fork()
    if process == 0:
        os.chdir(ROOT)
        os.execve(
            sys.executable,
            [sys.executable, "-m", "gradcheck_cli", "inspect", str(saved)],
            environment(TERM="dumb"),
        )
    shown = b""
    until = time.monotonic() + 60
    for line in (b"next\n", b"quit\n", b""):
        while not shown.endswith(b"gradcheck> ") and time.monotonic() < until:
            try:
                shown += os.read(terminal, 65536)
            except OSError:  # it has ended
                break
        if line:
            os.write(terminal, line)
            shown += b"\n"
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 1
    os.close(terminal)
    text = shown.decode()
    assert "the terminal is dumb (TERM): shown as plain text" in text
    assert "worst 1 of 6" in text.split("gradcheck> ")[1]
