"""A module as a session: checked again with something changed, and dug into; one warm worker for all of it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from gradcheck_cli.checking.options import CheckOptions, Silent, Target
from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.session import Answer, Edit, Question, Waiting
from gradcheck_cli.isolation.apart import Workers
from gradcheck_cli.isolation.live_session import STOPPED, LiveSession
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import Report, Status
from gradcheck_cli.saved.model import KeptLayer

MODULE = '''
import os, time
from pathlib import Path
import numpy as np

HERE = Path(__file__).parent
print("imported")

def centre_forward(x):
    """x: of shape (N, D)"""
    print("run")
    if (HERE / "hang").exists():
        (HERE / "hanging").touch()
        time.sleep(600)
    if (HERE / "exit").exists():
        os._exit(7)
    mean = x.mean(axis=0)
    return x - mean, None

def centre_backward(dout, cache):
    return dout

def pick_forward(x, labels):
    """
    - x: of shape (N, C)
    - labels: integers in [0, C), of shape (N,)
    """
    return x[np.arange(len(labels)), labels] ** 2, (x, labels)

def pick_backward(dout, cache):
    x, labels = cache
    rows = np.arange(len(labels))
    dx = np.zeros_like(x)
    dx[rows, labels] = 2 * x[rows, labels] * dout
    return dx
'''

OPTIONS = CheckOptions(InputOptions(draws=2), Settings(shrink=False))


def opened(path: Path) -> LiveSession:
    session = LiveSession(Target(path), OPTIONS, Workers(seconds=60), lambda report, is_whole: report)
    session.open(Silent())
    return session


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live")


@pytest.fixture(scope="module")
def session(folder: Path) -> Iterator[LiveSession]:
    path = folder / "module.py"
    path.write_text(MODULE)
    old = time.time() - 60
    os.utime(path, (old, old))  # as a file that was written long ago
    session = opened(path)
    yield session
    session.close()
    session.close()
    assert not [each for each in psutil.Process().children(recursive=True) if "serve(" in " ".join(each.cmdline())]


def kept_of(session: LiveSession, at: int) -> KeptLayer:
    kept = session.kept(session.report.layers[at])
    assert kept is not None
    return kept


def array(kept: KeptLayer | None, name: str) -> Any:
    assert kept is not None
    stored = next(each.array for each in (*kept.arguments, *kept.upstream) if each.name == name)
    assert stored is not None
    return stored.read()


def question(session: LiveSession, at: int, **changes: Any) -> Question:
    layer = session.report.layers[at]
    return Question(layer.path, layer.name, **changes)


def ask(session: LiveSession, at: int, **changes: Any) -> Answer:
    answer = session.ask(question(session, at, **changes))
    assert answer.problem == "" and answer.report is not None and answer.kept is not None
    return answer


def test_it_is_checked_as_a_run_is(session: LiveSession, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert [(layer.name, layer.status) for layer in session.report.layers] == [
        ("centre", Status.FAIL),
        ("pick", Status.PASS),
    ]
    assert session.is_live and session.name == "module.py" and session.doing == ""
    assert list(session.files()) == [str(folder / "module.py")]
    again = ask(session, 0)
    assert again.report is not None and again.report.findings == session.report.layers[0].findings
    assert again.kept is not None and again.kept.draw.digest == kept_of(session, 0).draw.digest
    assert again.seconds > 0
    assert capfd.readouterr() == ("", "")  # what the module prints is nobody's business


def test_another_seed_and_other_sizes(session: LiveSession) -> None:
    before = kept_of(session, 0)
    answer = ask(session, 0, seed=5)
    assert answer.kept is not None and answer.kept.draw.seed == 5
    assert answer.kept.draw.digest != before.draw.digest
    answer = ask(session, 0, dimensions=(("N", 7), ("D", 2)))
    assert answer.kept is not None and answer.kept.leaves[0].shape == (7, 2)


def test_values_are_set_by_hand_in_one_draw(session: LiveSession) -> None:
    before = kept_of(session, 0)
    answer = ask(session, 0, edits=(Edit("x", 1, 12.5), Edit("dout", 0, -3.0)))
    assert answer.kept is not None and answer.report is not None
    for name, position, value in (("x", 1, 12.5), ("dout", 0, -3.0)):
        now, then = array(answer.kept, name).copy(), array(before, name)
        assert now.flat[position] == value
        now.flat[position] = then.flat[position]
        np.testing.assert_array_equal(now, then)
    assert len(answer.kept.draws) == 1 and answer.kept.draw.index == before.draw.index
    assert answer.report.status is Status.FAIL and answer.report.reproduce == ""
    same = ask(session, 0, edits=(Edit("x", 0, float(array(before, "x").flat[0])),))
    assert same.kept is not None and same.kept.draw.digest == before.draw.digest


def test_the_draw_of_an_edit_can_be_said(session: LiveSession) -> None:
    answer = ask(session, 1, edits=(Edit("labels", 0, 0.0),), draw=1)
    assert answer.kept is not None and answer.kept.draw.index == 1
    assert array(answer.kept, "labels")[0] == 0 and answer.report is not None and answer.report.status is Status.PASS


@pytest.mark.parametrize(
    ("at", "edit", "told"),
    [
        (0, Edit("y", 0, 1.0), "no input `y`"),
        (0, Edit("x", 10_000, 1.0), "no element 10000"),
        (1, Edit("labels", 0, 0.5), "cannot be 0.5"),
        (1, Edit("labels", 0, float("nan")), "cannot be nan"),
    ],
)
def test_a_value_that_cannot_be_set(session: LiveSession, at: int, edit: Edit, told: str) -> None:
    answer = session.ask(question(session, at, edits=(edit,)))
    assert answer.report is None and told in answer.problem and "GC502" not in answer.problem


def test_a_layer_that_is_not_there(session: LiveSession) -> None:
    answer = session.ask(Question(session.report.layers[0].path, "center"))
    assert answer.report is None and "no layer `center`" in answer.problem


def test_any_element_has_its_differences_and_its_paths(session: LiveSession) -> None:
    layer, kept = session.report.layers[0], kept_of(session, 0)
    yours, autodiff = kept.leaves[0].read("yours"), kept.leaves[0].read("autodiff")
    assert yours is not None and autodiff is not None
    for position in range(autodiff.size):
        dug = session.dig(layer, kept, 0, position)
        assert dug.why == {} and dug.curve is not None and dug.contributions is not None
        gradient = autodiff.flat[position]
        assert dug.curve.reference == gradient
        assert dug.curve.chosen is not None and dug.curve.plateau is not None
        assert dug.curve.plateau[0] <= dug.curve.chosen <= dug.curve.plateau[1]
        for value in (dug.curve.value, dug.curve.forward, dug.curve.backward, dug.curve.values[dug.curve.chosen]):
            assert value == pytest.approx(gradient, abs=1e-6)
        assert sum(each.value for each in dug.contributions) == pytest.approx(gradient, rel=1e-12)
        told = {each.expression: each for each in dug.contributions}
        assert set(told) == {"x.mean(axis=0)", "x - mean"}
        mean = told["x.mean(axis=0)"]
        assert mean.is_missing and not told["x - mean"].is_missing
        assert mean.value == pytest.approx(gradient - yours.flat[position])
        assert mean.line == 1 + MODULE.split("\n").index("    mean = x.mean(axis=0)")


def test_nothing_is_missing_in_what_is_right(session: LiveSession) -> None:
    layer, kept = session.report.layers[1], kept_of(session, 1)
    dug = session.dig(layer, kept, 0, int(array(kept, "labels")[0]))
    assert dug.contributions is not None and dug.contributions[0].value != 0
    assert not any(each.is_missing for each in dug.contributions)


def test_an_answer_can_be_dug_into(session: LiveSession) -> None:
    answer = ask(session, 0, seed=2, edits=(Edit("dout", 0, 50.0),))
    assert answer.kept is not None and answer.report is not None
    dug = session.dig(answer.report, answer.kept, 0, 0)
    gradient = answer.kept.leaves[0].read("autodiff")
    assert gradient is not None and abs(gradient.flat[0]) > 10
    assert dug.curve is not None and dug.curve.value == pytest.approx(gradient.flat[0], rel=1e-6)
    assert dug.contributions is not None
    assert sum(each.value for each in dug.contributions) == pytest.approx(gradient.flat[0])


def test_what_hangs_is_stopped_and_what_waits_with_it(session: LiveSession, folder: Path) -> None:
    (folder / "hang").touch()
    answers: list[Answer] = []
    threads = [threading.Thread(target=lambda: answers.append(session.ask(question(session, 0)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 60
    while not (folder / "hanging").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert session.doing
    moment = time.monotonic()
    session.stop()
    for thread in threads:
        thread.join(20)
    assert time.monotonic() - moment < 10
    assert [answer.problem for answer in answers] == [STOPPED, STOPPED]
    (folder / "hang").unlink()
    session.stop()  # nothing runs: nothing is stopped
    assert ask(session, 1).report is not None


def test_a_process_that_ends_is_told_in_the_findings_words(session: LiveSession, folder: Path) -> None:
    (folder / "exit").touch()
    answer = session.ask(question(session, 0))
    assert answer.report is None
    assert "GC505" in answer.problem and "`centre` ended its process by `os._exit(7)`" in answer.problem
    (folder / "exit").unlink()
    assert ask(session, 0).report is not None


def test_a_file_that_changed_is_loaded_anew(session: LiveSession, folder: Path) -> None:
    path = folder / "module.py"
    path.write_text(MODULE.replace("    return dout\n", "    return dout - dout.mean(axis=0)\n"))
    answer = ask(session, 0)
    assert answer.report is not None and answer.report.status is Status.PASS
    path.write_text("raise ValueError('broken for a moment')\n")
    answer = session.ask(question(session, 0))
    assert answer.report is None and "broken for a moment" in answer.problem
    path.write_text(MODULE)
    again = ask(session, 0)
    assert again.report is not None and again.report.findings == session.report.layers[0].findings


def test_what_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    session = LiveSession(Target(tmp_path / "no.py"), OPTIONS, Workers(), lambda report, is_whole: report)
    with pytest.raises(UserError, match="no such file"):
        session.open(Silent())
    session.close()


SLOW = '''
import time
from pathlib import Path

def first_forward(x):
    """x: of shape (N,)"""
    return 2 * x, None

def first_backward(dout, cache):
    return dout

def second_forward(x):
    """x: of shape (N,)"""
    while (Path(__file__).parent / "wait").exists():
        time.sleep(0.05)
    return 2 * x, None

def second_backward(dout, cache):
    return dout
'''


SLOW_TO_READ = """
import time
from pathlib import Path

