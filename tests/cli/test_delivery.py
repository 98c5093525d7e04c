"""Several formats in one run: standard output and files, whatever happens."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import html5lib
import pytest

from gradcheck_cli import whole_file
from gradcheck_cli.cli.delivery import write_whole
from gradcheck_cli.report.formats import FORMATS, SUFFIXES, TABLE
from tests.cli.command import ROOT, environment, gradcheck
from tests.published_schemas import SARIF, complaints
from tests.report.test_github import commands
from tests.report.test_markdown import READER


def _sarif(content: str) -> None:
    assert complaints(SARIF, json.loads(content)) == []


READERS: dict[str, Callable[[str], Any]] = {
    "concise": str.splitlines,
    "json": json.loads,
    "jsonl": lambda content: [json.loads(line) for line in content.splitlines()],
    "junit": lambda content: ElementTree.fromstring(content.encode()),
    "sarif": _sarif,
    "github": commands,
    "markdown": READER.parse,
    "html": lambda content: html5lib.HTMLParser(strict=True).parse(content),
}
"""What each format's document must get through."""

EVERYWHERE = [f"{name}=out.{name}" for name in FORMATS]


def outputs(*entries: str) -> list[str]:
    return [word for entry in entries for word in ("--output", entry)]


def read(folder: Path) -> dict[str, str]:
    """All files, each read by its format's reader."""
    found = {name: (folder / f"out.{name}").read_text(encoding="utf-8") for name in FORMATS}
    for name, reader in READERS.items():
        reader(found[name])
    return found


def test_every_format_has_a_reader() -> None:
    assert {*READERS, TABLE} == set(FORMATS)


@pytest.mark.parametrize("name", READERS)
def test_standard_output_holds_the_format_and_nothing_else(name: str) -> None:
    ended = gradcheck("run", "x.py", "--format", name, engine="mixed")
    assert (ended.code, ended.err) == (2, "")
    READERS[name](ended.out)
    assert "affine_twice" in ended.out or "mylayer.py:27: GC201 dw" in ended.out


@pytest.mark.parametrize("engine", ["mixed", "empty", "hostile", "interrupted", "crashing"])
def test_all_formats_at_once_beside_the_table(engine: str, tmp_path: Path) -> None:
    alone = gradcheck("run", "x.py", engine=engine, cwd=tmp_path)
    ended = gradcheck("run", "x.py", *outputs(*EVERYWHERE), engine=engine, cwd=tmp_path)
    # an interrupted run says how long it took
    took = re.compile(r"\b\d\.\d\d s$", re.M)
    assert (ended.code, took.sub("", ended.out), ended.err) == (alone.code, took.sub("", alone.out), alone.err)
    found = read(tmp_path)
    assert json.loads(found["jsonl"].splitlines()[-1])["exit_code"] == ended.code
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    "wrong",
    [("--draws", "0"), ("--draws", "many"), ("-v", "-q")],
    ids=" ".join,
)
def test_a_run_that_never_begins_leaves_documents_that_say_why(wrong: tuple[str, ...], tmp_path: Path) -> None:
    ended = gradcheck("run", "x.py", *outputs(*EVERYWHERE), *wrong, engine="passing", cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    found = read(tmp_path)
    message = json.loads(found["json"])["errors"][0]["message"]
    assert message in ended.err
    for name in ("concise", "jsonl", "table", "github"):
        assert json.dumps(message)[1:-1] in json.dumps(found[name]).replace("\\\\\\", "\\")


@pytest.mark.parametrize("name", READERS)
def test_and_on_standard_output(name: str) -> None:
    for arguments in (("--format", name, "--draws", "0"), (f"--format={name}", "--drams", "3")):
        ended = gradcheck("run", "x.py", *arguments, engine="passing")
        assert ended.code == 2
        assert ended.out != ""
        READERS[name](ended.out)


def test_a_format_that_a_file_asks_for_holds_also_where_the_command_line_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.gradcheck]\nformat = "sarif"\noutput = "junit=r.xml"\n')
    ended = gradcheck("run", "x.py", "--draws", "0", engine="passing", cwd=tmp_path)
    assert ended.json["runs"][0]["invocations"][0]["exitCode"] == 2
    ElementTree.parse(tmp_path / "r.xml")


def test_the_configuration_has_both_and_the_command_line_wins(tmp_path: Path) -> None:
    text = '[tool.gradcheck]\nformat = "json"\noutput = ["a.sarif", "junit=b.xml"]\n'
    (tmp_path / "pyproject.toml").write_text(text)
    assert tomllib.loads(text)
    assert gradcheck("run", "x.py", engine="passing", cwd=tmp_path).json["summary"]["pass"] == 5
    assert {path.name for path in tmp_path.iterdir()} == {"pyproject.toml", "a.sarif", "b.xml"}
    ended = gradcheck("run", "x.py", "--format", "concise", "--output", "c.md", engine="failing", cwd=tmp_path)
    assert ended.out.startswith("mylayer.py:27: GC201")
    assert (tmp_path / "c.md").exists()
    assert json.loads((tmp_path / "a.sarif").read_text())["runs"][0]["results"] == []  # of the run before


