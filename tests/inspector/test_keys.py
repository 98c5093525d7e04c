"""Keys are there once, say what they do, and stand in lines that can be clicked."""

from __future__ import annotations

import pytest

from gradcheck_cli.inspector import keys
from gradcheck_cli.inspector.editor import editor_command
from gradcheck_cli.inspector.themes import first_theme

TABLES = [keys.MAIN, keys.SOURCE, keys.FINDING, keys.DIG, keys.COMPARE]


@pytest.mark.parametrize("table", TABLES)
def test_each_key_does_one_thing(table: tuple[keys.Key, ...]) -> None:
    used = [name for key in table for name in key.keys.split(",")]
    assert len(used) == len(set(used))
    assert all(key.long and key.shown for key in table)
    assert {"T", "ctrl+p", "question_mark", "q"} <= set(used)


def test_groups_and_lines() -> None:
    found = keys.groups(keys.MAIN)
    assert found[0] == keys.Group("n N", "worst", "Next worst element, worst element before", "worst(1)")
    rows = keys.lines(found, 79)
    assert all(sum(group.width + keys.GAP for group in row) - keys.GAP <= 79 for row in rows)
    assert [group for row in rows for group in row] == found
    assert len(keys.lines(found, 1)) == len(found)


@pytest.mark.parametrize(("width", "most"), [(79, 4), (59, 2), (39, 1), (20, 1)])
def test_where_the_screen_is_small_the_first_keys_stay_and_the_way_to_the_others(width: int, most: int) -> None:
    found = keys.groups(keys.MAIN)
    rows = keys.fitting([group for group in found if group.is_at_bottom], width, most)
    shown = [group.short for row in rows for group in row]
    assert shown[-3:] == ["menu", "help", "quit"]
    assert len(rows) <= most or len(shown) == 3
    if len(shown) > 3:
        assert shown[0] == "worst"


def test_what_stands_at_a_place() -> None:
    rows = keys.lines(keys.groups(keys.MAIN), 79)
    assert keys.group_at(rows, 0, 0) == rows[0][0] == keys.group_at(rows, 0, 8)
    assert keys.group_at(rows, 0, 9) is None
    assert keys.group_at(rows, 0, 11) == rows[0][1]
    assert keys.group_at(rows, 9, 0) is None and keys.group_at(rows, 0, 500) is None


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({}, ["vi", "+7", "a.py"]),
        ({"EDITOR": "nano"}, ["nano", "+7", "a.py"]),
        ({"EDITOR": "nano", "VISUAL": "/usr/bin/emacs -nw"}, ["/usr/bin/emacs", "-nw", "+7", "a.py"]),
        ({"EDITOR": "code"}, ["code", "--wait", "--goto", "a.py:7"]),
        ({"EDITOR": "code --wait"}, ["code", "--wait", "--goto", "a.py:7"]),
        ({"EDITOR": "hx"}, ["hx", "a.py:7"]),
        ({"EDITOR": "ed"}, ["ed", "a.py"]),
        ({"EDITOR": "'unclosed"}, ["'unclosed", "a.py"]),
    ],
)
def test_editors_open_at_the_line(environment: dict[str, str], command: list[str]) -> None:
    assert editor_command(environment, "a.py", 7) == command


def test_the_first_theme() -> None:
    assert first_theme({}, no_color=False) == "gradcheck-dark"
    assert first_theme({"COLORFGBG": "0;15"}, no_color=False) == "gradcheck-light"
    assert first_theme({"COLORFGBG": "15;0"}, no_color=False) == "gradcheck-dark"
    assert first_theme({"COLORFGBG": "0;15"}, no_color=True) == "gradcheck-plain"
