"""Every screen at 80 × 24 and at 160 × 48, as text that was looked at."""

from __future__ import annotations

import pytest

from tests.inspector import sessions
from tests.inspector.piloting import NARROW, WIDE, assert_snapshot, screen_after

SCREENS = {
    "main": (sessions.run, ()),
    "rank4": (sessions.run, ("a", "a", "minus")),
    "wrong_shape": (sessions.run, ("a", "a", "a")),
    "source": (sessions.run, ("s",)),
    "finding": (sessions.run, ("f",)),
    "dig": (sessions.live, ("d",)),
    "compare": (sessions.run, ("c",)),
    "help": (sessions.run, ("question_mark",)),
    "what_if": (sessions.live, ("i",)),
    "mended": (sessions.live, ("r",)),
}


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "160x48"])
@pytest.mark.parametrize("name", SCREENS)
def test_screen(name: str, size: tuple[int, int]) -> None:
    session, keys = SCREENS[name]
    assert_snapshot(f"{name}-{size[0]}x{size[1]}", screen_after(session(), *keys, size=size))
