"""A file that is cut off, changed, hostile, newer or something else gives a clear error, and never anything else."""

from __future__ import annotations

import copy
import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gradcheck_cli.errors import UserError
from gradcheck_cli.saved.reading import open_run
from tests.saved import runs

Document = dict[str, Any]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runs.save(tmp_path_factory.mktemp("whole") / "run.npz")


def outcome(path: Path) -> object:
    """All of its content, or None for a `UserError`; anything else is raised."""
    try:
        return runs.content(path)
    except UserError as error:
        assert error.path == path and error.mend and path.name in error.message
        return None


@settings(max_examples=40, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
@example(share=0.0)
def test_a_file_that_is_cut_off(whole: Path, share: float) -> None:
    content = whole.read_bytes()
    cut = whole.with_name("cut.npz")
    cut.write_bytes(content[: int(share * len(content))])
    assert outcome(cut) is None


@settings(max_examples=120, deadline=None)
@given(at=st.integers(0, 10**9), bits=st.integers(1, 255))
def test_a_byte_that_is_another(whole: Path, at: int, bits: int) -> None:
    content = bytearray(whole.read_bytes())
    content[at % len(content)] ^= bits
    flipped = whole.with_name("flipped.npz")
    flipped.write_bytes(content)
    assert outcome(flipped) in (None, runs.content(whole))


def test_every_byte_of_the_zip_itself(whole: Path) -> None:
    """The directory at the end, where a flip may do most."""
    content = whole.read_bytes()
    start, flipped, expected = content.index(b"PK\x01\x02"), whole.with_name("flipped.npz"), runs.content(whole)
    for at in range(start, len(content), 5):
        flipped.write_bytes(content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :])
        assert outcome(flipped) in (None, expected), at


def rewritten(
    whole: Path,
    change: Callable[[dict[str, bytes]], None] = lambda members: None,
    compression: int = zipfile.ZIP_STORED,
) -> Path:
    """A file of the same members, changed, whose checksums are right: somebody's who means harm."""
    with zipfile.ZipFile(whole) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    path = whole.with_name("rewritten.npz")
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def with_document(whole: Path, change: Callable[[Document], object]) -> Path:
    """The same with another document."""

    def rewrite(members: dict[str, bytes]) -> None:
        document = json.loads(members["run.json"])
        change(document)
        members["run.json"] = json.dumps(document).encode()

    return rewritten(whole, rewrite)


def refused(path: Path) -> str:
    with pytest.raises(UserError) as error, open_run(path):
        pass
    return error.value.message


def test_what_is_rewritten_as_it_was_is_read(whole: Path) -> None:
    assert runs.content(rewritten(whole)) == runs.content(whole)
    assert runs.content(with_document(whole, lambda document: None)) == runs.content(whole)


