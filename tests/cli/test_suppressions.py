"""Findings that do not count, through the real command; what each rule hides is tested in tests/suppressions."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from gradcheck_cli.checking import CheckOptions, Target
from gradcheck_cli.cli.configuration import read_configuration
from gradcheck_cli.cli.given import CONFIGURABLE, RunOptions, from_command_line, run_options
from gradcheck_cli.cli.suppressing import with_baseline, without_suppressed
from gradcheck_cli.errors import UserError
from gradcheck_cli.suppressions.codes import codes_of
from tests.cli.command import Ended, gradcheck
from tests.report import reports

MODULE = '''\
"""Two layers that have the same two faults."""
import numpy as np


def first_forward(x):
    """x: array of shape (N, D)"""
    return 3 * x, None


def first_backward(dout, cache):
    return 3 * np.clip(dout, -9, 9)


def second_forward(x):
    """x: array of shape (N, D)"""
    return 3 * x, None


def second_backward(dout, cache):
    return 3 * np.clip(dout, -9, 9)
'''
"""`GC304` twice, and nothing else."""

QUICK = ("--draws", "1", "--no-shrink")


def run(folder: Path, *options: str, module: str = MODULE, name: str = "layers.py") -> Ended:
    """Check the module as a file in `folder`, from there."""
    (folder / name).write_text(module)
    return gradcheck("run", name, *QUICK, *options, cwd=folder)


def commented(comment: str) -> str:
    return MODULE.replace("def first_backward(dout, cache):", f"def first_backward(dout, cache):  {comment}")


def codes(ended: Ended) -> dict[str, tuple[str, list[str], list[str]]]:
    """By layer: its status, the codes that count, and those that do not."""
    return {
        layer["name"]: (
            layer["status"],
            [finding["code"] for finding in layer["findings"]],
            [f"{one['finding']['code']} by {one['by']}" for one in layer["suppressed"]],
        )
        for layer in ended.json["layers"]
    }


def test_a_comment_is_obeyed_on_its_layer_and_the_report_says_so(tmp_path: Path) -> None:
    ended = run(tmp_path, "--format", "json", module=commented("# gradcheck: ignore[GC304, GC302]"))
    assert ended.code == 1
    assert codes(ended) == {
        "first": ("pass", [], ["GC304 by comment line 10"]),
        "second": ("fail", ["GC304"], []),
    }
    (vain,) = ended.json["unused_ignores"]
    assert (vain["path"], vain["line"], vain["mend"]) == (str(tmp_path / "layers.py"), 10, "remove it")
    ended = gradcheck("run", "layers.py::first", *QUICK, "--strict", cwd=tmp_path)
    assert ended.code == 1
    text = " ".join(ended.out.split())
    assert "first: passed, 1 finding ignored (GC304 by comment line 10)" in text
    assert '`GC302` in "# gradcheck: ignore[GC304, GC302]" no longer matches anything; remove it' in text
    assert "1 passed, 1 finding ignored" in text
    assert "1 ignore in vain, and `--strict` makes that a failure" in ended.err


FORMS = '''\
import functools

import jax
import jax.numpy as jnp
import numpy as np


def clipped(dout):
    return 3 * np.clip(dout, -9, 9)


def kept(function):
    @functools.wraps(function)
    def inner(*arguments):
        return function(*arguments)

    return inner


class Method{0}:  # gradcheck: ignore[GC304]
    def forward(self, x):
        """x: array of shape (N, D)"""
        return 3 * x

    def backward(self, dout):
        return clipped(dout)


class OneMethod{0}:
    def forward(self, x):
        """x: array of shape (N, D)"""
        return 3 * x

    def backward(self, dout):  # gradcheck: ignore[GC304]
        return clipped(dout)


def decorated{0}_forward(x):
    """x: array of shape (N, D)"""
    return 3 * x, None


# gradcheck: ignore[GC304]
@kept
def decorated{0}_backward(dout, cache):
    return clipped(dout)


def wide{0}_forward(x):
    """x: array of shape (N, D)"""
    return 3 * x, None


def wide{0}_backward(
    dout,
    cache,  # gradcheck: ignore[GC304]
):
    return clipped(dout)


def closed{0}_forward(x):
    """x: array of shape (N, D)"""

    def backprop(dout):  # gradcheck: ignore[GC304]
        return clipped(dout)

    return 3 * x, backprop


# gradcheck: ignore[GC304]
@jax.custom_vjp
def ruled{0}(x):
    """x: array of shape (N, D)"""
    return 3 * x


def ruled{0}_fwd(x):
    return 3 * x, None


def ruled{0}_bwd(_, dout):
    return (3 * jnp.clip(dout, -9, 9),)


ruled{0}.defvjp(ruled{0}_fwd, ruled{0}_bwd)


def text{0}_forward(x):
    """
    x: array of shape (N, D)
    # gradcheck: ignore[GC304]
    """
    return 3 * x, None


def text{0}_backward(dout, cache, why="# gradcheck: ignore[GC304]"):
    return clipped(dout)
'''


def test_every_form_of_layer_and_each_beside_the_same_without_a_comment(tmp_path: Path) -> None:
    first, rest = FORMS.format("").split("class Method", 1)
    again = "class Method" + FORMS.format("2").split("class Method", 1)[1]
    again = again.replace("  # gradcheck: ignore[GC304]", "").replace("# gradcheck: ignore[GC304]\n", "")
    module = (first + "class Method" + rest + "\n\n" + again).replace("\n", "\r\n").encode()
    (tmp_path / "layers.py").write_bytes(module)
    ended = gradcheck("run", "layers.py", *QUICK, "--format", "json", cwd=tmp_path)
    statuses = {name: status for name, (status, _, _) in codes(ended).items()}
    hidden = {name for name, status in statuses.items() if status == "pass"}
    assert len(statuses) == 14
    assert hidden == {"Method", "OneMethod", "decorated", "wide", "closed_forward", "ruled"}
    assert set(statuses.values()) == {"pass", "fail"}
    assert ended.json["unused_ignores"] == []


def test_the_configuration_speaks_for_files_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.gradcheck]\n[tool.gradcheck.per-file-ignores]\n"old/*.py" = ["GC304"]\n"old/never.py" = "GC1"\n'
    )
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "layers.py").write_text(MODULE)
    (tmp_path / "new.py").write_text(MODULE)
    ended = gradcheck("run", str(tmp_path), *QUICK, "--format", "json", cwd=tmp_path / "old")
    statuses = {(Path(layer["path"]).name, layer["name"]): layer["status"] for layer in ended.json["layers"]}
    assert ended.code == 1
    assert statuses == {
        ("new.py", "first"): "fail",
        ("new.py", "second"): "fail",
        ("layers.py", "first"): "pass",
        ("layers.py", "second"): "pass",
    }
    (vain,) = ended.json["unused_ignores"]
    assert (vain["line"], vain["message"]) == (4, '"GC1" for "old/never.py" no longer matches anything')


def test_a_baseline_hides_what_is_old_and_nothing_that_is_new(tmp_path: Path) -> None:
    ended = run(tmp_path, "--baseline", "old.json", "--write-baseline", "--format", "json")
    assert ended.code == 0
    assert [status for status, _, _ in codes(ended).values()] == ["pass", "pass"]
    written = (tmp_path / "old.json").read_text()
    assert [entry["layer"] for entry in json.loads(written)["findings"]] == ["first", "second"]
    # lines move, one layer gets a new finding, the other is mended
    module = "\n\n" + MODULE.replace("    return 3 * np.clip(dout, -9, 9)", "    return 2 * np.clip(dout, -9, 9)", 1)
    module = module[::-1].replace("clip(dout, -9, 9)"[::-1], "positive(dout)"[::-1], 1)[::-1]
    ended = run(tmp_path, "--baseline", "old.json", "--format", "json", module=module)
    assert ended.code == 1
    found = codes(ended)
    assert found["first"][0] == "fail"
    assert found["first"][1] == ["GC304"]  # the same finding, which now stands for wrong values too
    assert found["second"] == ("pass", [], [])
    assert any("GC304 of layers.py::second, x no longer" in vain["message"] for vain in ended.json["unused_ignores"])
    assert (tmp_path / "old.json").read_text() == written


def test_fail_fast_goes_on_behind_what_does_not_count(tmp_path: Path) -> None:
    ended = run(tmp_path, "--fail-fast", "--format", "json", module=commented("# gradcheck: ignore[GC304]"))
    assert [status for status, _, _ in codes(ended).values()] == ["pass", "fail"]
    assert ended.code == 1


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--ignore", "GC201"), 0),
        (("--ignore", "mismatch,GC1"), 0),
        (("--ignore", "GC1", "--ignore", "GC2"), 0),
        (("--ignore", "GC301"), 1),
        (("--select", "GC1"), 0),
        (("--select", "GC201"), 1),
    ],
)
def test_options_decide_the_exit_code(options: tuple[str, ...], code: int) -> None:
    assert gradcheck("run", "x.py", *options, engine="failing").code == code


def test_an_error_is_dropped_by_name_alone() -> None:
    assert gradcheck("run", "x.py", "--select", "GC1", engine="error").code == 2
    assert gradcheck("run", "x.py", "--ignore", "ALL", engine="error").code == 2
    ended = gradcheck("run", "x.py", "--ignore", "GC5", "--format", "json", engine="error")
    assert (ended.code, ended.json["summary"]) == (0, {"pass": 0, "fail": 0, "inconclusive": 3, "error": 0})
    assert "3 layers inconclusive" in ended.err
    ended = gradcheck("run", "x.py", "--ignore", "GC5", engine="error")
    assert "broken/syntax.py: not checked, 1 finding ignored (GC501 by --ignore)" in " ".join(ended.out.split())


@pytest.mark.parametrize(
    ("options", "message", "mend"),
    [
        (("--ignore", "GC999"), "`--ignore` names 'GC999', which is no rule", "write a code"),
        (("--select", "not-liner"), "`--select` names 'not-liner', which is no rule", "did you mean `not-linear`?"),
        (("--ignore", ","), "`--ignore` names no rule", "--ignore GC304"),
        (("--write-baseline",), "does not say which file", "--baseline gradcheck-baseline.json --write-baseline"),
        (("--baseline", ""), "not the path of a file", "--baseline"),
        (("--baseline", "none.json"), "there is no baseline `none.json`", "--baseline none.json --write-baseline"),
        (("--baseline", "pyproject.toml", "--write-baseline"), "`pyproject.toml` is not JSON", "from version control"),
        (("--baseline", "b.json", "--write-baseline", "--fail-fast"), "needs all findings", "--no-fail-fast"),
    ],
)
def test_a_mistake_is_said_before_anything_is_checked(options: tuple[str, ...], message: str, mend: str) -> None:
    ended = gradcheck("run", "x.py", *options, "--format", "json", engine="failing")
    assert ended.code == 2
    (error,) = ended.json["errors"]
    assert message in error["message"].replace("the baseline ", "") or message in error["message"]
    assert mend in error["mend"]
    assert ended.json["layers"] == []


@pytest.mark.parametrize("engine", ["interrupted", "crashing"])
def test_a_run_cut_short_writes_no_baseline(tmp_path: Path, engine: str) -> None:
    file = tmp_path / "old.json"
    ended = gradcheck("run", "x.py", "--baseline", str(file), "--write-baseline", engine=engine)
    assert ended.code in (2, 130)
    assert not file.exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="a folder that cannot be written to")
def test_a_baseline_that_cannot_be_written_does_not_lose_the_report(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    ended = gradcheck("run", "x.py", "--baseline", str(tmp_path / "b.json"), "--write-baseline", engine="failing")
    assert (ended.code, "affine_twice" in ended.out) == (2, True)


def test_a_baseline_in_a_folder_that_is_not_there_does_not_lose_the_report(tmp_path: Path) -> None:
    file = tmp_path / "missing" / "b.json"
    ended = gradcheck("run", "x.py", "--baseline", str(file), "--write-baseline", engine="failing")
    assert (ended.code, "affine_twice" in ended.out) == (2, True)
    assert "cannot write the baseline `b.json`" in ended.err


def test_a_baseline_is_written_where_something_could_not_be_checked_and_the_exit_code_says_so(tmp_path: Path) -> None:
    file = tmp_path / "old.json"
    ended = gradcheck("run", "x.py", "--baseline", str(file), "--write-baseline", engine="failing_beside_an_error")
    assert ended.code == 2
    assert [entry["code"] for entry in json.loads(file.read_text())["findings"]] == ["GC201"]


def options(folder: Path, content: str, **command_line: object) -> RunOptions:
    (folder / "pyproject.toml").write_text(content)
    return run_options(from_command_line(command_line), read_configuration([folder / "mylayer.py"], CONFIGURABLE))


def test_the_configuration_and_the_command_line_which_wins(tmp_path: Path) -> None:
    content = (
        '[tool.gradcheck]\nselect = ["GC1", "not-linear"]\nignore = "GC104, GC105"\nbaseline = "ci/old.json"\n'
        '[tool.gradcheck.per-file-ignores]\n"a.py" = "GC3"\n\n"b/*.py" = ["GC1", "mismatch"]\n'
    )
    told = options(tmp_path, content)
    assert told.suppressions.select == codes_of("GC1") | {"GC304"}
    assert told.suppressions.ignore == {"GC104", "GC105"}
    assert told.baseline == tmp_path / "ci" / "old.json"
    entries = told.suppressions.per_file
    assert [(entry.pattern, [word.text for word in entry.words], entry.line) for entry in entries] == [
        ("a.py", ["GC3"], 6),
        ("b/*.py", ["GC1", "mismatch"], 8),
    ]
    told = options(tmp_path, content, ignore=["GC2"], baseline="here.json")
    assert told.suppressions.ignore == codes_of("GC2")
    assert told.suppressions.select == codes_of("GC1") | {"GC304"}
    assert told.baseline == Path("here.json")


@pytest.mark.parametrize(
    ("content", "message", "line", "mend"),
    [
        ('[tool.gradcheck]\nignore = ["GC304", "GC3O4"]\n', "`ignore` names 'GC3O4'", 2, "did you mean `GC3`?"),
        ("[tool.gradcheck]\nselect = 304\n", "`select` is 304, not codes of rules", 2, 'select = "GC304"'),
        ("[tool.gradcheck]\nselect = []\n", "`select` names no rule", 2, 'select = "GC304"'),
        ('[tool.gradcheck]\nper-file-ignores = "a.py"\n', "not a table of patterns", 2, '"legacy/*.py" = ["GC304"]'),
        ('[tool.gradcheck.per-file-ignores]\n"a" = "GC1"\n"b" = "GC9"\n', "names 'GC9'", 3, "write a code"),
        ('[tool.gradcheck.per-file-ignores]\n"a" = 3\n', '`per-file-ignores."a"` is 3', 2, "GC304"),
        ("[tool.gradcheck]\nwrite-baseline = true\n", "has no option `write-baseline`", 2, "did you mean"),
        ("[tool.gradcheck]\nbaseline = 3\n", "`baseline` is 3", 2, 'baseline = "baseline.json"'),
    ],
)
def test_a_mistake_in_the_configuration_has_its_place_and_mend(
    tmp_path: Path, content: str, message: str, line: int, mend: str
) -> None:
    with pytest.raises(UserError) as caught:
        options(tmp_path, content)
    assert message in caught.value.message
    assert (caught.value.path, caught.value.line) == (tmp_path / "pyproject.toml", line)
    assert mend in (caught.value.mend or "")


def test_what_ends_a_run_early_goes_by_what_counts(tmp_path: Path) -> None:
    told = with_baseline(options(tmp_path, "[tool.gradcheck]\nfail-fast = true\nignore = 'GC201'\n"))
    assert CheckOptions(fail_fast=True).stops_at(reports.mismatch())
    assert not CheckOptions().stops_at(reports.mismatch())
    assert not told.check.stops_at(reports.mismatch())
    assert told.check.stops_at(reports.dimensions())


@pytest.mark.parametrize(
    ("content", "is_hidden"),
    [
        ("# -*- coding: latin-1 -*-\ny = 'é'  # gradcheck: ignore[GC201]\n".encode("latin-1"), True),
        ("\n\ufeffy = 1".encode("utf-16"), False),
        (b"y = '\xe9'\nx = 1  # gradcheck: ignore[GC201]\n", False),
        (b"# -*- coding: no-such -*-\nx = 1  # gradcheck: ignore[GC201]\n", False),
        ("y = 'é'\r\nx = 1  # gradcheck: ignore[GC201]\r\n".encode("utf-8-sig"), True),
        (None, False),
    ],
    ids=["its own encoding", "UTF-16", "not UTF-8", "an unknown encoding", "BOM and CRLF", "gone"],
)
def test_a_modules_text_is_read_as_python_reads_it_or_not_at_all(
    tmp_path: Path, content: bytes | None, is_hidden: bool
) -> None:
    file = tmp_path / "layers.py"
    if content is not None:
        file.write_bytes(content)
    finding = replace(reports.mismatch().findings[0], path=str(file), line=2)
    layer = replace(reports.mismatch(), path=str(file), line=2, findings=(finding,))
    report, problem = without_suppressed(reports.report(layer), None, [Target(file)], RunOptions(CheckOptions()))
    assert problem is None
    assert bool(report.ignored) is is_hidden


def test_a_run_that_might_have_stopped_and_did_not_has_seen_all(tmp_path: Path) -> None:
    file = tmp_path / "layers.py"
    file.write_text("x = 1  # gradcheck: ignore[GC304]\n")
    told = with_baseline(options(tmp_path, "[tool.gradcheck]\nfail-fast = true\n"))
    passing = replace(reports.layer(), path=str(file))
    failing = replace(reports.mismatch(), path=str(file))
    report, _ = without_suppressed(reports.report(passing), None, [Target(file)], told)
    assert [vain.line for vain in report.unused_ignores] == [1]
    report, _ = without_suppressed(reports.report(passing, failing), None, [Target(file)], told)
    assert report.unused_ignores == ()
