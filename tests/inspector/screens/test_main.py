"""Every key of the first screen, and the mouse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
from rich.cells import cell_len

from gradcheck_cli.inspector.keys import MAIN
from gradcheck_cli.inspector.looking import Target
from gradcheck_cli.inspector.screens.main import MainScreen
from gradcheck_cli.inspector.session import Answer, Question
from gradcheck_cli.inspector.telling import short_name
from gradcheck_cli.report.model import Finding
from tests.inspector import sessions
from tests.inspector.piloting import WIDE, Driver, drive, screen_after


def main(driver: Driver) -> MainScreen:
    screen = driver.app.screen_stack[1]
    assert isinstance(screen, MainScreen)
    return screen


def test_it_begins_at_the_worst_element_of_what_failed_first() -> None:
    text = screen_after(sessions.run())
    assert "dx  4 × 3  12 of 12 wrong" in text
    assert "worst 1 of 12" in text
    assert "GC209 path-dropped  mylayer.py:3" in text


def test_the_cursor_moves() -> None:
    async def steps(driver: Driver) -> None:
        view = lambda: main(driver).lead.view.index  # noqa: E731
        await driver.press("g")
        await driver.press("1", "comma", "1", "enter")
        assert view() == (1, 1)
        for keys, index in (
            (("left",), (1, 0)),
            (("l",), (1, 1)),
            (("right",), (1, 2)),
            (("right",), (1, 2)),
            (("h",), (1, 1)),
            (("down", "j"), (3, 1)),
            (("up",), (2, 1)),
            (("k",), (1, 1)),
            (("pagedown",), (3, 1)),
            (("pageup",), (0, 1)),
            (("end",), (0, 2)),
            (("home",), (0, 0)),
        ):
            await driver.press(*keys)
            assert view() == index, keys
        assert "dx[0, 0]" in driver.text()

    drive(sessions.run(), steps)


def test_worst_elements_are_one_key_away() -> None:
    async def steps(driver: Driver) -> None:
        screen = main(driver)
        assert screen.lead.leaf is not None
        worst = screen.lead.leaf.heat.worst.tolist()
        assert screen.lead.view.position == worst[0]
        await driver.press("n")
        assert screen.lead.view.position == worst[1]
        assert "worst 2 of 12" in driver.text()
        await driver.press("N", "N")
        assert screen.lead.view.position == worst[-1]
        assert "the worst again, after 12 elements" in driver.text()

    drive(sessions.run(), steps)


def test_slices_and_axes_of_a_gradient_of_rank_four() -> None:
    async def steps(driver: Driver) -> None:
        screen = main(driver)
        screen.choose(Target(2, 0))
        await driver.settle()
        view = lambda: screen.lead.view  # noqa: E731
        assert (view().rows, view().columns, view().step) == (2, 3, 0)
        assert view().index[:2] == (1, 2)
        await driver.press("left_square_bracket")
        assert view().index[:2] == (0, 2)
        await driver.press("right_square_bracket", "right_square_bracket")
        assert view().index[:2] == (0, 2)
        await driver.press("comma", "right_square_bracket")
        assert view().step == 1 and view().index[:2] == (0, 0)
        await driver.press("v")
        assert (view().rows, view().columns) == (0, 3)
        assert "↓ F  → W" in driver.text()
        await driver.press("x")
        assert (view().rows, view().columns) == (0, 1)
        await driver.press("t")
        assert (view().rows, view().columns) == (1, 0)

    drive(sessions.run(), steps)


def test_a_matrix_has_no_slices() -> None:
    assert "there are no other slices" in screen_after(sessions.run(), "right_square_bracket")
    assert "there are no other axes" in screen_after(sessions.run(), "v")


def test_zoom() -> None:
    async def steps(driver: Driver) -> None:
        screen = main(driver)
        screen.choose(Target(0, 0))
        await driver.settle()
        assert "cells of 16 × 16" in driver.text()
        await driver.press("plus")
        assert "cells of 8 × 8" in driver.text()
        await driver.press("equals_sign", "plus", "plus")
        assert "one element a cell" in driver.text()
        await driver.press("plus", "plus")
        assert "yours − reference" in driver.text()
        await driver.press("minus")
        assert "one element a cell" in driver.text()
        await driver.press("0")
        assert "cells of 16 × 16" in driver.text()

    autodiff = np.ones((200, 300))
    yours = autodiff.copy()
    yours[150, 40] = 5
    drive(sessions.FakeSession([sessions.layer("wide", [sessions.leaf("w", yours, autodiff)])]), steps)


def test_gradients_one_after_the_other() -> None:
    async def steps(driver: Driver) -> None:
        await driver.press("a")
        assert "dgamma  3  all right" in driver.text()
        assert "nothing is wrong: an error" not in driver.text()
        await driver.press("n")
        assert "nothing is wrong here" in driver.text()
        await driver.press("a")
        assert main(driver).target == Target(2, 0)
        await driver.press("a")
        assert "db has another shape" in driver.text()
        await driver.press("A", "A", "A", "A")
        assert main(driver).target == Target(0, 0)
        assert "could not be run" in driver.text()

    drive(sessions.run(), steps)


def test_marks_are_characters_with_words() -> None:
    async def steps(driver: Driver) -> None:
        main(driver).choose(Target(3, 0))
        await driver.press("minus")
        text = driver.text()
        assert "~ kink" in text and "? unknown" in text and "! not finite" in text
        row = next(line for line in driver.lines() if "0▸" in line)
        assert row.endswith(" · ! ~ ·")

    drive(sessions.run(), steps)


def test_complex_elements_are_shown_whole() -> None:
    autodiff = np.full((2, 3), -1.234 + 2.345j)
    yours = autodiff * (1 - 3e-7j)
    z = sessions.leaf("z", yours, autodiff)
    text = screen_after(sessions.FakeSession([sessions.layer("spin", [z])]), size=WIDE)
    assert "7.04e-7+3.7e-7j" in text and "too small" in text


def test_where_all_that_is_wrong_is_not_finite_there_is_no_scale() -> None:
    x = sessions.leaf("x", np.full((2, 3), np.nan), np.ones((2, 3)))
    text = screen_after(sessions.FakeSession([sessions.layer("nowhere", [x])]))
    assert "! not finite" in text and "too small" not in text and "tolerances" not in text


def test_names_and_paths_that_are_too_long_leave_room_for_the_rest() -> None:
    report, kept = sessions.norm()
    path = "/home/you/project/" + "a_folder_with_a_long_name/" * 4 + "mylayer.py"
    (finding,) = report.findings
    assert finding.blame is not None
    finding = sessions.replace(finding, path=path, blame=sessions.replace(finding.blame, path=path))
    name = "norm_of_a_very_long_name_that_goes_on_and_on"
    long = sessions.replace(report, name=name, path=path, findings=(finding,))
    session = sessions.FakeSession([(long, sessions.replace(kept, name=name, path=path)), sessions.conv()])
    text = screen_after(session)
    assert "norm_of_a_very_long_nam…  GC209 path-dropped  …/mylayer.py:3" in text
    assert "✗ 2 failed" in text and "…/mylayer.py" in text.splitlines()[2]
    assert "dx[" in screen_after(session, "d").splitlines()[0]
    assert short_name("params['encoder']['layer'][0]['w']") == "…oder']['layer'][0]['w']"
    assert short_name("層正規化" * 4) == "層正規化層正規化層正規 …" and cell_len(short_name("層正規化" * 4)) == 24
    assert screen_after(session, "s").startswith(f" source of {name}")
    assert "…/mylayer.py:3" in screen_after(session, "s").splitlines()[1]


def test_letters_that_could_be_markup_are_letters() -> None:
    report, kept = sessions.norm()
    leaf = sessions.replace(kept.leaves[0], name="x[/b]", gradient_name="dx[/b]")
    argument = sessions.replace(report.arguments[0], name="x[/b]", gradient_name="dx[/b]")
    strange = sessions.replace(report, arguments=(argument, *report.arguments[1:]), findings=())
    given = sessions.replace(kept.arguments[0], name="x[/b]")
    session = sessions.live()
    changed = sessions.replace(kept, leaves=(leaf, *kept.leaves[1:]), arguments=(given, *kept.arguments[1:]))
    session.layers = [(strange, changed)]
    for key, text in (("", "dx[/b]"), ("c", "dx[/b]"), ("d", "dx[/b]"), ("g", "of dx[/b]"), ("i", "x[/b]")):
        assert text in screen_after(session, *key)


def test_a_short_terminal_has_room_for_the_list() -> None:
    lines = screen_after(sessions.run(), size=(60, 15)).splitlines()
    assert len(lines) == 15 and "q quit" in lines[-1]
    assert any("✗ dx" in line for line in lines[:6]) and any("yours" in line for line in lines)
    assert sum("key" in line or "worst  s source" in line for line in lines) == 1


def test_tab_goes_round_the_panes_and_the_list_chooses() -> None:
    async def steps(driver: Driver) -> None:
        seen = []
        for _ in range(6):
            seen.append(driver.app.focused.id if driver.app.focused else "")
            await driver.press("tab")
        assert seen[0] == "map" and {"layers", "element-pane", "source-pane", "finding-pane"} <= set(seen)
        while driver.app.focused is None or driver.app.focused.id != "layers":
            await driver.press("shift+tab")
        await driver.press("down", "enter")
        assert "dgamma  3  all right" in driver.text()

    drive(sessions.run(), steps, WIDE)


def test_the_mouse() -> None:
    async def steps(driver: Driver) -> None:
        await driver.click("✓ dgamma")
        assert "dgamma  3  all right" in driver.text()
        await driver.click("✗ dx")
        number = next(line for line in driver.lines() if line.lstrip(" │").startswith("2  ") or " 2  " in line[34:40])
        y = driver.lines().index(number)
        await driver.pilot.click(offset=(34 + 1 + 3 + 25, y))
        await driver.settle()
        assert main(driver).lead.view.index == (2, 2)
        await driver.click("n N worst")
        assert main(driver).lead.view.index != (2, 2)
        await driver.click("? help")
        assert "Next worst element" in driver.text()

    drive(sessions.run(), steps)


def test_copying() -> None:
    async def steps(driver: Driver) -> None:
        await driver.press("y")
        assert driver.app.clipboard.startswith("norm: dx[") and "autodiff" in driver.app.clipboard
        await driver.press("Y")
        assert driver.app.clipboard == "gradcheck run mylayer.py::norm --seed 0"
        await driver.press("S")
        assert driver.app.clipboard == "import numpy as np\nassert False"
        assert "copied the script" in driver.text()
        await driver.press("a", "a")
        await driver.press("S")
        assert "there is no script to copy" in driver.text()

    drive(sessions.run(), steps, WIDE)


def test_what_needs_the_module_says_so_in_a_saved_run() -> None:
    async def steps(driver: Driver) -> None:
        for key in ("i", "r", "w"):
            await driver.press(key)
            assert "is a saved run, without the module" in driver.text()
            driver.app.say("")
        await driver.press("e")
        assert "mylayer.py is not on this machine" in driver.text()

    drive(sessions.run(), steps)


def test_a_layer_is_checked_again_and_what_got_better_is_said() -> None:
    async def steps(driver: Driver) -> None:
        await driver.press("r")
        text = driver.text()
        assert "norm passes now · dx 12 mended, none wrong" in text
        assert "✓ 1 passed" in text and "dx  4 × 3  all right" in text and "+ mended" in text
        await driver.press("b")
        assert "✗ 1 failed" in driver.text() and "12 of 12 wrong" in driver.text()
        await driver.press("b")
        assert "this is how it was when it was opened" in driver.text()

    drive(sessions.live(), steps)


def test_the_screen_stays_alive_while_a_layer_is_checked_and_escape_stops_it() -> None:
    session = sessions.live()
    session.gate.clear()

    async def steps(driver: Driver) -> None:
        before = main(driver).lead.view.index
        await driver.pilot.press("r")
        await driver.pilot.press("n")
        await driver.pilot.pause()
        assert main(driver).lead.view.index != before
        assert "checking norm again" in driver.text() and "Esc stops" in driver.text()
        await driver.press("escape")
        assert session.stops == 1
        assert "It was stopped." in driver.text()
        assert "12 of 12 wrong" in driver.text()

    drive(session, steps)


def test_a_problem_changes_nothing() -> None:
    session = sessions.live()
    session.answer = lambda question: Answer(question, problem="mylayer.py:3: invalid syntax")

    async def steps(driver: Driver) -> None:
        await driver.press("r")
        assert "mylayer.py:3: invalid syntax" in driver.text()
        assert "12 of 12 wrong" in driver.text()

    drive(session, steps)


def test_files_are_watched(tmp_path: Path) -> None:
    file = tmp_path / "mylayer.py"
    file.write_text("before")
    session = sessions.live(watched=[str(file)])

    async def steps(driver: Driver) -> None:
        await driver.press("w")
        assert "watching" in driver.text()
        driver.app._look_at_files()
        assert session.asked == []
        file.write_text("after it")
        driver.app._look_at_files()
        await driver.settle()
        assert session.asked == [Question(sessions.PATH, "norm")]
        assert "12 mended" in driver.text()
        await driver.press("w")
        file.write_text("after it all")
        driver.app._look_at_files()
        assert len(session.asked) == 1

    drive(session, steps)


def test_that_others_pass_still_does_not_hide_what_happened_to_one() -> None:
    passing, kept = sessions.norm(0.0)
    other = replace(passing, name="other"), replace(kept, name="other")

    def answer(question: Question) -> Answer:
        if question.layer == "other":
            return Answer(question, *other)
        return Answer(question, problem="GC502 norm_forward raised NameError")

    session = sessions.live()
    session.layers, session.answer = [sessions.norm(), other], answer

    async def steps(driver: Driver) -> None:
        driver.app.check_all_again()
        await driver.settle()
        assert [question.layer for question in session.asked] == ["norm", "other"]
        assert "GC502 norm_forward raised NameError" in driver.text()
        driver.app._beat()
        await driver.pilot.pause()
        assert "Esc stop" not in driver.text()
        driver.app.ask(Question(sessions.PATH, "other"))
        await driver.settle()
        assert "other still passes" in driver.text()

    drive(session, steps)


def test_the_editor_opens_at_the_line_and_what_was_changed_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mylayer.py"
    file.write_text("before")
    session = sessions.live()
    report, kept = norm = sessions.norm()
    blame = replace(report.findings[0].blame, path=str(file), line=3)
    session.layers = [(replace(report, findings=(replace(report.findings[0], blame=blame),)), kept)]
    del norm
    ran: list[list[str]] = []

    def edit(command: list[str], check: bool) -> CompletedProcess[str]:
        ran.append(command)
        file.write_text("after it")
        return CompletedProcess(command, 0)

    monkeypatch.setenv("EDITOR", "nano")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setattr("gradcheck_cli.inspector.app.subprocess.run", edit)

    async def steps(driver: Driver) -> None:
        from contextlib import nullcontext

        await driver.press("e")
        assert driver.app.message.startswith("this terminal cannot be lent to an editor: nano +3")
        monkeypatch.setattr(driver.app, "suspend", nullcontext)
        await driver.press("e")
        assert ran == [["nano", "+3", str(file)]]
        assert "12 mended" in driver.text()

    drive(session, steps)


@pytest.mark.parametrize(
    ("editor", "told"),
    [("not-a-real-editor", "does not start: No such file or directory"), ("false", "ended with 1")],
)
def test_an_editor_that_fails_gives_the_screen_back(
    editor: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.py").touch()
    monkeypatch.setenv("EDITOR", editor)
    monkeypatch.delenv("VISUAL", raising=False)
    given_back: list[bool] = []

    @contextmanager
    def lend() -> Iterator[None]:
        yield
        given_back.append(True)  # as Textual does it: not where something was raised

    async def steps(driver: Driver) -> None:
        monkeypatch.setattr(driver.app, "suspend", lend)
        driver.app.edit(str(tmp_path / "m.py"), 3)
        assert told in driver.app.message
        assert given_back

    drive(sessions.run(), steps)


def test_what_the_line_has_no_room_for_is_shown_whole() -> None:
    async def steps(driver: Driver) -> None:
        driver.app.say("word " * 30 + "[the end]")
        await driver.settle()
        assert "[the end]" in driver.text()

    drive(sessions.run(), steps)


def test_themes_come_round() -> None:
    async def steps(driver: Driver) -> None:
        seen = [driver.app.theme]
        for _ in range(3):
            await driver.press("T")
            seen.append(driver.app.theme)
        assert seen == ["gradcheck-dark", "gradcheck-light", "gradcheck-plain", "gradcheck-dark"]

    drive(sessions.run(), steps)


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert drive(sessions.run(), lambda driver: driver.settle()).theme == "gradcheck-plain"


def test_the_palette_knows_every_key() -> None:
    async def steps(driver: Driver) -> None:
        commands = list(driver.app.get_system_commands(driver.app.screen))
        assert {command.title for command in commands} == {key.long for key in MAIN} - {"All commands, to be searched"}
        await driver.press("ctrl+p")
        await driver.press(*"all about", "enter")
        await driver.settle()
        await driver.press("enter")
        assert "|difference − reference| over step h" in driver.text()

    drive(sessions.run(), steps)


def test_quit() -> None:
    session = sessions.run()

    async def steps(driver: Driver) -> None:
        await driver.press("q")
        assert not driver.app.is_running or driver.app._exit

    drive(session, steps)
    assert session.stops == 1


def test_a_damaged_file_is_told_in_place() -> None:
    report, kept = sessions.norm()
    arrays = {**kept.leaves[0].arrays, "yours": sessions.Damaged((4, 3))}
    damaged = replace(kept, leaves=(replace(kept.leaves[0], arrays=arrays), kept.leaves[1]))
    session = sessions.FakeSession([(report, damaged)])

    async def steps(driver: Driver) -> None:
        assert "is damaged" in driver.text()
        await driver.press("n", "d", "c", "y", "left", "plus", "g")
        assert "is damaged" in driver.text()
        await driver.press("a")
        assert "dgamma  3  all right" in driver.text()

    drive(session, steps)


def test_a_problem_without_a_layer() -> None:
    error = Finding(
        "GC501", "`other.py` cannot be imported: no module named `torch`", "/home/you/project/other.py", line=1
    )
    session = sessions.FakeSession([], errors=(error,))

    async def steps(driver: Driver) -> None:
        assert "cannot be imported" in driver.text()
        assert "GC501 cannot-load  other.py:1" in driver.text()
        for key in ("s", "f", "r", "b", "y", "Y", "S"):
            driver.app.say("")
            await driver.press(key)
            assert driver.app.message == "the module could not be run; e opens it", key
            assert driver.app.screen is main(driver), key
        await driver.press("d", "n", "a")
        assert driver.app.is_running

    drive(session, steps)


def test_a_run_without_layers_is_no_traceback() -> None:
    assert "no layers" in screen_after(sessions.FakeSession([]))


def test_a_gradient_in_memory_may_be_a_scalar_a_vector_or_complex() -> None:
    complex_ = sessions.leaf("z", np.array([1 + 2j, 3 - 1j]), np.array([1 + 2j, 3 + 1j]))
    scalar = sessions.leaf("a", np.array(2.0), np.array(1.0))

    async def steps(driver: Driver) -> None:
        assert "dz[1]" in driver.text()
        await driver.press("a")
        assert "da  one number  1 of 1 wrong" in driver.text()
        await driver.press("right", "down", "t", "d", "escape", "c")

    drive(sessions.FakeSession([sessions.layer("odd", [complex_, scalar])]), steps)


def test_what_is_said_above_the_map_does_not_change_its_height() -> None:
    """Else the map changes with its height, and what is said with the map, without end."""
    ones = np.ones((40, 40))
    session = sessions.FakeSession([sessions.layer("long", [sessions.leaf("w", ones, ones, ("D" * 60, "M" * 60))])])

    async def steps(driver: Driver) -> None:
        for keys in ((), ("plus",), ("minus", "minus")):
            await driver.press(*keys)
            assert main(driver).query_one("#axes").size.height == 1

    drive(session, steps)


def test_a_damage_that_shows_later_is_told_in_place_on_every_screen() -> None:
    report, kept = sessions.norm()
    arrays = {**kept.leaves[0].arrays, "difference_positions": sessions.Damaged((12,))}
    damaged = replace(kept, leaves=(replace(kept.leaves[0], arrays=arrays), kept.leaves[1]))

    async def steps(driver: Driver) -> None:
        assert "12 of 12 wrong" in driver.text() and "is damaged" in driver.text()
        for keys in (("n", "y"), ("d",), ("n", "y"), ("escape", "c"), ("n", "o")):
            await driver.press(*keys)
            assert "is damaged" in driver.text(), keys

    drive(sessions.FakeSession([(report, damaged)]), steps, WIDE)


def test_where_there_is_no_map_its_keys_say_so() -> None:
    async def steps(driver: Driver) -> None:
        await driver.press("a", "a", "a")
        assert "another shape" in driver.text()
        for key in ("d", "c", "g", "n", "comma", "left_square_bracket", "v"):
            driver.app.say("")
            await driver.press(key)
            assert "there are no elements to be looked at here" in driver.text(), key

    drive(sessions.run(), steps)


def test_of_a_layer_that_could_not_be_run_it_is_said() -> None:
    async def steps(driver: Driver) -> None:
        await driver.press("A", "d")
        assert "This layer could not be run" in driver.text()
        assert "there are no elements to be looked at here" in driver.text()

    drive(sessions.run(), steps)


def test_what_is_longer_than_the_line_is_shown_whole_until_something_else_is_said() -> None:
    session = sessions.live()
    problem = "GC501 `mylayer.py` does not parse: " + "a long story " * 8
    session.answer = lambda question: Answer(question, problem=problem)

    async def steps(driver: Driver) -> None:
        await driver.press("r")
        assert len(driver.app._notifications) == 1 and "n N worst" in driver.text() and "? help" in driver.text()
        await driver.press("w")
        assert len(driver.app._notifications) == 0 and "watching" in driver.text()

    drive(session, steps)