def test_what_is_no_saved_run(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(b"")
    assert "it is empty" in refused(path)
    path.write_text("import numpy as np\n")
    assert "it is no zip file" in refused(path)
    np.savez(path, x=np.ones(3))
    assert "it holds no `run.json`" in refused(path)
    np.savez_compressed(path, x=np.zeros(10**6))
    assert "is compressed" in refused(path)
    assert "No such file" in refused(tmp_path / "missing.npz")
    assert "cannot be read" in refused(tmp_path)


def test_a_zip_bomb_is_not_unpacked(whole: Path) -> None:
    def bomb(members: dict[str, bytes]) -> None:
        members["layer0.argument0.npy"] = b"\0" * 10**8

    path = rewritten(whole, bomb, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 10**6
    assert "is compressed" in refused(path)


@pytest.mark.parametrize(
    "name", ["../../evil.npy", "/etc/passwd", "a\\b.npy", "x.npy/..", "layer0.npy.exe", "é.npy", "x"]
)
def test_names_that_no_member_has(whole: Path, name: str) -> None:
    assert "no part of a saved run" in refused(rewritten(whole, lambda members: members.update({name: b""})))


def test_a_member_twice(whole: Path) -> None:
    path = rewritten(whole)
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("run.json", "{}")
    assert "'run.json' twice" in refused(path)


def test_an_array_of_objects_is_not_unpickled(whole: Path) -> None:
    def change(document: Document) -> None:
        document["layers"][0]["arguments"][0]["array"]["dtype"] = "|O"

    assert "no saved array has" in refused(with_document(whole, change))


def test_an_array_whose_own_header_says_something_else(whole: Path) -> None:
    def change(members: dict[str, bytes]) -> None:
        name = "layer0.argument0.npy"
        members[name] = members[name].replace(b"'<f8'", b"'|O8'", 1)

    with open_run(rewritten(whole, change)) as run:
        stored = run.layers[0].arguments[0].array
        assert stored is not None
        with pytest.raises(UserError, match="does not begin as an array of its shape"):
            stored.read()


def test_a_newer_file(whole: Path) -> None:
    for change in (
        lambda document: document.update(schema_version=2),
        lambda document: document["report"].update(schema_version=2),
    ):
        message = refused(with_document(whole, change))
        assert "saved by a newer gradcheck (0.1.0)" in message


def test_keys_that_a_later_version_adds_are_passed_over(whole: Path) -> None:
    def change(document: Document) -> None:
        document["new"] = document["report"]["new"] = document["layers"][0]["new"] = [1]

    assert runs.content(with_document(whole, change)) == runs.content(whole)


def at(*path: str | int, value: object) -> Callable[[Document], None]:
    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return change


LEAF = ("layers", 0, "leaves", 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (at("format", value="another"), "`format` is a string, not 'gradcheck run'"),
        (at("schema_version", value="1"), "`schema_version` is a string, not a whole number"),
        (at("layers", value={}), "`layers` is an object, not a list"),
        (at("report", "layers", 0, "status", value="fine"), "`report.layers[0].status` is 'fine', none of pass"),
        (at("report", "layers", 0, "findings", 0, "code", value="GC999"), "no code of a rule"),
        (at("report", "layers", 0, "arguments", 1, "worst", 0, "index", value=[9, 9]), "outside of its array"),
        (at("layers", 0, "shown", value=7), "`layers[0].shown` is 7, and there are 2 draws"),
        (at("layers", 0, "draws", 0, "marks", value=[]), "have marks of other gradients"),
        (at(*LEAF, "shape", value=[5, 6]), "has another shape than its gradient"),
        (at(*LEAF, "arrays", "curve_steps", "shape", value=[2, 1]), "curves that do not belong together"),
        (at(*LEAF, "arrays", "difference_bars", "shape", value=[2, 1]), "not one entry for each differenced element"),
        (at("layers", 0, "draws", 0, "marks", 0, "shape", value=[5, 6]), "marks of another shape"),
        (at(*LEAF, "shape", value=[-5]), "`layers[0].leaves[0].shape[0]` is -5"),
        (at(*LEAF, "arrays", "yours", "shape", value=[10**12]), "not as large as an array of its shape"),
        (at(*LEAF, "arrays", "yours", "shape", value=[1] * 99), "no saved array has"),
        (at(*LEAF, "arrays", "yours", "shape", value=[0, 2**62, 2**62]), "not as large"),
        (at(*LEAF, "arrays", "yours", "dtype", value="<U8"), "no saved array has"),
        (at(*LEAF, "arrays", "yours", "member", value="layer0.argument0"), "that something else has"),
        (at(*LEAF, "arrays", "yours", "member", value="../x"), "it holds no '../x.npy'"),
        (at(*LEAF, "arrays", value={}), "belongs to no layer"),
        (at("layers", 0, "arguments", 0, "dimensions", value=["N"]), "are not those of its array"),
    ],
)
def test_documents_that_are_not_what_they_must_be(whole: Path, change: Callable[[Document], None], said: str) -> None:
    assert said in refused(with_document(whole, change))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"format": NaN}', "NaN is no JSON"),
        (b"{", "it is no JSON"),
        (b"\xff", "it is no JSON"),
        (b"[" * 10**6, "nested too deeply"),
        (b"1" * 10**5, "it is no JSON"),
        (b"null", "is null, not an object"),
    ],
)
def test_what_is_no_document(whole: Path, content: bytes, said: str) -> None:
    assert said in refused(rewritten(whole, lambda members: members.update({"run.json": content})))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_any_value_in_any_place_of_the_document(whole: Path, data: st.DataObject) -> None:
    """No exception but `UserError`, whatever stands somewhere in the document."""

    def change(document: Any) -> None:
        place = document
        while True:
            keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
            key = data.draw(st.sampled_from(keys))
            inner = place[key]
            if not (isinstance(inner, (dict, list)) and inner) or data.draw(st.integers(0, 9)) == 0:
                break
            place = inner
        place[key] = data.draw(JSON)

    outcome(with_document(copy.copy(whole), change))
