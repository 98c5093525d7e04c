from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.suppressions.per_file import PerFile


def entry(pattern: str) -> PerFile:
    return PerFile(pattern, (), Path("/project/pyproject.toml"))


@pytest.mark.parametrize(
    ("pattern", "named", "others"),
    [
        ("legacy/*.py", ["legacy/a.py"], ["a.py", "legacy/sub/a.py", "x/legacy/a.py", "legacy/a.pyi"]),
        ("legacy/**/*.py", ["legacy/a.py", "legacy/sub/deep/a.py"], ["a.py", "legacy2/a.py"]),
        ("legacy/**", ["legacy/a.py", "legacy/sub/a.py"], ["a.py"]),
        ("legacy/", ["legacy/a.py", "legacy/sub/a.py"], ["a.py"]),
        ("/a.py", ["a.py"], ["legacy/a.py"]),
        ("a.py", ["a.py", "legacy/a.py"], ["ba.py", "a.py/b.py"]),
        ("*_old.py", ["x_old.py", "legacy/y_old.py"], ["old.py"]),
        ("**/a.py", ["a.py", "x/y/a.py"], ["ba.py"]),
        ("layer[0-9].py", ["layer1.py"], ["layerx.py", "layer.py"]),
        ("layer[!0-9].py", ["layerx.py"], ["layer1.py"]),
        ("layer?.py", ["layer1.py"], ["layer10.py", "layer.py"]),
        ("a+b.py", ["a+b.py"], ["aab.py"]),
        ("[.py", ["[.py"], ["a.py"]),
        ("[z-a].py", [], ["b.py", "z.py", "[z-a].py"]),
    ],
)
def test_a_pattern_names_these_files_and_not_those(pattern: str, named: list[str], others: list[str]) -> None:
    assert [name for name in named if not entry(pattern).names(f"/project/{name}")] == []
    assert [name for name in others if entry(pattern).names(f"/project/{name}")] == []


def test_it_names_nothing_outside_the_folder_of_its_file() -> None:
    assert not entry("*.py").names("/elsewhere/a.py")
    assert not entry("*.py").names("a.py")


@pytest.mark.parametrize(
    ("pattern", "folder"),
    [("legacy/*.py", "legacy"), ("a.py", ""), ("/a.py", "a.py"), ("x/a.py", "x/a.py"), ("**/a.py", ""), ("x/", "x")],
)
def test_where_everything_that_it_can_name_lies(pattern: str, folder: str) -> None:
    assert entry(pattern).folder == Path("/project", folder)
