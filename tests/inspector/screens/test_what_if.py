"""Questions that are typed: other values, seeds, sizes; an index to go to."""

from __future__ import annotations

from gradcheck_cli.inspector.session import Answer, Edit, Question
from tests.inspector import sessions
from tests.inspector.piloting import Driver, drive


def test_a_value_under_the_cursor_is_set() -> None:
    session = sessions.live()

    async def steps(driver: Driver) -> None:
        await driver.press("g", *"1", "comma", *"2", "enter", "i")
        assert "What if … norm" in driver.text() and "0.5 now" in driver.text()
        await driver.press(*"2.5", "enter")
        assert session.asked == [Question(sessions.PATH, "norm", edits=(Edit("x", 5, 2.5),), draw=0)]
        assert "x[1, 2] = 2.5: norm passes now · dx 12 mended" in driver.text()
        assert "12 mended" in driver.text()

    drive(session, steps)


def test_a_seed_and_a_size() -> None:
    session = sessions.live()

    async def steps(driver: Driver) -> None:
        await driver.press("i", "tab", *"7", "tab", "end", "backspace", *"6", "enter")
        assert session.asked == [Question(sessions.PATH, "norm", seed=7, dimensions=(("N", 6),))]
        await driver.press("i", "enter")
        assert "nothing is changed" in driver.text() or "What if" in driver.text()

    drive(session, steps)


def test_sizes_are_those_of_the_draw_that_is_shown_and_a_complaint_ends_with_the_next_letter() -> None:
    async def steps(driver: Driver) -> None:
        await driver.press("i")
        assert "sizes, as in draw 1; a new one counts in every draw" in driver.text()
        await driver.press("tab", "tab", "end", "backspace", "enter")
        assert "N is a size from 1" in driver.text()
        await driver.press("5")
        assert "N is a size from 1" not in driver.text()

    drive(sessions.live(), steps)


def test_a_long_name_has_a_line_of_its_own() -> None:
    report, kept = sessions.norm()
    name = "params['encoder']['layer'][0]['weight']"
    arguments = (sessions.replace(kept.arguments[0], name=name), *kept.arguments[1:])
    session = sessions.live()
    session.layers = [(report, sessions.replace(kept, arguments=arguments))]

    async def steps(driver: Driver) -> None:
        await driver.press("i")
        assert name in driver.text() and "0.5 now" in driver.text()

    drive(session, steps)


def test_what_cannot_be_asked_is_said_in_place() -> None:
    session = sessions.live()

    async def steps(driver: Driver) -> None:
        await driver.press("i", "enter")
        assert "nothing is changed" in driver.text()
        await driver.press(*"much", "enter")
        assert "a value of x is a number" in driver.text()
        await driver.press("backspace", "backspace", "backspace", "backspace", *"1", "tab", *"3", "enter")
        assert "either a value, or another draw" in driver.text()
        await driver.press("backspace", *"x", "enter")
        assert "a seed is a whole number" in driver.text()
        await driver.press("escape")
        assert session.asked == [] and "12 of 12 wrong" in driver.text()

    drive(session, steps)


def test_another_input_can_be_chosen() -> None:
    session = sessions.live()

    async def steps(driver: Driver) -> None:
        await driver.press("i", "shift+tab", "shift+tab", "enter", "down", "down", "enter")
        assert "1 now" in driver.text()
        await driver.press("tab", "tab", *"9", "enter")
        assert session.asked[0].edits == (Edit("dout", 0, 9.0),)

    drive(session, steps)


def test_questions_wait_for_each_other() -> None:
    session = sessions.live()
    session.gate.clear()

    async def steps(driver: Driver) -> None:
        await driver.pilot.press("r", "i", "3", "enter")
        await driver.pilot.pause(0.3)
        assert len(session.asked) == 1 and "· 1 more" in driver.text()
        session.gate.set()
        await driver.settle()
        await driver.settle()
        assert len(session.asked) == 2

    drive(session, steps)


def test_an_answer_about_what_is_not_looked_at() -> None:
    session = sessions.live()
    session.layers = [*session.layers, sessions.kinked()]
    session.answer = lambda question: Answer(question, *sessions.norm(0.0))

    async def steps(driver: Driver) -> None:
        await driver.pilot.press("r")
        await driver.pilot.press("a", "a")
        await driver.settle()
        assert "dx  2 × 4" in driver.text() and "✓ 1 passed" in driver.text()

    drive(session, steps)


def test_an_index_that_is_none_is_refused() -> None:
    async def steps(driver: Driver) -> None:
        await driver.press("g")
        assert "(N=4, D=3)" in driver.text()
        await driver.press("9", "enter")
        assert "2 numbers are needed" in driver.text()
        await driver.press("escape")
        assert "12 of 12 wrong" in driver.text()

    drive(sessions.run(), steps)
