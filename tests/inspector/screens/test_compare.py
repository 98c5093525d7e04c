"""Yours, autodiff and difference as slices with one cursor."""

from __future__ import annotations

import pytest

from gradcheck_cli.inspector.screens.compare import CompareScreen
from tests.inspector import sessions
from tests.inspector.piloting import WIDE, Driver, drive, screen_after


def compared(driver: Driver) -> CompareScreen:
    assert isinstance(driver.app.screen, CompareScreen)
    return driver.app.screen


def test_the_numbers_of_each() -> None:
    _, kept = sessions.norm()
    yours = kept.leaves[0].read("yours")
    assert yours is not None
    for size in ((80, 24), WIDE):
        text = screen_after(sessions.run(), "c", size=size)
        assert "autodiff" in text and "yours − reference" in text
        assert f"{yours[0, 0]:.3g}" in text


def test_all_move_together() -> None:
    async def steps(driver: Driver) -> None:
        await driver.press("c")
        screen = compared(driver)
        for keys in (("n",), ("N", "N"), ("left",), ("down",), ("up",), ("right",), ("home",), ("end",), ("t",)):
            await driver.press(*keys)
            assert len({(each.view.index, each.view.rows) for each in screen.maps()}) == 1
        assert screen.maps()[0].view.rows == 1
        await driver.press("pagedown", "pageup", "escape")
        assert "12 of 12 wrong" in driver.text()

    drive(sessions.run(), steps)


@pytest.mark.parametrize("height", (17, 18, 19))
def test_all_show_the_same_rows(height: int) -> None:
    async def steps(driver: Driver) -> None:
        await driver.press("c", "down", "down", "down", "down")
        assert len({(each.view.top, each.cells) for each in compared(driver).maps()}) == 1

    drive(sessions.run(), steps, (80, height))


def test_a_click_moves_all() -> None:
    async def steps(driver: Driver) -> None:
        await driver.press("c")
        await driver.pilot.click("#autodiff", offset=(5, 3))
        await driver.settle()
        assert {each.view.index for each in compared(driver).maps()} == {(2, 0)}

    drive(sessions.run(), steps)


def test_gradients_and_the_last_column() -> None:
    async def steps(driver: Driver) -> None:
        await driver.press("c", "o")
        assert " finite difference" in driver.text()
        await driver.press("o")
        assert "yours − reference" in driver.text()
        await driver.press("a")
        assert "yours  dgamma" in driver.text()
        await driver.press("a", "left_square_bracket", "comma", "right_square_bracket", "v", "x")
        assert "yours  dw" in driver.text() and "↓ " in driver.text()
        await driver.press("a")
        assert "db came back as" in driver.text()
        await driver.press("A", "A", "A")
        assert "yours  dx" in driver.text()

    drive(sessions.run(), steps)
