from __future__ import annotations

import json
from itertools import cycle
from pathlib import Path

import pytest

from gradcheck_cli._version import __version__
from tests.cli.command import gradcheck

USAGE = [
    ("run",),
    ("frobnicate",),
    ("run", "x.py", "--drams", "3"),
    ("run", "x.py", "--draws", "0"),
    ("run", "x.py", "--draws", "many"),
    ("run", "x.py", "--seed", "-1"),
    ("run", "x.py", "--max-evals", "0"),
    ("run", "x.py", "--timeout", "0"),
    ("run", "x.py", "--memory", "much"),
    ("run", "x.py", "--memory", "-1G"),
    ("run", "x.py", "--workers", "0"),
    ("run", "x.py", "-n", "several"),
    ("run", "x.py", "--atol", "nan"),
    ("run", "x.py", "--rtol", "-1e-3"),
    ("run", "x.py", "--dtype", "float46"),
    ("run", "x.py", "--device", "tpu"),
    ("run", "x.py", "--shape", "w"),
    ("run", "x.py", "--shape", "w=?!"),
    ("run", "x.py", "--dim", "N=0"),
    ("run", "x.py", "--dim", "N=D"),
    ("run", "x.py", "--arg", "mode=train"),
    ("run", "x.py", "-v", "-q"),
    ("run", "x.py::"),
    ("run", "x.py", "--format", "yaml"),
]


@pytest.mark.parametrize("arguments", USAGE, ids=" ".join)
def test_a_bad_command_line_is_refused_in_words(arguments: tuple[str, ...]) -> None:
    ended = gradcheck(*arguments, engine="passing")
    assert ended.code == 2
    assert ended.out == ""
    first, *_, last = ended.err.rstrip().split("\n")
    assert first.startswith("gradcheck: ")
    assert last.startswith("Try `gradcheck")
    assert last.endswith("--help`.")


@pytest.mark.parametrize(
    ("arguments", "how"), [*zip(USAGE[2:-1], cycle((("--format", "json"), ("--format=json",))))], ids=" ".join
)
def test_and_in_json_where_json_was_asked_for(arguments: tuple[str, ...], how: tuple[str, ...]) -> None:
    document = gradcheck(*arguments, *how, engine="passing").json
    assert document["errors"][0]["code"] == "usage"
    assert document["errors"][0]["message"]
    assert document["summary"]["error"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--drams", "3"), "--draws"),
        (("--dtype", "float46"), "mend  --dtype float64"),
        (("--device", "gpus"), "mend  --device gpu"),
        (("--arg", "flag=True"), "mend  --arg flag='true'"),
        (("--arg", "mode=train"), "mend  --arg mode='\"train\"'"),
        (("--arg", "p={'stride': 2}"), "mend  --arg p='{\"stride\": 2}'"),
        (("--shape", "w"), "mend  --shape w=D,M"),
        (("--draws", "0"), "`--draws` is 0, and must be at least 1"),
    ],
)
def test_the_message_says_how_to_mend_it(arguments: tuple[str, ...], words: str) -> None:
    assert words in gradcheck("run", "x.py", *arguments, engine="passing").err


def told(*arguments: str, cwd: Path | None = None) -> str:
    """What the engine was told, as text."""
    where = {} if cwd is None else {"cwd": cwd}
    return " ".join(gradcheck("run", *arguments, "--format", "json", engine="echo", **where).json["notes"])


def test_every_option_reaches_the_engine() -> None:
    text = told(
        *("a.py::affine", "folder", "--full", "--draws", "5", "--seed", "7", "--shape", "w=D,M", "--shape", "x=4,3"),
        *("--shape", "s=()", "--dim", "N=4", "--arg", 'conv_param={"stride": 2}', "--atol", "1e-3", "--rtol", "1e-4"),
        *("--dtype", "float32", "--device", "gpu", "--fail-fast", "--max-evals", "99"),
    )
    for part in (
        "name='affine'",
        "name=None",
        "full=True",
        "draws=5",
        "seed=7",
        "'w': ('D', 'M')",
        "'x': (4, 3)",
        "'s': ()",
        "dimensions={'N': 4}",
        "arguments={'conv_param': {'stride': 2}}",
        "atol=0.001",
        "rtol=0.0001",
        "dtype='float32'",
        "device='gpu'",
        "fail_fast=True",
        "max_evals=99",
    ):
        assert part in text, part


def test_nothing_given_leaves_the_defaults() -> None:
    text = told("a.py")
    for part in ("atol=None", "rtol=None", "full=False", "draws=3", "seed=0", "device='cpu'", "max_evals=20000"):
        assert part in text


def test_version() -> None:
    ended = gradcheck("--version")
    assert (ended.code, ended.out, ended.err) == (0, f"gradcheck {__version__}\n", "")


@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("list", "--help"), ("run", "-h")])
def test_help(arguments: tuple[str, ...]) -> None:
    ended = gradcheck(*arguments)
    assert (ended.code, ended.err) == (0, "")
    assert "Usage: " in ended.out
    if arguments[0] == "run":
        from gradcheck_cli.cli.given import OPTIONS

        assert [option for option in OPTIONS if f"--{option} " not in ended.out] == []


def test_without_a_command_the_help_is_shown() -> None:
    ended = gradcheck()
    assert "Usage: " in ended.out + ended.err


def test_the_schema_version_of_a_run_that_never_began_is_the_reports() -> None:
    never = gradcheck("run", "x.py", "--draws", "0", "--format", "json").json
    whole = gradcheck("run", "x.py", "--format", "json", engine="passing").json
    assert never["schema_version"] == whole["schema_version"]
    assert json.dumps(list(never)) == json.dumps(list(whole))