def test_a_file_that_cannot_be_written_is_told_and_the_report_is_there(tmp_path: Path) -> None:
    ended = gradcheck(
        "run", "x.py", *outputs("missing/a.json", "good.json", "json=folder"), engine="failing", cwd=make(tmp_path)
    )
    assert ended.code == 2
    assert "2 failed, 2 passed" in ended.out
    assert "cannot write the report: No such file or directory" in ended.err
    assert f"mend  make its folder first: mkdir -p {tmp_path / 'missing'}" in ended.err
    assert "cannot write the report: Is a directory" in ended.err
    assert json.loads((tmp_path / "good.json").read_text())["summary"]["fail"] == 2
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def make(folder: Path) -> Path:
    (folder / "folder").mkdir()
    return folder


def test_an_interrupted_run_stays_one_where_a_file_cannot_be_written(tmp_path: Path) -> None:
    ended = gradcheck("run", "x.py", *outputs("missing/a.json"), engine="interrupted", cwd=tmp_path)
    assert ended.code == 130


def test_a_bad_output_is_a_usage_error(tmp_path: Path) -> None:
    ended = gradcheck("run", "x.py", "--output", "report.pdf", engine="passing", cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert "`--output` is `report.pdf`, and its suffix names no format" in ended.err
    assert "mend  --output json=report.pdf" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_listing_has_its_own_formats() -> None:
    ended = gradcheck("list", "fixtures/mylayer.py", "--format", "sarif")
    assert (ended.code, ended.out) == (2, "")
    assert "must be one of table, json" in ended.err


def test_a_table_in_a_file_has_no_colours_whatever_the_environment_says(tmp_path: Path) -> None:
    env = {"FORCE_COLOR": "1", "COLUMNS": "200", "TTY_COMPATIBLE": "1"}
    gradcheck("run", "x.py", "--output", "a.txt", engine="failing", cwd=tmp_path, env=env)
    text = (tmp_path / "a.txt").read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) == 100
    assert "✗ fail" in text


def test_documents_are_utf_8_whatever_the_terminal_is(tmp_path: Path) -> None:
    env = {"PYTHONIOENCODING": "ascii"}
    for name in ("json", "sarif", "junit", "html", "markdown"):
        command = [sys.executable, "-m", "tests.cli.engines", "hostile", "run", "x.py", "--format", name]
        done = subprocess.run(command, cwd=ROOT, env=environment(**env), capture_output=True, check=False)
        READERS[name](done.stdout.decode("utf-8"))
    assert gradcheck("run", "x.py", "--format", "concise", engine="mixed", env=env).out.isascii()


def test_paths_are_those_of_the_folder_in_which_the_run_began(tmp_path: Path) -> None:
    """A module that changes the folder moves neither the files nor the places in them."""
    module = "import os\nos.chdir('/')\ndef f_forward(x):\n    '''- x: of shape (N, D)'''\n    return 2 * x, x\n"
    (tmp_path / "moving.py").write_text(module + "def f_backward(dout, x):\n    return dout\n")
    ended = gradcheck("run", "moving.py", "--no-shrink", *outputs("a.sarif", "concise=b"), cwd=tmp_path)
    assert ended.code == 1
    run = json.loads((tmp_path / "a.sarif").read_text())["runs"][0]
    place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": "moving.py", "uriBaseId": "%SRCROOT%"}
    assert run["originalUriBaseIds"]["%SRCROOT%"]["uri"] == tmp_path.as_uri() + "/"
    assert (tmp_path / "b").read_text().startswith("moving.py:6: GC2")


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_a_new_file_has_the_permissions_of_any_new_file(umask: int, mode: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "a", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


def test_a_file_keeps_its_permissions_and_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "a").chmod(0o604)
    (tmp_path / "link").symlink_to("a")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert ((tmp_path / "a").read_text(), stat.S_IMODE((tmp_path / "a").stat().st_mode)) == ("new", 0o604)


def test_a_pipe_and_a_device_are_written_into(tmp_path: Path) -> None:
    write_whole(Path("/dev/null"), "text")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True)
    write_whole(pipe, "text")
    assert reader.communicate(timeout=30)[0] == "text"
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_what_fails_in_the_middle_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "a").write_text("old")

    def full(*arguments: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(whole_file.os, "fdopen", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "a", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_every_suffix_is_in_the_help() -> None:
    shown = " ".join(gradcheck("run", "--help").out.split())
    assert all(f" {name}" in shown for name in FORMATS)
    assert all(suffix in shown for suffix in SUFFIXES if suffix not in (".markdown", ".htm", ".sarif.json"))