class Nothing:
    def backward(self):
        pass  # by its text it may have layers

while not (Path(__file__).parent / "read").exists():
    time.sleep(0.05)
"""


def test_questions_are_answered_before_all_is_checked_and_the_rest_can_be_left(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(SLOW)
    (tmp_path / "read_late.py").write_text(SLOW_TO_READ)
    (tmp_path / "wait").touch()
    session = LiveSession(Target(tmp_path), OPTIONS, Workers(seconds=60), lambda report, is_whole: report)
    opening = threading.Thread(target=session.open)
    opening.start()
    try:
        until = time.monotonic() + 60
        while session.opening != "reading 2 of 2, read_late.py" and time.monotonic() < until:
            time.sleep(0.05)
        path = str(tmp_path / "module.py")
        assert list(session.waiting) == [Waiting(path, "first"), Waiting(path, "second")]
        assert not session.report.layers
        (tmp_path / "read").touch()
        while "2 of 2, second · " not in session.opening and time.monotonic() < until:
            time.sleep(0.05)
        (layer,) = session.report.layers
        assert layer.name == "first" and not session.is_open
        assert list(session.waiting) == [Waiting(path, "second")]
        assert session.opening.startswith("2 of 2, second · ") and session.doing == ""
        assert ask(session, 0, seed=1).report is not None
        dug = session.dig(layer, kept_of(session, 0), 0, 0)
        assert dug.curve is not None and dug.curve.value == pytest.approx(2 * array(kept_of(session, 0), "dout")[0])
        assert opening.is_alive()
        session.stop()  # what is asked, not what is opened
        assert opening.is_alive() and session.opening
        session.stop_opening()
        opening.join(10)
        assert not opening.is_alive() and not session.is_open and session.opening == "" and not session.waiting
        assert [each.name for each in session.report.layers] == ["first"]
        session.open()  # it was given up
        assert not session.is_open
    finally:
        session.close()
    opening.join(10)


def test_what_the_report_must_not_be_is_said_of_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("x = 1\n")

    def counted(report: Report, is_whole: bool) -> Report:
        assert is_whole and not report.layers
        raise UserError("nothing")

    session = LiveSession(Target(tmp_path / "empty.py"), OPTIONS, Workers(seconds=60), counted)
    with pytest.raises(UserError, match="nothing"):
        session.open()
    assert session.opening == ""
    session.close()


def test_a_layer_is_asked_about_though_another_ones_shape_was_said(session: LiveSession, folder: Path) -> None:
    options = CheckOptions(InputOptions(draws=1, arguments={"labels": [0, 1]}), Settings(shrink=False))
    other = LiveSession(Target(folder / "module.py"), options, Workers(seconds=60), lambda report, is_whole: report)
    answer = other.ask(question(session, 0))
    other.close()
    assert answer.problem == "" and answer.report is not None and answer.report.name == "centre"


def test_the_current_folder_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    session = LiveSession(Target(Path()), OPTIONS, Workers(), lambda report, is_whole: report)
    assert session.name == tmp_path.name
    session.close()
