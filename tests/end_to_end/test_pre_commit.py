"""The hook as its users have it: the real pre-commit, a real repository, a commit that passes and one that does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import ROOT, environment

GOOD = '''
def square_forward(x):
    """x: (N, D)"""
    return x * x, x


def square_backward(dout, cache):
    return 2 * cache * dout
'''


def ran(command: list[str], folder: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    env = environment(
        PRE_COMMIT_HOME=str(tmp_path / "pre-commit"),
        GRADCHECK_NO_CACHE="",
        GRADCHECK_CACHE_DIR=str(tmp_path / "kept"),
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        **{f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    )
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def git(folder: Path, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return ran(["git", *arguments], folder, tmp_path)


@pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("git") is None, reason="needs Git and a checkout")
def test_a_good_commit_passes_and_a_bad_one_is_stopped(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    # the hook's own definition, as pre-commit gets it from a repository, in the environment that is there
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", hooks)
    for place in (folder, hooks):
        assert git(place, tmp_path, "init", "-q").returncode == 0
    git(hooks, tmp_path, "add", ".")
    assert git(hooks, tmp_path, "commit", "-qm", "hooks").returncode == 0
    revision = git(hooks, tmp_path, "rev-parse", "HEAD").stdout.strip()
    (folder / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {hooks}\n  rev: {revision}\n  hooks:\n  - id: gradcheck\n    language: system\n"
    )
    installed = ran([sys.executable, "-m", "pre_commit", "install"], folder, tmp_path)
    assert installed.returncode == 0, installed.stdout

    (folder / "layers.py").write_text(GOOD)
    (folder / "plain.py").write_text("answer = 42\n")
    (folder / "tool").write_text("#!/usr/bin/env python\nprint()\n")
    git(folder, tmp_path, "add", ".")
    good = git(folder, tmp_path, "commit", "-m", "good")
    assert good.returncode == 0, good.stdout + good.stderr
    assert "gradcheck" in good.stderr
    assert "Passed" in good.stderr

    (folder / "layers.py").write_text(GOOD.replace("2 * cache", "3 * cache"))
    git(folder, tmp_path, "add", ".")
    bad = git(folder, tmp_path, "commit", "-m", "bad")
    assert bad.returncode == 1
    assert "GC202 constant-factor" in bad.stderr
    assert "layers.py:7" in bad.stderr
    assert git(folder, tmp_path, "rev-list", "--count", "HEAD").stdout.strip() == "1"

    (folder / "layers.py").write_text(GOOD + "# mended\n")
    git(folder, tmp_path, "add", ".")
    assert git(folder, tmp_path, "commit", "-m", "mended").returncode == 0
