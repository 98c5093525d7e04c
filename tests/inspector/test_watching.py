"""Files that change, go and come."""

from __future__ import annotations

from pathlib import Path

from gradcheck_cli.inspector.watching import Watched


def test_a_change_is_told_once(tmp_path: Path) -> None:
    file, other = tmp_path / "a.py", tmp_path / "b.py"
    file.write_text("1")
    other.write_text("1")
    watched = Watched([str(file), str(other)])
    assert watched.changed() == []
    file.write_text("12")
    assert watched.changed() == ["a.py"]
    assert watched.changed() == []


def test_a_file_that_is_replaced_changes_when_it_is_there_again(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("1")
    watched = Watched([str(file)])
    file.unlink()
    assert watched.changed() == []
    file.write_text("123")
    assert watched.changed() == ["a.py"]
