"""`gradcheck run --save` and `gradcheck diff`, the real commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.saved.reading import open_run
from tests.cli.command import gradcheck
from tests.saved import runs

SCALE = '''
import numpy as np
def scale_forward(x, s):
    """
    - x: of shape (N, D)
    - s: of shape (D,)
    """
    return x * s, (x, s)
def scale_backward(dout, cache):
    x, s = cache
    return dout * s * 2, (dout * x).sum(axis=0)
'''

HALF = '''
def half_forward(x):
    """- x: of shape (N,)"""
    return x / 2, None
def half_backward(dout, cache):
    return dout / 2
'''


def test_a_mistake_is_mended_between_two_saved_runs(tmp_path: Path) -> None:
    (tmp_path / "unchanged.py").write_text(HALF)
    options = ["--draws", "1", "--no-shrink", "--format", "concise"]
    for name, text, code in (("before", SCALE, 1), ("after", SCALE.replace(" * 2", ""), 0)):
        (tmp_path / "module.py").write_text(text)
        # the verdict on what is unchanged is in the cache, and has no arrays
        ended = gradcheck(
            *("run", ".", "--save", f"{name}.npz", *options, "-n", str(1 + code)),
            cwd=tmp_path,
            env={"GRADCHECK_NO_CACHE": "", "GRADCHECK_CACHE_DIR": str(tmp_path / "cache")},
        )
        assert (ended.code, ended.err) == (code, "")
        with open_run(tmp_path / f"{name}.npz") as run:
            assert [layer.name for layer in run.report.layers] == ["scale", "half"]
            assert all(run.kept(layer) for layer in run.report.layers)
        (tmp_path / "module.py").unlink()
    ended = gradcheck("diff", "before.npz", "after.npz", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert "better  ✗ fail → ✓ pass" in ended.out and "1 better · 1 same" in ended.out
    assert "elements mended" in ended.out
    ended = gradcheck("diff", "after.npz", "before.npz", "--format", "json", cwd=tmp_path)
    assert ended.code == 1
    assert ended.json["worse"] and ended.json["summary"]["worse"] == 1
    assert ended.json["layers"][0]["arguments"][0]["elements"]["broken"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["whole.npz", "missing.npz"], "`missing.npz` cannot be read: No such file or directory"),
        (["cut.npz", "whole.npz"], "`cut.npz` cannot be read as a saved run: it is cut off, or damaged"),
        (["whole.npz", "whole.npz", "--format", "xml"], "`--format` is 'xml'"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, arguments: list[str], message: str) -> None:
    content = runs.save(tmp_path / "whole.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[:-40])
    ended = gradcheck("diff", *arguments, cwd=tmp_path, engine="mixed")
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_the_document_says_why_there_is_nothing_to_compare(tmp_path: Path) -> None:
    ended = gradcheck("diff", "a.npz", "b.npz", "--format", "json", cwd=tmp_path, engine="mixed")
    assert ended.code == 2
    assert ended.json["errors"][0]["code"] == "usage" and ended.json["before"] is None


def test_a_run_that_is_cut_short_is_saved_and_says_so(tmp_path: Path) -> None:
    ended = gradcheck("run", ".", "--save", "run.npz", cwd=tmp_path, engine="interrupted")
    assert ended.code == 130
    with open_run(tmp_path / "run.npz") as run:
        assert len(run.report.layers) == 2 and run.problem.startswith("interrupted after 2 of 5")


def test_a_run_that_never_began_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "run.npz").write_text("before")
    assert gradcheck("run", ".", "--save", "run.npz", "--draws", "0", cwd=tmp_path, engine="mixed").code == 2
    assert (tmp_path / "run.npz").read_text() == "before"
    ended = gradcheck("run", ".", "--save", "no/run.npz", cwd=tmp_path, engine="mixed")
    assert (ended.code, ended.out) == (2, "") and "the run cannot be saved" in ended.err
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]
