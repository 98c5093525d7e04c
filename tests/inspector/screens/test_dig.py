"""Everything about one element, found out in the background."""

from __future__ import annotations

from gradcheck_cli.inspector.session import Answer, Question
from tests.inspector import sessions
from tests.inspector.piloting import WIDE, Driver, drive, screen_after


def test_the_curve_the_paths_and_the_other_draws() -> None:
    for size in ((80, 24), WIDE):
        text = screen_after(sessions.live(), "d", size=size)
        assert "|difference − reference| over step h" in text
        assert "chosen 1 ± 1e-9  at h = " in text and "steps that agree" in text
        assert "✗   2.5  line 3  x.var(axis=1, keepdims=True)" in text
        assert "together: autodiff" in text and "yours, without ✗" in text
        assert "worst 1 of 12" in text


def test_enter_digs_too() -> None:
    assert "|difference − reference| over step h" in screen_after(sessions.live(), "enter")


def test_what_cannot_be_had_is_said() -> None:
    text = screen_after(sessions.run(), "d")
    assert "It was not kept." in text and "The forward is needed." in text


def test_worst_elements_are_dug_for_one_after_the_other() -> None:
    async def steps(driver: Driver) -> None:
        await driver.press("d", "n")
        assert "worst 2 of 12" in driver.text()
        await driver.press("N")
        assert "worst 1 of 12" in driver.text()
        await driver.press("n", "d")
        assert "worst 2 of 12" in driver.text() and "12 of 12 wrong" in driver.text()

    drive(sessions.live(), steps)


def test_the_screen_stays_alive_and_escape_gives_up() -> None:
    session = sessions.live(doing="differencing")
    session.gate.clear()

    async def steps(driver: Driver) -> None:
        await driver.pilot.press("d")
        await driver.pilot.pause(0.3)
        assert "being found out" in driver.text() and "digging · differencing · Esc gives up" in driver.text()
        await driver.pilot.press("escape")
        await driver.settle()
        assert session.stops == 1 and "12 of 12 wrong" in driver.text()

    drive(session, steps)


def test_the_same_element_under_another_seed() -> None:
    session = sessions.live(mended=False)

    async def steps(driver: Driver) -> None:
        await driver.press("d", "o")
        assert session.asked == [Question(sessions.PATH, "norm", seed=1)]
        assert "seed 1  yours" in driver.text() and "wrong" in driver.text()
        await driver.press("o")
        assert "seed 2" in driver.text()
        session.answer = lambda question: Answer(question, problem="it crashed")
        await driver.press("o")
        assert "it crashed" in driver.text()
        await driver.press("escape")
        assert "checked again" not in driver.text()

    drive(session, steps, WIDE)


def test_a_saved_run_has_no_other_seeds() -> None:
    async def steps(driver: Driver) -> None:
        await driver.press("d", "o")
        assert "is a saved run" in driver.text()
        await driver.press("s")
        assert "def norm_forward" in driver.text()
        await driver.press("escape", "y")
        assert driver.app.clipboard.startswith("norm: dx[")

    drive(sessions.run(), steps)


def test_an_error_of_the_session_is_told() -> None:
    class Broken(sessions.FakeSession):
        def dig(self, *told: object) -> object:  # type: ignore[override]
            raise RuntimeError("the worker died")

    assert "the worker died" in screen_after(Broken([sessions.norm()]), "d")
