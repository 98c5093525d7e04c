from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck_cli.errors import UserError
from gradcheck_cli.report.model import Status
from gradcheck_cli.suppressions.apply import renewed
from gradcheck_cli.suppressions.baseline import Baseline, Key, parsed, read_baseline, text_of, write_baseline
from gradcheck_cli.suppressions.codes import codes_of, general
from gradcheck_cli.suppressions.scope import Scope
from gradcheck_cli.suppressions.told import Suppressions
from tests.report import reports
from tests.suppressions.handmade import PATH, WHOLE, after, both, finding, layer, with_comment

FILE = Path("/project/old.json")
words = st.text(min_size=1)  # lone surrogates too, which a file name may hold
wrong = st.sets(st.text(), max_size=3).map(lambda names: tuple(sorted(names)))
keys = st.builds(Key, words, words, (st.just("GC201") | words).map(general), st.text(), wrong)
counts = st.dictionaries(keys, st.integers(1, 10**6))


@settings(deadline=None)
@given(counts)
def test_what_is_written_is_read(entries: dict[Key, int]) -> None:
    text = text_of(entries)
    assert parsed(text, FILE) == entries
    text.encode("utf-8")


@settings(deadline=None)
@given(counts)
def test_the_text_does_not_depend_on_the_order(entries: dict[Key, int]) -> None:
    assert text_of(dict(reversed(entries.items()))) == text_of(entries)


def test_the_file_is_one_line_an_entry_and_names_no_line_of_a_module() -> None:
    text = text_of({Key("b.py", "relu", "GC201"): 2, Key("a.py", "affine", "GC304", "", ("w",)): 1})
    assert text == (
        "{\n"
        '  "format": "gradcheck baseline",\n'
        '  "schema_version": 1,\n'
        '  "findings": [\n'
        '    {"path": "a.py", "layer": "affine", "code": "GC304", "argument": null, "wrong_gradients": ["w"],'
        ' "count": 1},\n'
        '    {"path": "b.py", "layer": "relu", "code": "GC201", "argument": null, "wrong_gradients": [], "count": 2}\n'
        "  ]\n"
        "}\n"
    )
    assert text_of({}) == '{\n  "format": "gradcheck baseline",\n  "schema_version": 1,\n  "findings": []\n}\n'


def test_a_mismatch_whose_cause_is_found_only_now_stays_hidden() -> None:
    baseline = Baseline(FILE, {Key("layers.py", "affine", "GC201", "x"): 1})
    named = finding("GC209", argument="x")
    assert baseline.key(layer("affine", named), named) == Key("layers.py", "affine", "GC201", "x")
    text = text_of(baseline.counts).replace("GC201", "GC209")
    assert parsed(text, FILE) == baseline.counts
    other = finding("GC304", argument="x")
    assert baseline.key(layer("affine", other), other).code == "GC304"


def test_paths_are_seen_from_the_files_folder_with_forward_slashes() -> None:
    found = layer("affine", path="/project/sub/layers.py")
    assert Baseline(FILE, {}).key(found, finding("GC201")).path == "sub/layers.py"
    assert Baseline(Path("/project/other/old.json"), {}).key(found, finding("GC201")).path == "../sub/layers.py"
    assert Baseline(Path("/project/other/old.json"), {}).module(Key("../sub/layers.py", "", "")) == Path(found.path)


def content(**changes: Any) -> str:
    entry = {"path": "a.py", "layer": "affine", "code": "GC201", "argument": None, "wrong_gradients": [], "count": 1}
    return json.dumps({"format": "gradcheck baseline", "schema_version": 1, "findings": [entry], **changes})


def broken(**changes: Any) -> str:
    (entry,) = json.loads(content())["findings"]
    return content(findings=[{**entry, **changes}])


@pytest.mark.parametrize(
    ("text", "message", "line", "mend"),
    [
        ("", "is not JSON", 1, "write it anew"),
        ('{\n  "format": \n', "is not JSON", 3, "from version control"),
        ("<<<<<<< HEAD\n", "is not JSON", 1, "from version control"),
        ("[" * 100_000, "nested too deeply", None, "write it anew"),
        ("[]", "is no baseline of gradcheck's", None, "`--write-baseline` wrote"),
        ("{}", "is no baseline of gradcheck's", None, "`--write-baseline` wrote"),
        ('{"results": {}}', "is no baseline of gradcheck's", None, "`--write-baseline` wrote"),
        (content(schema_version=2), "of a newer gradcheck (schema version 2, known is 1)", None, "pip install"),
        (content(schema_version="1"), "lacks its version", None, "write it anew"),
        (content(findings=None), "lacks its version or its findings", None, "write it anew"),
        (content(findings=[3]), "entry 1 of the baseline `old.json` has not all of path, layer", None, "anew"),
        (content(findings=[{"path": "a.py"}]), "has not all of path, layer, code", None, "anew"),
        (broken(layer=3), "is no text", None, "anew"),
        (broken(wrong_gradients="x"), "has `wrong_gradients` that are no list", None, "anew"),
        (broken(path=""), "is no text", None, "anew"),
        (broken(count=0), "counts 0 findings", None, "anew"),
        (broken(count=True), "counts True findings", None, "anew"),
        (content(findings=2 * json.loads(content())["findings"]), "entry 2 of the baseline", None, "keep one"),
    ],
)
def test_any_other_file_is_refused_with_its_place_and_mend(
    tmp_path: Path, text: str, message: str, line: int | None, mend: str
) -> None:
    file = tmp_path / "old.json"
    file.write_text(text)
    for may_be_missing in (False, True):  # `--write-baseline` does not write over what is none
        with pytest.raises(UserError) as caught:
            read_baseline(file, may_be_missing=may_be_missing)
        assert message in caught.value.message
        assert (caught.value.path, caught.value.line) == (file, line)
        assert mend in (caught.value.mend or "")
    assert file.read_text() == text


