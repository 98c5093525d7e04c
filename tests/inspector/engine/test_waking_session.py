"""A saved run beside its module: whether that has changed, and what it can do once it is live."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gradcheck_cli.checking.options import CheckOptions, Target
from gradcheck_cli.cli import waking_session
from gradcheck_cli.cli.checked_session import _options_in
from gradcheck_cli.cli.waking_session import Here, WakingSession
from gradcheck_cli.inspector.looking import Looking
from gradcheck_cli.inspector.session import Question
from gradcheck_cli.isolation.apart import Workers
from gradcheck_cli.isolation.live_session import LiveSession
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import Report, Status
from tests.saved import runs

MODULE = '''
SCALE = 1.0

def centre_forward(x):
    """x: of shape (N, D)"""
    return SCALE * (x - x.mean(axis=0)), None

def centre_backward(dout, cache):
    return SCALE * dout
'''
MENDED = MODULE.replace("SCALE * dout", "SCALE * (dout - dout.mean(axis=0))")


def never(report: Report, here: Here) -> LiveSession:
    raise AssertionError("it was not asked to be live")


def wake(report: Report, here: Here) -> LiveSession:
    (path,) = here.values()
    options = CheckOptions(InputOptions(draws=1), Settings(shrink=False, diagnose=False))
    return LiveSession(Target(path), options, Workers(seconds=60), lambda told, is_whole: told)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a module and a run of it."""
    folder = tmp_path_factory.mktemp("saved")
    (folder / "module.py").write_text(MODULE)
    session = wake(Report("1", 0, "cpu"), {"": folder / "module.py"})
    session.open()
    kept = [session.kept(layer) for layer in session.report.layers]
    runs.save(folder / "run.npz", session.report, tuple(each for each in kept if each is not None), folder=folder)
    session.close()
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """The same on another machine: the place where it was is gone."""
    there = tmp_path / "there"
    shutil.copytree(saved, there)
    return there


@pytest.fixture
def gone(saved: Path) -> Iterator[None]:
    hidden = saved.with_name("hidden")
    saved.rename(hidden)
    yield
    hidden.rename(saved)


def at_hand(path: Path) -> str:
    session = WakingSession(path, None, never)
    assert not session.is_live and session.files() == ()
    session.close()
    return session.at_hand


def test_a_module_that_lies_beside_it_is_as_it_was_or_has_changed(folder: Path, gone: None) -> None:
    module = folder / "module.py"
    assert at_hand(folder / "run.npz") == "`module.py` is here, as it was when this was saved"
    module.write_text(MODULE.replace("SCALE = 1.0", "SCALE = 2.0"))  # in none of the functions that are kept
    assert at_hand(folder / "run.npz") == "`module.py` is here, and has changed since this was saved"
    module.unlink()
    assert at_hand(folder / "run.npz") == ""


def test_a_module_that_changes_while_it_is_looked_at_has_changed(
    folder: Path, gone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waking_session, "LOOK", 0.0)
    session = WakingSession(folder / "run.npz", None, never)
    assert "as it was when this was saved" in session.at_hand
    (folder / "module.py").write_text(MENDED)
    assert "has changed since this was saved" in session.at_hand
    session.close()


def test_of_an_older_run_the_functions_are_compared(folder: Path, gone: None) -> None:
    session = WakingSession(folder / "run.npz", None, never)
    old = tuple(replace(each, digest="") for each in (session.kept(layer) for layer in session.report.layers) if each)
    runs.save(folder / "old.npz", session.report, old, folder=folder)
    session.close()
    assert at_hand(folder / "old.npz") == "`module.py` is here, as it was when this was saved"
    (folder / "module.py").write_text(MENDED)
    assert at_hand(folder / "old.npz") == "`module.py` is here, and has changed since this was saved"


def test_without_its_module_it_is_a_saved_run(folder: Path, gone: None) -> None:
    (folder / "module.py").unlink()
    session = WakingSession(folder / "run.npz", None, never)
    session.go_live()
    assert not session.is_live and "without the module" in session.why_not_live
    layer = session.report.layers[0]
    assert "without the module" in session.ask(Question(layer.path, layer.name)).problem
    session.close()


def test_live_it_says_what_got_better_and_digs_in_what_was_saved(folder: Path, gone: None) -> None:
    session = WakingSession(folder / "run.npz", None, wake)
    looking = Looking(session)
    (layer,), kept = session.report.layers, session.kept(session.report.layers[0])
    assert layer.status is Status.FAIL and kept is not None
    assert session.dig(layer, kept, 0, 5).contributions is None
    session.go_live()
    try:
        assert session.is_live and session.why_not_live == "" and session.at_hand == ""
        assert session.files() == (str(folder / "module.py"),)
        dug = session.dig(layer, kept, 0, 5)
        assert dug.curve is not None and len(dug.curve.steps) and dug.contributions is not None
        (folder / "module.py").write_text(MENDED)
        answer = session.ask(looking.question(0))
        assert answer.problem == ""
        assert looking.take(answer) == f"centre passes now · dx {layer.arguments[0].wrong} mended, none wrong"
        assert looking.layer(0).path == str(folder / "module.py")
        assert session.dig(looking.layer(0), answer.kept, 0, 5).curve is not None
        assert looking.go_back(0) and looking.layer(0).status is Status.FAIL
    finally:
        session.close()


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("gradcheck run m.py::f --seed 3 --shape x=3,4 --full", {"seed": 3, "shape": ("x=3,4",), "full": True}),
        ("gradcheck run m.py::f --workers 9 --output x.html", {}),
        ("gradcheck run --help", {}),
        ("gradcheck run m.py --seed nine", {}),
        ("rm -rf m.py --seed 3", {}),
        ("gradcheck run 'm.py", {}),
    ],
)
def test_options_are_read_from_the_command_that_was_saved(
    command: str, options: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _options_in(command) == options
    assert capsys.readouterr() == ("", "")
