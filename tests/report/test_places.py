from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.report.places import is_inside, module_name, relative_path, uri_path

FOLDER = Path("/home/you")


@pytest.mark.parametrize(
    ("path", "relative", "module", "inside"),
    [
        ("/home/you/src/a.py", "src/a.py", "src.a", True),
        ("src/a.py", "src/a.py", "src.a", True),
        ("/home/your/a.py", "/home/your/a.py", "home.your.a", False),
        ("/home/you/a b.c.py", "a b.c.py", "a b.c", True),
        ("../a.py", "../a.py", "a", True),
    ],
)
def test_places(path: str, relative: str, module: str, inside: bool) -> None:
    assert relative_path(path, FOLDER) == relative
    assert module_name(path, FOLDER) == module
    assert is_inside(path, FOLDER) is inside
    assert relative_path(path, None) == path


def test_everything_special_is_percent_encoded() -> None:
    assert uri_path("/a b/ä#%?:[.py") == "/a%20b/%C3%A4%23%25%3F%3A%5B.py"
    assert uri_path("\udcff \ud800") == "%ED%B3%BF%20%ED%A0%80"
