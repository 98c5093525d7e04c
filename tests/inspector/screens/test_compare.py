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


def shown(driver: Driver) -> list[str]:
    return [str(each.id) for each in compared(driver).maps()]


def test_each_gradient_has_the_columns_that_were_chosen_for_it() -> None:
    async def steps(driver: Driver) -> None:
        await driver.press("c")
        assert shown(driver) == ["yours", "autodiff", "error"]
        await driver.press("3", "5", "2", "down")
        assert shown(driver) == ["yours", "difference", "error", "ratio"]
        for heading in ("finite difference", "yours / reference"):
            assert heading in driver.text()
        assert len({(each.view.index, each.view.top, each.cells) for each in compared(driver).maps()}) == 1
        await driver.press("a")
        assert shown(driver) == ["yours", "autodiff", "error"]
        await driver.press("6", "7")
        assert "error in tolerances" in driver.text() and "input  gamma" in driver.text()
        await driver.press("A")
        assert shown(driver) == ["yours", "difference", "error", "ratio"]
        await driver.press("1", "3", "4")
        assert shown(driver) == ["ratio"] and compared(driver).focused is compared(driver).lead
        await driver.press("5")
        assert shown(driver) == ["ratio"] and "one column stays" in driver.text()
        await driver.press("down", "1")
        assert shown(driver) == ["yours", "ratio"]

    for size in ((80, 24), WIDE):
        drive(sessions.run(), steps, size)


def test_without_autodiff_there_is_the_finite_difference() -> None:
    report, kept = sessions.norm()
    arrays = {("reference" if name == "autodiff" else name): held for name, held in kept.leaves[0].arrays.items()}
    session = sessions.run()
    session.layers = [(report, sessions.replace(kept, leaves=(sessions.replace(kept.leaves[0], arrays=arrays),)))]

    async def steps(driver: Driver) -> None:
        await driver.press("c")
        assert shown(driver) == ["yours", "difference", "error"]

    drive(session, steps)


def test_it_is_told_which_argument_has_which_gradient() -> None:
    assert "function pair: x → dx" in screen_after(sessions.run(), "c")


def test_gradients() -> None:
    async def steps(driver: Driver) -> None:
        await driver.press("c", "a")
        assert "yours  dgamma" in driver.text()
        await driver.press("a", "left_square_bracket", "comma", "right_square_bracket", "v", "x")
        assert "yours  dw" in driver.text() and "↓ " in driver.text()
        await driver.press("a")
        assert "db came back as" in driver.text()
        await driver.press("A", "A", "A")
        assert "yours  dx" in driver.text()

    drive(sessions.run(), steps)


def test_what_keys_cannot_do_here_is_said_here() -> None:
    async def steps(driver: Driver) -> None:
        await driver.press("c", "left_square_bracket")
        assert "there are no other slices" in driver.text()
        await driver.press("a", "n")
        assert "nothing is wrong here" in driver.text()

    drive(sessions.run(), steps)
