"""The source and the findings, as large as the screen."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from gradcheck_cli.inspector.looking import Looking, Target
from gradcheck_cli.inspector.plain.commands import Commands
from gradcheck_cli.saved.model import Held, KeptInput
from tests.inspector import sessions
from tests.inspector.piloting import WIDE, Driver, drive, screen_after


def test_the_wrong_line_is_one_key_away_and_in_the_middle() -> None:
    report, kept = sessions.norm()
    before = "\n".join(f"    # line {number}" for number in range(60))
    long = sessions.FORWARD.replace("\n    mean", "\n" + before + "\n    mean").replace(
        "\n    return", "\n" + before + "\n    return"
    )
    blame = replace(report.findings[0].blame, line=63, end_line=63)
    report = replace(report, findings=(replace(report.findings[0], blame=blame, line=200),))
    sources = (replace(kept.sources[0], text=long), replace(kept.sources[1], line=200))
    session = sessions.FakeSession([(report, replace(kept, sources=sources))])
    lines = screen_after(session, "s").split("\n")
    at = next(row for row, line in enumerate(lines) if "▶  63" in line)
    assert 4 <= at <= 8
    assert "× 0 in your backward" in lines[at + 1]


def test_forward_and_backward() -> None:
    for size in ((80, 24), WIDE):
        text = screen_after(sessions.run(), "s", size=size)
        assert "forward  mylayer.py:3" in text and "backward  mylayer.py:11" in text
        assert "def norm_backward" in text and "your dx has no contribution" in text


def test_keys_of_the_source() -> None:
    async def steps(driver: Driver) -> None:
        await driver.press("s")
        assert driver.app.focused is not None and driver.app.focused.id == "forward"
        await driver.press("tab")
        assert driver.app.focused is not None and driver.app.focused.id == "backward"
        await driver.press("e")
        assert "is not on this machine" in driver.app.message
        await driver.press("question_mark", "escape", "escape")
        assert "12 of 12 wrong" in driver.text()
        await driver.press("s", "s")
        assert "12 of 12 wrong" in driver.text()

    drive(sessions.run(), steps)


def test_findings_one_after_the_other() -> None:
    report, kept = sessions.norm()
    second = replace(report.findings[0], code="GC206", blame=None, message="`dgamma` is summed wrongly", line=14)
    session = sessions.FakeSession([(replace(report, findings=(report.findings[0], second)), kept)])

    async def steps(driver: Driver) -> None:
        await driver.press("s")
        assert "finding 1 of 2" in driver.text()
        await driver.press("n")
        assert "finding 2 of 2" in driver.text() and "GC206" in driver.text() and "▶ 14" in driver.text()
        await driver.press("N")
        assert "finding 1 of 2" in driver.text()

    drive(session, steps)


def test_a_finding_without_blame_is_read_in_the_backward() -> None:
    report, kept = sessions.norm()
    finding = replace(report.findings[0], blame=None)
    session = sessions.FakeSession([(replace(report, findings=(finding,)), kept)])

    async def steps(driver: Driver) -> None:
        assert "backward  mylayer.py:11" in driver.text()
        await driver.press("s")
        assert driver.app.focused is not None and driver.app.focused.id == "backward"

    drive(session, steps, WIDE)


def test_all_that_is_known_of_a_layer() -> None:
    async def steps(driver: Driver) -> None:
        await driver.press("f")
        text = driver.text()
        assert "GC209 path-dropped" in text and "gradcheck run mylayer.py::norm --seed 0" in text
        assert "assert False" in text
        await driver.press("Y")
        assert driver.app.clipboard.startswith("gradcheck run")
        await driver.press("S")
        assert driver.app.clipboard.startswith("import numpy")
        await driver.press("e")
        assert "is not on this machine" in driver.app.message
        await driver.press("s")
        assert "def norm_forward" in driver.text()
        await driver.press("escape", "f")
        assert "12 of 12 wrong" in driver.text()

    drive(sessions.run(), steps, WIDE)


def test_a_layer_that_could_not_be_run() -> None:
    async def steps(driver: Driver) -> None:
        driver.app.screen_stack[1].choose(Target(0))  # type: ignore[attr-defined]
        await driver.press("f")
        assert "raises: boom" in driver.text()
        await driver.press("escape", "s")
        assert "its source was not kept" in driver.text()

    drive(sessions.run(), steps)


def test_it_is_told_what_goes_in_and_what_comes_back() -> None:
    report, kept = sessions.norm()
    others = (KeptInput("labels", ("N",), "", Held(np.arange(4))), KeptInput("eps", shown="1e-05"))
    session = sessions.run()
    session.layers = [(report, sessions.replace(kept, arguments=(*kept.arguments, *others)))]
    text = screen_after(session, "f", size=WIDE)
    for row in (
        r"x +\(N=4, D=3\) float64 +→ dx \(4, 3\) float64",
        r"labels +\(N=4\) int64 +no gradient",
        r"eps += 1e-05 +no gradient",
        r"dout +\(4, 3\) float64, upstream",
    ):
        assert re.search(row, text), row
    told = Commands(Looking(session)).answer("convention")
    assert "  x (N=4, D=3) float64: dx (4, 3) float64\n" in told and "  eps = 1e-05: no gradient\n" in told
