"""What is written is read: every dtype and shape, the report, and NumPy alone can read the arrays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gradcheck_cli.errors import UserError
from gradcheck_cli.report.problem import Problem
from gradcheck_cli.saved.archive import DTYPES, header
from gradcheck_cli.saved.model import Held, KeptInput, KeptSource
from gradcheck_cli.saved.reading import open_run
from gradcheck_cli.saved.writing import RunWriter
from tests.report import reports
from tests.report.hostile import EXAMPLES, holding
from tests.saved import runs

ANY_ARRAY = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
)


@settings(max_examples=40, deadline=None)
@given(ANY_ARRAY)
def test_an_array_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, array: np.ndarray) -> None:
    layer = runs.kept(arguments=(KeptInput("x", array=Held(array)),))
    path = runs.save(tmp_path_factory.mktemp("run") / "run.npz", layers=(layer,))
    with open_run(path) as run:
        stored = run.layers[0].arguments[0].array
        assert stored is not None
        assert (stored.dtype, stored.shape) == (array.dtype, array.shape)
        assert stored.read().tobytes() == array.tobytes()


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (10**6, 10**9)])
def test_the_header_is_one_that_numpy_reads(shape: tuple[int, ...], tmp_path: Path) -> None:
    (tmp_path / "header").write_bytes(header("<f8", shape))
    with (tmp_path / "header").open("rb") as stream:
        assert np.lib.format.read_magic(stream) == (1, 0)
        assert np.lib.format.read_array_header_1_0(stream) == (shape, False, np.dtype("<f8"))
        assert stream.tell() % 64 == 0 and not stream.read()


def test_a_run_comes_back_as_it_was(tmp_path: Path) -> None:
    layer = runs.kept()
    path = runs.save(tmp_path / "run.npz")
    with open_run(path) as run:
        assert run.folder == "/home/you/project" and run.problem == ""
        (read,) = run.layers
        assert run.kept(run.report.layers[0]) is read
        assert replace(read, leaves=(), draws=(), arguments=(), upstream=()) == replace(
            layer, leaves=(), draws=(), arguments=(), upstream=()
        )
        leaf = read.leaves[0]
        assert replace(leaf, arrays={}) == replace(layer.leaves[0], arrays={})
        assert leaf.arrays.keys() == layer.leaves[0].arrays.keys()
        reference, yours = leaf.read("reference"), leaf.read("yours")
        assert reference is not None and yours is not None
        assert np.flatnonzero((yours != reference).any(axis=0)).tolist() == [2]
        assert leaf.read("bars") is None
        value = read.value(leaf)
        assert value is not None and value.shape == (6, 5)
        assert read.source_at(reports.PATH, 28) == layer.sources[0]
        assert read.source_at(reports.PATH, 29) is None and read.source_at("other.py", 28) is None


def test_numpy_alone_reads_the_arrays(tmp_path: Path) -> None:
    path = runs.save(tmp_path / "run.npz")
    with np.load(path, allow_pickle=False) as archive:
        stored = runs.kept().leaves[0].read("yours")
        np.testing.assert_array_equal(archive["layer0.gradient0.yours"], stored)


def test_the_same_run_is_the_same_file(tmp_path: Path) -> None:
    assert runs.save(tmp_path / "a.npz").read_bytes() == runs.save(tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("report", reports.ALL.values(), ids=reports.ALL)
def test_any_report_can_be_saved(report: reports.Report, tmp_path: Path) -> None:
    with open_run(runs.save(tmp_path / "run.npz", report, layers=())) as run:
        assert [layer.status for layer in run.report.layers] == [layer.status for layer in report.layers]
        assert [finding.code for finding in run.report.findings] == [finding.code for finding in report.findings]


@pytest.mark.parametrize("text", EXAMPLES)
def test_whatever_a_module_says_can_be_saved(text: str, tmp_path: Path) -> None:
    leaves = tuple(replace(leaf, name=text, gradient_name=text) for leaf in runs.kept().leaves)
    layer = runs.kept(name=text, path=text, leaves=leaves, sources=(KeptSource(text, 1, text),))
    runs.content(runs.save(tmp_path / "run.npz", holding(text), layers=(layer,)))


def test_why_a_run_did_not_get_to_its_end_is_kept(tmp_path: Path) -> None:
    problem = Problem("interrupted", "interrupted after 1 of 2 layers")
    with open_run(runs.save(tmp_path / "run.npz", problem=problem)) as run:
        assert run.problem == "interrupted after 1 of 2 layers"


def test_nothing_is_left_of_a_run_that_is_not_finished(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    path.write_text("what was there before")
    with pytest.raises(ZeroDivisionError), RunWriter(path) as writer:
        writer.add(runs.kept())
        raise ZeroDivisionError
    assert path.read_text() == "what was there before"
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]


def test_where_nothing_can_be_written_is_said_before_anything_is_checked(tmp_path: Path) -> None:
    with pytest.raises(UserError) as missing:
        RunWriter(tmp_path / "missing" / "run.npz")
    assert missing.value.mend == f"make its folder first: mkdir -p {tmp_path / 'missing'}"
    with pytest.raises(UserError, match="is no file"):
        RunWriter(tmp_path)


def test_a_disk_that_is_full_is_told_at_the_end(tmp_path: Path) -> None:
    def full(_: object) -> int:
        raise OSError(28, "No space left on device")

    with RunWriter(tmp_path / "run.npz") as writer:
        writer._file.stream.write = full  # type: ignore[method-assign]
        writer.add(runs.kept())
        with pytest.raises(OSError, match="No space left"):
            writer.finish(runs.report(), None, runs.FOLDER)
    assert not list(tmp_path.iterdir())
