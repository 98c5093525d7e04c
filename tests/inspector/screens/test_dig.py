"""Everything about one element, found out in the background."""

from __future__ import annotations

from typing import Any

from gradcheck_cli.inspector.growth import rows_of
from gradcheck_cli.inspector.session import Answer, Dug, Grown, Question
from gradcheck_cli.report.model import Status
from gradcheck_cli.report.network.model import Flow, NetworkReport, Stage
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


def network() -> NetworkReport:
    def stage(name: str, status: Status, error: float, through: float) -> Stage:
        flows = (
            Flow("x", "before", (4, 3), 1.0, error=error / 2, through=0.0),
            Flow("w", "", (3,), 1.0, None, error, through),
        )
        return Stage(name, "affine", sessions.PATH, 11, 30, ((4, 3),), 1.0, flows, status)

    right = [stage(f"fc{at}", Status.PASS, 1e-17, 0.5) for at in range(3, 12)]
    return NetworkReport((stage("fc1", Status.PASS, 0.0, 0.7), stage("fc2", Status.FAIL, 0.25, 0.6), *right), "fc2")


def of_a_network(dug: Dug, **changes: Any) -> sessions.FakeSession:
    report, kept = sessions.norm()
    session = sessions.live(**changes)
    session.layers, session.dug = [(sessions.replace(report, network=network()), kept)], dug
    return session


def test_of_a_network_it_is_told_which_layer_adds_which_error() -> None:
    dug = Dug(sessions.curve(), growth=(Grown("fc2", 1.25),))
    text = screen_after(of_a_network(dug), "d", size=WIDE)
    assert "how the error grew, layer by layer on the way back" in text
    ends = ("fc11", "7 layers that are right", "fc3", "fc2", "fc1")
    rows = text.split("\n")
    order = [next(at for at, line in enumerate(rows) if line.endswith(f" {end}")) for end in ends]
    assert order == sorted(order), "the last layer first, and many that are right as one"
    (wrong,) = (line for line in rows if " fc2" in line and "✗" in line)
    assert "1.25" in wrong and "0.25" in wrong and "0.6" in wrong
    assert "together: yours − autodiff" in text and "path by path" not in text


def test_of_a_saved_network_the_errors_are_told_and_why_no_more_is() -> None:
    text = screen_after(of_a_network(Dug(why={"contributions": "The forward is needed for it."})), "d", size=WIDE)
    assert "0.25" in text and "The forward is needed for it." in text and "together" not in text


def test_a_parameter_is_on_the_way_of_the_layers_behind_it() -> None:
    rows = rows_of(network(), Dug(), "fc2.w")
    assert [row.name for row in rows] == ["fc11", "", "fc3", "fc2"]
    assert rows[1].left_out == 7 and {row.adds for row in rows} == {None}
    assert rows_of(network(), Dug(growth=()), "x")[-1].adds == 0.0
