from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.targets import expand, parse


def test_a_path_may_name_a_layer() -> None:
    assert parse("a/b.py::affine") == (Path("a/b.py"), "affine")
    assert parse("a/b.py") == (Path("a/b.py"), None)
    assert parse("b.py::Cls.method") == (Path("b.py"), "Cls.method")


@pytest.mark.parametrize("text", ["::affine", "a.py::"])
def test_half_a_target_is_an_error(text: str) -> None:
    with pytest.raises(UserError, match="does not name") as caught:
        parse(text)
    assert caught.value.mend is not None
    assert caught.value.code is None


def test_a_folder_gives_its_python_files_in_a_stable_order(tmp_path: Path) -> None:
    for name in (
        "b.py",
        "a.py",
        "sub/c.py",
        "notes.txt",
        ".hidden/x.py",
        "__pycache__/x.py",
        "node_modules/x.py",
        "lib/site-packages/x.py",
        "myenv/pyvenv.cfg",
        "myenv/x.py",
        "build/x.py",
        "pkg/env/__init__.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    found = [str(path.relative_to(tmp_path.resolve())) for path in expand(tmp_path)]
    assert found == ["a.py", "b.py", "pkg/env/__init__.py", "sub/c.py"]


def test_a_skipped_folder_is_searched_when_it_is_asked_for(tmp_path: Path) -> None:
    inside = tmp_path / "site-packages" / "lib"
    inside.mkdir(parents=True)
    (inside / "x.py").write_text("")
    assert expand(tmp_path) == []
    assert len(expand(tmp_path / "site-packages")) == 1
    assert len(expand(inside)) == 1


@pytest.mark.parametrize(
    ("name", "content", "says", "mends"),
    [
        ("mylayr.py", None, "no such file", "mylayer.py"),
        ("image.png", b"\x89PNG\0\0", "binary", ".py"),
        ("binary.py", b"\0\1\2", "binary", ".py"),
        ("notes.txt", b"words", "not a `.py` file", ".py"),
        ("book.ipynb", b"{}", "not a `.py` file", "nbconvert"),
    ],
)
def test_what_is_no_python_source_is_an_error_with_its_mend(
    tmp_path: Path, name: str, content: bytes | None, says: str, mends: str
) -> None:
    (tmp_path / "mylayer.py").write_text("")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=says) as caught:
        expand(tmp_path / name)
    assert caught.value.code is None
    assert mends in (caught.value.mend or "")
