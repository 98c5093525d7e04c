"""`--changed`: what Git says differs from the last commit."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from gradcheck_cli.cli.changed import changed
from gradcheck_cli.errors import UserError
from tests.cli.command import gradcheck

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs Git")


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "sub dir").mkdir(parents=True)
    git(root, "init", "-q")
    for name in ("same.py", "edited.py", "removed.py", "moved.py", "staged.py", "sub dir/deep é.py", "notes.txt"):
        (root / name).write_text(f"# {name}\n" * 20)
    (root / ".gitignore").write_text("ignored.py\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    return root


def names(folder: Path, *paths: Path) -> list[str]:
    root = (folder if folder.is_dir() else folder.parent).resolve()
    return sorted(str(path.relative_to(root)) for path in changed([folder, *paths]))


def test_edited_staged_moved_and_new_files(repository: Path) -> None:
    assert names(repository) == []
    for name in ("edited.py", "staged.py", "sub dir/deep é.py", "notes.txt"):
        (repository / name).write_text("changed = 1\n")
    git(repository, "add", "staged.py")
    (repository / "removed.py").unlink()
    git(repository, "mv", "moved.py", "new name.py")
    (repository / "new.py").write_text("")
    (repository / "ignored.py").write_text("")
    everything = ["edited.py", "new name.py", "new.py", "staged.py", "sub dir/deep é.py"]
    assert names(repository) == everything
    assert names(repository / "sub dir") == ["deep é.py"]
    assert changed([repository / "edited.py", repository / "same.py"]) == [(repository / "edited.py").resolve()]


def test_without_a_commit_every_file_is_new(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text("")
    (tmp_path / "b.py").write_text("")
    git(tmp_path, "add", "a.py")
    assert names(tmp_path) == ["a.py", "b.py"]


def test_where_git_cannot_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UserError, match="asks Git") as caught:
        changed([tmp_path])
    assert "repository" in str(caught.value.mend)
    with pytest.raises(UserError, match="no such file"):
        changed([tmp_path / "nowhere"])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="does not run"):
        changed([tmp_path])


def test_the_command_checks_only_these(repository: Path) -> None:
    ended = gradcheck("run", "--changed", cwd=repository)
    assert ended.code == 0
    assert "No Python file differs from the last commit." in ended.out
    (repository / "edited.py").write_text(
        "def a_forward(x): return x, 0\ndef a_backward(dout, cache): return 2 * dout\n"
    )
    ended = gradcheck("run", "--changed", "--draws", "1", "--no-shrink", cwd=repository)
    assert ended.code == 1
    assert "edited.py" in ended.out
    assert gradcheck("run").code == 2
