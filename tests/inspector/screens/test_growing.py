"""The screen while layers are still being checked."""

from __future__ import annotations

from typing import Any

import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.app import InspectApp
from gradcheck_cli.inspector.looking import Target
from gradcheck_cli.inspector.screens.main import MainScreen
from tests.inspector import sessions
from tests.inspector.piloting import WIDE, Driver, drive


def opening(**changes: Any) -> sessions.FakeSession:
    return sessions.FakeSession(
        [], is_live=True, name="folder", is_open=False, opening="1 of 3, right · draw 1 of 3", **changes
    )


async def until(driver: Driver, text: str, *, is_there: bool = True) -> None:
    """The next beats show it, or show it no more."""
    for _ in range(100):
        await driver.pilot.pause(0.1)
        if (text in driver.text()) is is_there:
            return
    raise AssertionError(f"{text!r} does not come, or go:\n{driver.text()}")


def main(driver: Driver) -> MainScreen:
    screen = driver.app.screen_stack[1]
    assert isinstance(screen, MainScreen)
    return screen


def named(name: str, share: float) -> Any:
    report, kept = sessions.norm(share)
    return sessions.replace(report, name=name), sessions.replace(kept, name=name)


def test_layers_come_one_by_one_and_the_first_that_fails_is_looked_at() -> None:
    session = opening()

    async def steps(driver: Driver) -> None:
        await until(driver, "1 of 3, right · draw 1 of 3")
        assert driver.text().count("draw 1 of 3") == 1, "the heading has no room for it, the pane says it once"
        await driver.pilot.press("d", "c", "i", "r", "b", "e", "f", "s", "a", "n", "y", "g", "right_square_bracket")
        assert "no layer is checked yet" in driver.text() and not session.asked
        session.layers = [named("right", 0.0)]
        await until(driver, "✓ right")
        assert "dx  4 × 3  all right" in driver.text()
        await until(driver, "Esc stop")
        session.layers = [named("right", 0.0), named("wrong", 1.0)]
        await until(driver, "✗ wrong")
        assert main(driver).target == Target(1) and "✗ 1 failed  ✓ 1 passed" in driver.text()
        session.layers = [named("right", 0.0), named("wrong", 1.0), named("worse", 1.0)]
        session.all_known.set()
        await until(driver, "✗ worse")
        assert main(driver).target == Target(1)
        for gone in ("draw 1 of 3", "Esc stop"):
            await until(driver, gone, is_there=False)

    drive(session, steps, WIDE)


def test_layers_are_listed_before_they_are_checked() -> None:
    session = opening()
    there = sessions.Waiting("/home/you/project/deep/b.py", "there")

    async def steps(driver: Driver) -> None:
        session.waiting = [sessions.Waiting(sessions.PATH, name) for name in ("right", "wrong")]
        await until(driver, "… wrong")
        assert "… right" in driver.text() and "mylayer.py" not in driver.text()
        session.waiting = [*session.waiting, there]
        await until(driver, "… there")
        assert "mylayer.py" in driver.text() and "deep/b.py" in driver.text()
        await driver.click("… there")
        assert "there is not checked yet" in driver.text()
        session.waiting, session.layers = [session.waiting[1], there], [named("right", 0.0)]
        await until(driver, "✓ right")
        session.waiting, session.layers = [there], [*session.layers, named("wrong", 1.0)]
        await until(driver, "✗ wrong")
        lines = [line for line in driver.lines() if "✓ right" in line or "✗ wrong" in line or "… there" in line]
        assert len(lines) == 3, "each stands where it was listed, and once"
        assert "dx  4 × 3  12 of 12 wrong" not in driver.text(), "who has chosen another waits for that"
        report, kept = named("there", 0.0)
        session.waiting = []
        session.layers = [*session.layers, (sessions.replace(report, path=there.path), kept)]
        await until(driver, "✓ there")
        assert main(driver).target == Target(2)
        session.all_known.set()

    drive(session, steps, WIDE)


def test_what_was_not_checked_is_listed_no_more_when_it_is_stopped() -> None:
    session = opening(waiting=[sessions.Waiting(sessions.PATH, name) for name in ("right", "wrong")])
    session.layers = [named("right", 0.0)]

    async def steps(driver: Driver) -> None:
        session.waiting = session.waiting[1:]
        await until(driver, "… wrong")
        session.waiting = []
        await driver.press("escape")
        await until(driver, "… wrong", is_there=False)
        assert "✓ right" in driver.text()

    drive(session, steps, WIDE)


def test_who_has_gone_elsewhere_stays_there() -> None:
    session = opening(dug=sessions.dug())
    session.layers = [named("right", 0.0), named("other", 0.0)]

    async def steps(driver: Driver) -> None:
        await until(driver, "✓ right")
        await driver.pilot.press("right")
        session.layers = [*session.layers, named("wrong", 1.0)]
        await until(driver, "✗ wrong")
        assert main(driver).target == Target(0)
        session.all_known.set()

    drive(session, steps, WIDE)


def test_files_stand_above_their_layers_once_there_are_two() -> None:
    session = opening()
    session.layers = [named("right", 0.0)]

    async def steps(driver: Driver) -> None:
        await until(driver, "✓ right")
        report, kept = named("there", 0.0)
        session.layers = [*session.layers, (sessions.replace(report, path="/home/you/project/deep/b.py"), kept)]
        await until(driver, "deep/b.py")
        assert "mylayer.py" in driver.text() and "✓ there" in driver.text()
        session.all_known.set()

    drive(session, steps, WIDE)


@pytest.mark.parametrize("has_layers", [True, False])
def test_it_can_be_stopped(has_layers: bool) -> None:
    session = opening()
    session.layers = [named("right", 0.0)] if has_layers else []

    async def steps(driver: Driver) -> None:
        await until(driver, "✓ right" if has_layers else "1 of 3")
        await driver.press("escape")
        if has_layers:
            assert "stopped: 1 layer checked, the others were not" in driver.text()

    app = drive(session, steps)
    assert session.stops == 1 and not session.is_open
    assert app.failure is None and (has_layers or not app.is_running)


def test_it_can_be_left() -> None:
    session = opening()

    async def steps(driver: Driver) -> None:
        await until(driver, "1 of 3")
        await driver.press("q")

    drive(session, steps, WIDE)
    assert session.stops and session.all_known.is_set()


def test_what_cannot_be_opened_is_told_when_the_screen_is_gone() -> None:
    session = opening(failure=UserError("no layers in `folder`"))
    session.all_known.set()

    async def steps(driver: Driver) -> None:
        await driver.pilot.pause(0.2)

    app: InspectApp = drive(session, steps)
    assert isinstance(app.failure, UserError)
