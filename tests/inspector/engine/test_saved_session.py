"""A saved run as a session: what it can tell, and what it says where it cannot."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.remembering import Shelf
from gradcheck_cli.inspector.saved_session import SavedSession
from gradcheck_cli.inspector.session import Question
from gradcheck_cli.report.problem import Problem
from tests.report import reports
from tests.saved import runs


@pytest.fixture
def session(tmp_path: Path) -> SavedSession:
    return SavedSession(runs.save(tmp_path / "run.npz"))


def test_it_has_the_report_and_the_arrays(session: SavedSession) -> None:
    (layer,) = session.report.layers
    assert (session.name, session.folder, session.is_live) == ("run.npz", str(runs.FOLDER), False)
    kept = session.kept(layer)
    assert kept is not None
    expected = runs.kept().leaves[0].read("yours")
    assert expected is not None
    np.testing.assert_array_equal(kept.leaves[0].read("yours"), expected)
    assert session.kept(reports.layer()) is None and session.files() == ()


def test_an_array_is_read_once_and_cannot_be_written_to(session: SavedSession) -> None:
    kept = session.kept(session.report.layers[0])
    assert kept is not None
    array = kept.leaves[0].read("yours")
    assert array is kept.leaves[0].read("yours") and array is not None
    assert kept.draw.marks[0] is not None and kept.draw.marks[0].read() is kept.draw.marks[0].read()
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1.0


@dataclass(frozen=True)
class Counted:
    """An array that counts how often it is read."""

    array: NDArray[Any]
    reads: list[int] = field(default_factory=list)
    dtype = np.dtype(np.float64)
    shape = (10,)

    def read(self) -> NDArray[Any]:
        self.reads.append(1)
        return self.array.copy()


def test_what_was_not_looked_at_for_longest_is_forgotten_first() -> None:
    arrays = [Counted(np.arange(10.0)) for _ in range(3)]
    shelf = Shelf(most=2 * 80)
    for at in (0, 1, 0, 2, 0, 1):
        shelf.read(arrays[at])
    assert [len(each.reads) for each in arrays] == [1, 2, 1]


def test_nothing_can_be_asked(session: SavedSession) -> None:
    answer = session.ask(Question("mylayer.py", "affine_twice", seed=1))
    assert answer.report is None and answer.kept is None
    assert "`run.npz` is a saved run" in answer.problem and "gradcheck inspect mylayer.py" in answer.problem
    session.stop()


@pytest.mark.parametrize(("position", "steps", "told"), [(2, 2, ""), (7, 0, "worst elements"), (3, None, "not diff")])
def test_digging_shows_what_was_kept(session: SavedSession, position: int, steps: int | None, told: str) -> None:
    layer = session.report.layers[0]
    kept = session.kept(layer)
    assert kept is not None
    dug = session.dig(layer, kept, 0, position)
    assert (None if dug.curve is None else len(dug.curve.steps)) == steps
    assert told in dug.why.get("curve", "") and bool(told) == ("curve" in dug.why)
    assert dug.contributions is None and "forward is needed" in dug.why["contributions"]


def test_a_run_that_was_cut_short_says_so_first(tmp_path: Path) -> None:
    saved = runs.save(tmp_path / "run.npz", problem=Problem("interrupted", "interrupted after 1 of 5 layers"))
    assert SavedSession(saved).report.notes[0] == "This run did not come to its end: interrupted after 1 of 5 layers."
    assert SavedSession(runs.save(tmp_path / "whole.npz")).report.notes == runs.report().notes


def test_one_layer_is_picked_by_its_name(tmp_path: Path) -> None:
    saved = runs.save(tmp_path / "run.npz", runs.report(reports.mismatch(), reports.layer()))
    assert [layer.name for layer in SavedSession(saved, "affine_twice").report.layers] == ["affine_twice"]
    with pytest.raises(UserError, match="no layer `affine_twic`") as caught:
        SavedSession(saved, "affine_twic")
    assert caught.value.mend is not None and "::affine_twice`?" in caught.value.mend


def test_a_file_that_was_damaged_since_is_told_by_the_dig(tmp_path: Path) -> None:
    path = runs.save(tmp_path / "run.npz")
    session = SavedSession(path)
    content = bytearray(path.read_bytes())
    at = content.index(b"difference_positions.npy") + 200
    content[at : at + 16] = b"\xff" * 16
    path.write_bytes(bytes(content))
    layer = session.report.layers[0]
    kept = session.kept(layer)
    assert kept is not None
    dug = session.dig(layer, kept, 0, 7)
    assert dug.curve is None and "damaged" in dug.why["curve"]
