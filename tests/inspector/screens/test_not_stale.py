"""What is on top of the first screen when a layer is checked again, by a file that was saved."""

from __future__ import annotations

import pytest

from gradcheck_cli.inspector.session import Answer
from tests.inspector import sessions
from tests.inspector.piloting import WIDE, Driver, drive


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("c", "-2.45", "0"),
        ("f", "GC209 path-dropped", "nothing is wrong"),
        ("s", "GC209 path-dropped", "norm passes now"),
        ("d", "✗ wrong", "✓ right"),
    ],
)
def test_it_shows_what_is_now(key: str, before: str, after: str) -> None:
    session = sessions.live()
    _, kept = sessions.norm()
    yours, autodiff = (kept.leaves[0].read(name) for name in ("yours", "autodiff"))
    assert yours is not None and autodiff is not None
    if key == "c":  # the error where the cursor is
        before = f"{(yours - autodiff)[3, 2]:.3g}"

    async def steps(driver: Driver) -> None:
        await driver.press(key)
        assert before in driver.text()
        driver.app.check_all_again()
        await driver.settle()
        assert before not in driver.text() and after in driver.text()
        if key != "d":  # there the last line tells what is dug for
            assert "norm passes now · dx 12 mended, none wrong" in driver.text()
        await driver.press("escape")
        assert "dx  4 × 3  all right" in driver.text()

    drive(session, steps, WIDE)


def test_what_cannot_be_dug_into_any_more_is_left() -> None:
    session = sessions.live()
    session.answer = lambda question: Answer(question, sessions.norm()[0])

    async def steps(driver: Driver) -> None:
        await driver.press("d")
        driver.app.check_all_again()
        await driver.settle()
        assert "over step h" not in driver.text() and "No arrays were kept" in driver.text()

    drive(session, steps, WIDE)


def test_what_is_being_checked_is_told_on_every_screen() -> None:
    async def steps(driver: Driver) -> None:
        for key in ("c", "f", "s"):
            await driver.press(key)
            driver.app.say("checking norm again")
            await driver.pilot.pause()
            assert "checking norm again" in driver.lines()[-2]
            driver.app.say("")
            await driver.press("escape")

    drive(sessions.live(), steps, WIDE)
