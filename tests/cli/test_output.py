"""Nothing but the report reaches standard output, whatever happens."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.cli.command import ROOT, environment, gradcheck

SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text())


def is_valid(document: object) -> bool:
    return Draft202012Validator(SCHEMA).is_valid(document)


NOISY = """
import atexit, ctypes, os, sys
print("from Python \\x1b[31m")
sys.stdout.write("written\\n")
sys.stdout.buffer.write(b"bytes\\n")
sys.__stdout__.write("the original\\n")
sys.__stdout__.flush()
print("an error", file=sys.stderr)
os.write(1, b"descriptor\\n")
library = ctypes.CDLL(None)
library.puts(b"from C")
library.fflush(None)
os.system("echo from a child")
atexit.register(os.write, 1, b"at the end\\n")
atexit.register(print, "at the very end")
def square_forward(x): return x * x, x
def square_backward(dout, cache): return 2 * cache * dout
"""


def test_what_modules_print_is_kept_away_from_json_and_shown_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)
    ended = gradcheck("run", str(tmp_path / "noisy.py"), "--format", "json", "-v", "--draws", "1")
    assert is_valid(ended.json)
    assert ended.json["summary"]["pass"] == 1
    assert re.search(r"printed \d+ lines, shown on standard error", ended.json["notes"][-1])
    printed = ("from Python \\x1b[31m", "written", "bytes", "the original", "an error", "descriptor", "from C", "child")
    for line in printed:
        assert line in ended.err
    quiet = gradcheck("run", str(tmp_path / "noisy.py"), "--draws", "1")
    assert quiet.err == ""
    assert not any(line in quiet.out for line in (*printed, "at the end"))
    assert "--verbose shows them on standard error" in quiet.out


def test_a_flood_is_cut_short(tmp_path: Path) -> None:
    (tmp_path / "flood.py").write_text(
        'for _ in range(200_000):\n    print("x" * 100)\n'
        "def square_forward(x): return x * x, x\ndef square_backward(dout, cache): return 2 * cache * dout\n"
    )
    ended = gradcheck("run", str(tmp_path / "flood.py"), "-v", "--draws", "1")
    assert 60_000 < len(ended.err) < 70_000
    assert "1 passed" in ended.out


def test_an_interruption_tells_what_is_known() -> None:
    ended = gradcheck("run", "x.py", engine="interrupted")
    assert "affine_twice" in ended.out
    assert "1 failed, 1 passed" in ended.out
    assert "interrupted after 2 of 5 layers" in ended.err
    document = gradcheck("run", "x.py", "--format", "json", engine="interrupted").json
    assert is_valid(document)
    assert [layer["name"] for layer in document["layers"]] == ["affine", "affine_twice"]
    assert document["errors"][0]["code"] == "interrupted"


def test_an_internal_error_is_one_sentence() -> None:
    ended = gradcheck("run", "x.py", "--format", "json", engine="crashing")
    words = "ZeroDivisionError: it was zero"
    assert f"gradcheck itself failed, which says nothing about your layers: {words}" in ended.err
    assert "report it" in ended.err
    assert is_valid(ended.json)
    assert ended.json["errors"][0]["code"] == "internal"
    assert len(ended.json["layers"]) == 2


def test_the_traceback_is_there_for_who_asks() -> None:
    ended = gradcheck("run", "x.py", engine="crashing", env={"GRADCHECK_DEBUG": "1"})
    assert "Traceback" in ended.err
    assert "ZeroDivisionError: it was zero" in ended.err


def test_an_error_of_the_users_has_its_mend() -> None:
    ended = gradcheck("run", "x.py", "--format", "json", engine="no_device")
    assert ended.err == "gradcheck: there is no GPU here\n  mend  --device cpu\n"
    assert (ended.json["errors"][0]["code"], ended.json["errors"][0]["mend"]) == ("usage", "--device cpu")


def test_a_reader_that_goes_away_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cli.engines", "mixed", "run", "x.py", "-v"],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait() == 2
    assert errors == ""


def test_a_closed_standard_output_is_no_error() -> None:
    command = f'"{sys.executable}" -m tests.cli.engines failing run x.py >&-'
    done = subprocess.run(command, shell=True, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_pipe_gets_no_escapes_and_the_same_width_everywhere() -> None:
    ended = gradcheck("run", "x.py", engine="failing")
    assert "\x1b" not in ended.out + ended.err
    assert max(len(line) for line in ended.out.split("\n")) <= 100
    assert not any(line.endswith(" ") for line in ended.out.split("\n"))
    assert (
        max(len(line) for line in gradcheck("run", "x.py", engine="failing", env={"COLUMNS": "60"}).out.split("\n"))
        <= 60
    )


def test_an_encoding_without_our_signs_gets_others() -> None:
    assert gradcheck("run", "x.py", engine="mixed", env={"PYTHONIOENCODING": "ascii"}).out.isascii()
    assert "✓ pass" in gradcheck("run", "x.py", engine="mixed", env={"PYTHONIOENCODING": "utf-8"}).out


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_gets_colours_and_progress_unless_told_not_to() -> None:
    shown = on_a_terminal({})
    assert "\x1b[1;31m" in shown and shown.count("gradcheck inspect ") == 1
    assert "2/5" in on_a_terminal({}, engine="interrupted")
    shown = on_a_terminal({"NO_COLOR": "1", "CI": "true"})
    assert "\x1b[31m" not in shown and "gradcheck inspect " not in shown


def on_a_terminal(env: dict[str, str], engine: str = "failing") -> str:
    """What a person sees, standard output and standard error together."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cli.engines", engine, "run", "x.py"],
        cwd=ROOT,
        env=environment(TERM="xterm-256color", COLUMNS="100", **env),
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    seen = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([master], [], [], 0.1)[0]:
            try:
                chunk = os.read(master, 65536)
            except OSError:
                break
            seen += chunk
        elif process.poll() is not None:
            break
    process.wait()
    os.close(master)
    return seen.decode()


def test_the_folder_that_places_are_relative_to(tmp_path: Path) -> None:
    assert "at mylayer.py:27" in " ".join(gradcheck("run", "x.py", engine="failing").out.split())
