"""The curve in braille."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gradcheck_cli.inspector.plot import Ink, curve_plot
from gradcheck_cli.inspector.session import Curve
from tests.inspector import sessions


def _text(curve: Curve, width: int = 60, height: int = 16) -> list[str]:
    return ["".join(text for text, _ in line) for line in curve_plot(curve, width, height)]


def test_it_fills_its_room_and_has_labels() -> None:
    lines = _text(sessions.curve())
    assert len(lines) == 16 and {len(line) for line in lines} == {60}
    assert "1e-3" in lines[-1] and "1e-9" in lines[-1]
    assert sum("┤" in line and "1e-" in line for line in lines) >= 4
    assert all("│" in line or "┤" in line for line in lines[:-2]) and "└" in lines[-2]


def test_the_curve_falls_and_rises() -> None:
    lines = _text(replace(sessions.curve(), chosen=None, plateau=None, bar=None))
    rows = [[row for row, line in enumerate(lines[:-2]) if "⠀" < line[column] <= "⣿"] for column in (7, 30, 59)]
    assert rows[1][0] > rows[0][0] and rows[1][0] > rows[2][0]


def test_plateau_choice_and_bar_are_marked_without_colour() -> None:
    lines = _text(sessions.curve())
    assert "━" in lines[-2] and "─" in lines[-2]
    column = {line.index("│", 8) for line in lines[:-2] if "│" in line[8:]}
    assert len(column) == 1
    assert any("┄" in line for line in lines)
    bare = _text(replace(sessions.curve(), chosen=None, plateau=None, bar=None))
    assert not any(sign in "".join(bare) for sign in "━┄") and not any("│" in line[8:] for line in bare)


def test_inks() -> None:
    inks = {ink for line in curve_plot(sessions.curve(), 60, 16) for _, ink in line}
    assert inks == set(Ink)


def test_no_error_at_all_lies_at_the_bottom() -> None:
    curve = Curve(np.array([1e-1, 1e-2, 1e-3]), np.array([1.5, 1.1, 1.0]), 1.0)
    lines = _text(curve)
    assert "⠀" < lines[-3][7] <= "⣿" and lines[-3].startswith("    0 ┤")
    assert not any(line.startswith("    0 ┤") for line in _text(sessions.curve()))


@pytest.mark.parametrize(
    "curve",
    [
        Curve(np.array([]), np.array([]), 1.0),
        Curve(np.array([0.1]), np.array([2.0]), 1.0),
        Curve(np.array([0.1, 0.01]), np.array([np.nan, np.inf]), 1.0),
        Curve(np.array([0.1, 0.01]), np.array([1.0, 1.0]), np.nan),
    ],
)
def test_there_may_be_nothing_to_draw(curve: Curve) -> None:
    assert curve_plot(curve, 60, 16) == []


def test_there_may_be_no_room() -> None:
    assert curve_plot(sessions.curve(), 12, 16) == [] and curve_plot(sessions.curve(), 60, 4) == []


def test_steps_that_are_all_equal_are_drawn() -> None:
    assert _text(Curve(np.array([0.1, 0.1]), np.array([1.0, 1.0]), 1.0))