def test_a_file_that_is_not_there_or_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_baseline(tmp_path / "old.json")
    assert caught.value.mend == "write it with `--baseline old.json --write-baseline`"
    assert read_baseline(tmp_path / "old.json", may_be_missing=True).counts == {}
    (tmp_path / "old.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot read the baseline"):
        read_baseline(tmp_path / "old.json")
    with pytest.raises(UserError, match="cannot read the baseline"):
        read_baseline(tmp_path)


def test_writing_replaces_the_whole_file_and_leaves_no_other(tmp_path: Path) -> None:
    file = tmp_path / "old.json"
    baseline = Baseline(file, {Key("a.py", "affine", "GC201", "x"): 1})
    write_baseline(baseline)
    write_baseline(baseline)
    assert read_baseline(file) == baseline
    assert list(tmp_path.iterdir()) == [file]
    with pytest.raises(UserError, match="cannot write the baseline"):
        write_baseline(Baseline(tmp_path / "missing" / "old.json", {}))


def test_a_file_that_cannot_be_replaced_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "old.json").mkdir()
    with pytest.raises(UserError, match="cannot write the baseline"):
        write_baseline(Baseline(tmp_path / "old.json", {}))
    assert [entry.name for entry in tmp_path.iterdir()] == ["old.json"]


def made(report: Any, told: Suppressions | None = None, scope: Scope = WHOLE, source: str = "", **old: int) -> Any:
    baseline = Baseline(FILE, {Key("layers.py", *name.split("_")): count for name, count in old.items()})
    layers = reports.report(*report)
    return renewed(layers, told or Suppressions(), baseline, {PATH: source}, scope).counts


def test_a_new_baseline_holds_what_was_found_and_hides_it() -> None:
    found = (layer("affine", finding("GC201", argument="x"), finding("GC301"), finding("GC301", 6)),)
    counts = made(found)
    assert counts == {Key("layers.py", "affine", "GC201", "x"): 1, Key("layers.py", "affine", "GC301"): 2}
    report = after(found, Suppressions(baseline=Baseline(FILE, counts)))
    assert report.passed
    assert report.unused_ignores == ()


def test_it_holds_nothing_that_something_else_hides_and_no_errors() -> None:
    source = with_comment(5, "# gradcheck: ignore[GC304]")
    told = Suppressions(ignore=codes_of("GC302"))
    assert made(both("GC304", "GC302", "GC502"), told, source=source) == {Key("layers.py", "scale", "GC304"): 1}


def test_it_drops_what_is_gone_and_keeps_what_was_not_checked() -> None:
    old = {"affine_GC201": 3, "affine_GC304": 1, "scale_GC201": 1, "renamed_GC201": 1}
    assert made(both("GC201"), **old) == {
        Key("layers.py", "affine", "GC201"): 1,
        Key("layers.py", "scale", "GC201"): 1,
    }
    only_affine = (both("GC201")[0],)
    assert made(only_affine, scope=Scope(), **old) == {
        Key("layers.py", "affine", "GC201"): 1,
        Key("layers.py", "scale", "GC201"): 1,
        Key("layers.py", "renamed", "GC201"): 1,
    }
    broken = (layer("affine", finding("GC502")), layer("scale"))
    assert made(broken, affine_GC201=2) == {Key("layers.py", "affine", "GC201"): 2}


def with_values(code: str, *wrong: str, argument: str | None = None) -> Any:
    """A layer with one finding, and gradients that fail beside it for the same cause."""
    arguments = tuple(
        reports.argument(name, (2,), status=Status.FAIL if name in wrong else Status.PASS) for name in ("x", "w")
    )
    return layer("affine", finding(code, argument=argument), arguments=arguments)


@pytest.mark.parametrize(
    ("before", "now", "is_hidden"),
    [
        (("x",), ("x",), True),
        (("x",), (), True),
        ((), ("x",), False),
        (("x",), ("x", "w"), False),
        (("x",), ("w",), False),
    ],
)
def test_wrong_values_that_another_finding_stands_for_are_not_hidden_unless_they_were_there(
    before: tuple[str, ...], now: tuple[str, ...], is_hidden: bool
) -> None:
    counts = made((with_values("GC304", *before),))
    assert [key.wrong for key in counts] == [tuple(sorted(before))]
    report = after(with_values("GC304", *now), Suppressions(baseline=Baseline(FILE, counts)))
    assert report.passed is is_hidden


def test_a_finding_stands_for_the_values_of_its_own_argument_and_not_for_those_that_have_a_finding() -> None:
    assert [key.wrong for key in made((with_values("GC304", "x", "w", argument="x"),))] == [("x",)]
    assert [key.wrong for key in made((with_values("GC201", "x", argument="x"),))] == [()]
    found = with_values("GC301", "x")
    found = replace(found, findings=(*found.findings, finding("GC201", argument="x")))
    assert {key.code: key.wrong for key in made((found,))} == {"GC301": (), "GC201": ()}
