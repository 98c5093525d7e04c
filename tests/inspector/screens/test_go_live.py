"""A saved run whose module is at hand, on the screen and read out."""

from __future__ import annotations

from typing import Any

from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.looking import Looking
from gradcheck_cli.inspector.plain.commands import Commands
from gradcheck_cli.inspector.session import Answer, Question
from tests.inspector import sessions
from tests.inspector.piloting import NARROW, Driver, drive, screen_after

CHANGED = "`mylayer.py` is here, and has changed since this was saved"


def saved(**changes: Any) -> sessions.FakeSession:
    """`norm` is mended since, `other` is broken."""

    def named(share: float) -> Any:
        report, kept = sessions.norm(share)
        return sessions.replace(report, name="other"), sessions.replace(kept, name="other")

    def answer(question: Question) -> Answer:
        return Answer(question, *(sessions.norm(0.0) if question.layer == "norm" else named(1.0)))

    return sessions.FakeSession([sessions.norm(), named(0.0)], answer=answer, at_hand=CHANGED, **changes)


def test_it_is_said_that_the_module_is_here_and_a_key_checks_all_again() -> None:
    session = saved()

    async def steps(driver: Driver) -> None:
        assert f"{CHANGED}: L checks it again" in driver.text()
        assert "saved run, L goes live" in driver.text() and "L go live" in driver.text()
        assert "w watch" not in driver.text() and not session.asked
        await driver.press("r")
        assert f"L goes live first: {CHANGED}" in driver.text() and not session.asked
        await driver.press("L")
        assert [question.layer for question in session.asked] == ["norm", "other"]
        assert "norm passes now · dx 12 mended, none wrong; other fails now · dx 12 broken" in driver.text()
        assert "run.npz  live" in driver.text() and "L go live" not in driver.text() and "w watch" in driver.text()
        await driver.press("L")
        assert len(session.asked) == 2 and "it is live" in driver.text()
        await driver.press("b")
        assert "dx  4 × 3  12 of 12 wrong" in driver.text()

    drive(session, steps, (140, 30))


def test_without_a_module_nothing_changes() -> None:
    session = sessions.run()

    async def steps(driver: Driver) -> None:
        assert "go live" not in driver.text() and "goes live" not in driver.text()
        await driver.press("L")
        assert not session.is_live and "without the module" in driver.text()

    drive(session, steps)


def test_what_stands_in_the_way_is_said() -> None:
    session = saved()

    def fail() -> None:
        raise UserError("`pyproject.toml` has no such option")

    session.go_live = fail  # type: ignore[method-assign]
    assert "`pyproject.toml` has no such option" in screen_after(session, "L", size=NARROW)
    assert not session.asked


def test_read_out() -> None:
    commands = Commands(Looking(saved()))
    assert f"{CHANGED}." in commands.beginning()
    assert "the word live checks it again" in " ".join(commands.answer("check").split())
    told = commands.answer("live")
    assert told.split("\n") == [
        f"{CHANGED}.",
        "norm passes now; dx 12 mended, none wrong",
        "other fails now; dx 12 broken, 12 wrong",
    ]
    assert commands.answer("live").startswith("It is live")
    assert "without the module" in Commands(Looking(sessions.run())).answer("live")
