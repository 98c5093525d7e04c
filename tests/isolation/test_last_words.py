"""The line on which a process ended, as Python's fault handler tells it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gradcheck_cli.isolation.last_words import LastWords, read
from tests.cli.command import ROOT, environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

SCRIPT = """
import os, sys
from pathlib import Path
from gradcheck_cli.isolation.last_words import Dictation
dictation = Dictation(Path(sys.argv[1]))
dictation.resume()
namespace = {}
exec(compile(Path(sys.argv[2]).read_text(), sys.argv[2], "exec"), namespace)
"""


def words_of(folder: Path, source: str, name: str = "deed.py") -> tuple[LastWords, int]:
    path = folder / name
    path.write_text(source)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder / "words.txt"), str(path)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    return read(folder / "words.txt"), done.returncode


@pytest.mark.parametrize(
    ("act", "code", "status"),
    [
        ("os._exit(7)", 7, 7),
        ("os.abort()", -6, None),
        ("ctypes.string_at(0)", -11, None),
        ("os.kill(os.getpid(), 9)", -9, None),
    ],
)
def test_the_innermost_line_of_the_users_is_named(tmp_path: Path, act: str, code: int, status: int | None) -> None:
    source = f"import ctypes, os\ndef deep():\n    {act}\ndef shallow():\n    deep()\nshallow()\n"
    words, ended = words_of(tmp_path, source)
    assert ended == code
    assert words.exit_status == status
    assert words.line_of(lambda path: path.name == "deed.py") == (tmp_path / "deed.py", 3)
    assert [line for path, line in words.frames if path.name == "deed.py"] == [3, 5, 6]


def test_names_that_are_not_ascii_come_back(tmp_path: Path) -> None:
    words, _ = words_of(tmp_path, "import os\nos._exit(1)\n", "schön_層.py")
    assert words.line_of(lambda path: path.suffix == ".py" and path.parent == tmp_path) == (tmp_path / "schön_層.py", 2)


def test_a_forked_copy_leaves_no_words(tmp_path: Path) -> None:
    words, code = words_of(tmp_path, "import os\nif os.fork() == 0:\n    os._exit(5)\nos.wait()\n")
    assert (code, words.exit_status, words.frames) == (0, None, ())


def test_no_file_is_no_words(tmp_path: Path) -> None:
    assert read(tmp_path / "nothing") == LastWords()
    (tmp_path / "junk").write_bytes(b"\xff\x00Thread 0xzz\n  File \n")
    assert read(tmp_path / "junk") == LastWords()
