"""An ignore in vain is said; one that may be needed is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gradcheck_cli.suppressions.baseline import Baseline, Key
from gradcheck_cli.suppressions.codes import codes_of
from gradcheck_cli.suppressions.comments import Word
from gradcheck_cli.suppressions.per_file import PerFile
from gradcheck_cli.suppressions.scope import Scope
from gradcheck_cli.suppressions.told import Suppressions
from tests.report import reports
from tests.suppressions.handmade import PATH, SOURCE, WHOLE, after, both, finding, in_vain, layer, with_comment

ONE_LAYER = Scope()
"""`layers.py::affine` was asked for."""
ON_BACKWARD = with_comment(5, "# gradcheck: ignore[GC304]")
VAIN = (5, '"# gradcheck: ignore[GC304]" no longer matches anything')


def test_a_comment_that_hides_nothing_is_said_and_one_that_does_is_not() -> None:
    assert in_vain(after(both("GC302"), source=ON_BACKWARD)) == [VAIN]
    assert in_vain(after(both("GC304"), source=ON_BACKWARD)) == []


def test_word_by_word() -> None:
    source = with_comment(5, "# gradcheck: ignore[GC304, GC302]")
    (said,) = in_vain(after(both("GC304"), source=source))
    assert said == (5, '`GC302` in "# gradcheck: ignore[GC304, GC302]" no longer matches anything')


@pytest.mark.parametrize("comment", ["# gradcheck: ignore", "# gradcheck: ignore[GC304]", "# gradcheck: ignore[GC3]"])
def test_on_another_layer_that_has_the_finding_it_is_in_vain(comment: str) -> None:
    found = (layer("affine"), layer("scale", finding("GC304", 14)))
    assert [line for line, _ in in_vain(after(found, source=with_comment(5, comment)))] == [5]


def test_not_where_the_layer_was_not_selected() -> None:
    only_scale = (both("GC302")[1],)
    assert in_vain(after(only_scale, source=ON_BACKWARD, scope=ONE_LAYER)) == []
    only_affine = (both("GC302")[0],)
    assert in_vain(after(only_affine, source=ON_BACKWARD, scope=ONE_LAYER)) == [VAIN]


@pytest.mark.parametrize("line", [1, 6])
def test_what_other_layers_may_need_is_said_only_where_all_were_checked(line: int) -> None:
    source = with_comment(line, "# gradcheck: ignore[GC304]")
    only_affine = (both("GC302")[0],)
    assert in_vain(after(only_affine, source=source, scope=ONE_LAYER)) == []
    assert [at for at, _ in in_vain(after(both("GC302"), source=source))] == [line]


def test_not_where_the_layer_ended_in_an_error() -> None:
    broken = (layer("affine", finding("GC502")), layer("scale"))
    assert in_vain(after(broken, source=ON_BACKWARD)) == []
    partly = (layer("affine", finding("GC502"), finding("GC201")), layer("scale"))
    assert in_vain(after(partly, source=ON_BACKWARD)) == []
    other = (layer("affine"), layer("scale", finding("GC502")))
    assert in_vain(after(other, source=ON_BACKWARD)) == [VAIN]


def test_not_for_the_file_where_a_part_of_it_could_not_be_checked() -> None:
    source = "# gradcheck: ignore-file[GC304]\n" + SOURCE
    assert [line for line, _ in in_vain(after(both(), source=source))] == [1]
    assert in_vain(after((layer("affine"), layer("scale", finding("GC502"))), source=source)) == []
    assert in_vain(after(reports.report(*both(), errors=(finding("GC502"),)), source=source)) == []


def test_not_where_the_run_was_cut_short() -> None:
    early = replace(WHOLE, ended_early=True)
    source = with_comment(6, "# gradcheck: ignore[GC304]")
    assert in_vain(after(both(), source=source, scope=early)) == []


def test_not_for_what_this_run_did_not_look_for() -> None:
    scope = replace(WHOLE, unsought=frozenset({"GC403"}))
    source = with_comment(5, "# gradcheck: ignore[GC403, GC304]")
    assert [message[:7] for _, message in in_vain(after(both(), source=source, scope=scope))] == ["`GC304`"]
    assert len(in_vain(after(both(), source=source))) == 2


def test_a_malformed_comment_is_said_whatever_was_found() -> None:
    source = with_comment(14, "# gradcheck: ignore[GC999]")
    for found in (both(), both("GC304"), (both()[0],)):
        report = after(found, source=source, scope=ONE_LAYER)
        (said,) = report.unused_ignores
        assert (said.path, said.line) == (PATH, 14)
        assert "`GC999` is no rule" in said.message
        assert "write a code" in said.mend


def entries(pattern: str, *words: str) -> Suppressions:
    means = tuple(Word(word, codes_of(word)) for word in words)
    return Suppressions(per_file=(PerFile(pattern, means, Path("/project/pyproject.toml"), 9),))


def test_an_entry_for_files_is_said_with_its_place() -> None:
    report = after(both("GC304"), entries("*.py", "GC3", "GC1"))
    (said,) = report.unused_ignores
    assert (said.path, said.line) == ("/project/pyproject.toml", 9)
    assert said.message == '"GC1" for "*.py" no longer matches anything'


def test_a_pattern_that_names_no_file_is_in_vain() -> None:
    assert len(in_vain(after(both("GC304"), entries("legaci/*.py", "GC3")))) == 1


@pytest.mark.parametrize("pattern", ["legacy/*.py", "*.py", "**/layers.py"])
def test_an_entry_is_not_said_where_only_some_of_its_files_were_checked(pattern: str) -> None:
    scope = Scope(files=frozenset({Path(PATH)}))
    assert in_vain(after(both(), entries(pattern, "GC3"), scope=scope)) == []
    assert len(in_vain(after(both(), entries("layers.py", "GC3"), scope=WHOLE))) == 1


def test_an_entry_is_not_said_where_its_file_has_an_error() -> None:
    found = (layer("affine"), layer("scale", finding("GC502")))
    assert in_vain(after(found, entries("*.py", "GC3"))) == []


def baseline(**counts: int) -> Suppressions:
    found = {Key("layers.py", *name.split("_")): count for name, count in counts.items()}
    return Suppressions(baseline=Baseline(Path("/project/old.json"), found))


def test_an_entry_of_a_baseline_that_is_no_longer_needed() -> None:
    report = after(both("GC201"), baseline(affine_GC201=1, affine_GC304=1))
    assert in_vain(report) == [(None, "GC304 of layers.py::affine no longer matches anything")]
    assert report.unused_ignores[0].mend == "`--write-baseline` drops it"


def test_an_entry_that_counts_too_many() -> None:
    report = after(both("GC201"), baseline(affine_GC201=3))
    assert in_vain(report) == [(None, "GC201 of layers.py::affine is needed for 1 of its 3 findings")]


def test_an_entry_of_a_layer_that_is_gone() -> None:
    told = baseline(renamed_GC201=1)
    assert len(in_vain(after(both(), told))) == 1
    assert in_vain(after(both(), told, scope=ONE_LAYER)) == []
    assert in_vain(after(both(), told, scope=replace(WHOLE, ended_early=True))) == []
    assert in_vain(after(reports.report(errors=(finding("GC501"),)), told)) == []


def test_an_entry_that_an_option_of_this_run_makes_needless() -> None:
    told = replace(baseline(affine_GC201=1), ignore=codes_of("GC201"))
    assert in_vain(after(both("GC201"), told)) == []
    told = replace(baseline(affine_GC201=1), select=codes_of("GC3"))
    assert in_vain(after(both("GC201"), told)) == []


def test_an_entry_that_a_comment_makes_needless() -> None:
    report = after(both("GC304"), baseline(affine_GC304=1, scale_GC304=1), source=ON_BACKWARD)
    assert in_vain(report) == [(None, "GC304 of layers.py::affine no longer matches anything")]
    assert [layer.suppressed[0].by for layer in report.layers] == ["comment line 5", "baseline"]
