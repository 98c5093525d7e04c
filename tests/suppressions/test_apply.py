"""What is hidden, and beside each what is not."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck_cli.report.codes import RULES
from gradcheck_cli.report.model import Report, Status
from gradcheck_cli.suppressions.apply import suppressed
from gradcheck_cli.suppressions.baseline import Baseline, Key
from gradcheck_cli.suppressions.codes import FINDINGS, codes_of
from gradcheck_cli.suppressions.comments import Word
from gradcheck_cli.suppressions.per_file import PerFile
from gradcheck_cli.suppressions.told import Suppressions
from tests.report import reports
from tests.suppressions.handmade import (
    PATH,
    SOURCE,
    WHOLE,
    after,
    both,
    finding,
    hidden,
    layer,
    left,
    with_comment,
)

NOTHING: list[str] = []


def entry(pattern: str, *words: str) -> PerFile:
    return PerFile(pattern, tuple(Word(word, codes_of(word)) for word in words), Path("/project/pyproject.toml"), 7)


@pytest.mark.parametrize("line", [1, 5], ids=["forward", "backward"])
def test_a_comment_on_a_definition_hides_its_codes_of_its_layer(line: int) -> None:
    report = after(both("GC304", "GC302"), source=with_comment(line, "# gradcheck: ignore[GC304]"))
    assert hidden(report) == {"affine": ["GC304"], "scale": NOTHING}
    assert left(report) == {"affine": ["GC302"], "scale": ["GC304", "GC302"]}
    assert [layer.status for layer in report.layers] == [Status.FAIL, Status.FAIL]


def test_it_hides_them_wherever_they_point_and_the_neighbours_nowhere() -> None:
    found = (layer("affine", finding("GC301", 7)), layer("scale", finding("GC301", 15)))
    report = after(found, source=with_comment(5, "# gradcheck: ignore[GC301]"))
    assert hidden(report) == {"affine": ["GC301"], "scale": NOTHING}


def test_a_comment_on_the_line_that_a_finding_points_at_hides_that_finding() -> None:
    found = layer("affine", finding("GC301", 7), finding("GC301", 6))
    report = after(found, source=with_comment(7, "# gradcheck: ignore[GC301]"))
    assert [one.finding.line for one in report.layers[0].suppressed] == [7]
    assert [one.line for one in report.layers[0].findings] == [6]


def test_a_comment_elsewhere_in_a_layer_hides_nothing() -> None:
    report = after(both("GC304"), source=with_comment(6, "# gradcheck: ignore"))
    assert hidden(report) == {"affine": NOTHING, "scale": NOTHING}


def test_a_bare_comment_hides_all_findings_and_no_error() -> None:
    found = layer("affine", finding("GC201"), finding("GC304"), finding("GC502"))
    report = after(found, source=with_comment(5, "# gradcheck: ignore"))
    assert hidden(report) == {"affine": ["GC201", "GC304"]}
    assert left(report) == {"affine": ["GC502"]}
    assert report.layers[0].status is Status.ERROR


def test_a_comment_on_a_class_hides_what_its_layers_have() -> None:
    source = (
        "class A:  # gradcheck: ignore[GC304]\n"
        "    class Inner:\n"
        "        def forward(self, x): return x\n"
        "        def backward(self, dout): return dout\n"
        "class B:\n"
        "    def forward(self, x): return x\n"
        "    def backward(self, dout): return dout\n"
    )
    found = (
        layer("Inner", finding("GC304", 4), line=4, forward_line=3),
        layer("B", finding("GC304", 7), line=7, forward_line=6),
    )
    assert hidden(after(found, source=source)) == {"Inner": ["GC304"], "B": NOTHING}


def test_a_file_hides_its_own_and_no_other_file() -> None:
    source = "# gradcheck: ignore-file[GC304]\n"
    other = "/project/other.py"
    elsewhere = layer("elsewhere", finding("GC304", 5, path=other), path=other)
    report = after((*both("GC304", "GC302"), elsewhere), source=source + SOURCE)
    assert hidden(report) == {"affine": ["GC304"], "scale": ["GC304"], "elsewhere": NOTHING}


def test_a_comment_in_the_file_that_a_finding_points_at() -> None:
    helper = "/project/helper.py"
    found = (layer("affine", finding("GC301", 1, path=helper), finding("GC301", 2, path=helper), finding("GC301", 1)),)
    sources = {PATH: SOURCE, helper: "x[:] = 0  # gradcheck: ignore[GC301]\ny[:] = 0\n"}
    report = suppressed(reports.report(*found), Suppressions(), sources, WHOLE)
    (one,) = report.layers[0].suppressed
    assert (one.finding.path, one.finding.line, one.by) == (helper, 1, "comment helper.py:1")
    assert len(report.layers[0].findings) == 2


def test_ignore_and_select_go_by_codes() -> None:
    report = after(both("GC201", "GC304"), Suppressions(ignore=codes_of("GC3")))
    assert hidden(report) == {"affine": ["GC304"], "scale": ["GC304"]}
    report = after(both("GC201", "GC304"), Suppressions(select=codes_of("GC3")))
    assert left(report) == {"affine": ["GC304"], "scale": ["GC304"]}


def test_select_never_drops_an_error_and_ignore_does_where_it_names_it() -> None:
    found = layer("affine", finding("GC502"))
    assert after(found, Suppressions(select=codes_of("GC3"))).layers[0].status is Status.ERROR
    assert after(found, Suppressions(ignore=codes_of("ALL"))).layers[0].status is Status.ERROR
    assert after(found, Suppressions(ignore=codes_of("GC503"))).layers[0].status is Status.ERROR
    report = after(found, Suppressions(ignore=codes_of("GC502")))
    assert report.layers[0].status is Status.INCONCLUSIVE  # nobody knows whether it is right
    assert not report.passed


def test_a_module_that_does_not_load_stays_unchecked() -> None:
    whole = reports.report(errors=(finding("GC501", 1),))
    report = after(whole, Suppressions(per_file=(entry("layers.py", "GC5"),)))
    assert (report.count(Status.ERROR), report.count(Status.INCONCLUSIVE), report.passed) == (0, 1, False)
    assert [one.by for one in report.suppressed] == ["per-file-ignores"]
    report = after(whole, Suppressions(per_file=(entry("other.py", "GC5"),)))
    assert (report.count(Status.ERROR), report.count(Status.INCONCLUSIVE)) == (1, 0)


def test_per_file_entries_hide_in_their_files() -> None:
    other = "/project/sub/other.py"
    found = (*both("GC304"), layer("elsewhere", finding("GC304", 5, path=other), path=other))
    report = after(found, Suppressions(per_file=(entry("sub/*.py", "GC3"),)))
    assert hidden(report) == {"affine": NOTHING, "scale": NOTHING, "elsewhere": ["GC304"]}
    assert report.layers[2].status is Status.PASS


def test_a_baseline_hides_its_code_argument_and_layer_and_nothing_new() -> None:
    baseline = Baseline(Path("/project/old.json"), {Key("layers.py", "affine", "GC201", "w"): 1})
    found = (
        layer(
            "affine",
            finding("GC201", argument="w"),
            finding("GC201", argument="x"),
            finding("GC104", argument="w"),
            finding("GC201"),
            finding("GC201", argument="w"),
        ),
        layer("scale", finding("GC201", argument="w")),
    )
    report = after(found, Suppressions(baseline=baseline))
    assert [one.by for one in report.layers[0].suppressed] == ["baseline"]
    assert len(report.layers[0].findings) == 4
    assert hidden(report)["scale"] == NOTHING


def test_a_baseline_hides_no_error() -> None:
    baseline = Baseline(Path("/project/old.json"), {Key("layers.py", "affine", "GC502"): 1})
    assert after(layer("affine", finding("GC502")), Suppressions(baseline=baseline)).layers[0].status is Status.ERROR


def test_arguments_keep_their_truth_and_what_is_inconclusive_stays_so() -> None:
    failing = reports.argument("x", (2,), status=Status.FAIL)
    unknown = reports.argument("w", (2,), status=Status.INCONCLUSIVE)
    told = Suppressions(ignore=FINDINGS)
    report = after(layer("affine", finding("GC201", argument="x"), arguments=(failing,)), told)
    assert report.layers[0].status is Status.PASS
    assert report.layers[0].arguments == (failing,)
    report = after(layer("affine", finding("GC201", argument="x"), arguments=(failing, unknown)), told)
    assert report.layers[0].status is Status.INCONCLUSIVE
    report = after(layer("affine", status=Status.INCONCLUSIVE, arguments=(unknown,)), told)
    assert report.layers[0].status is Status.INCONCLUSIVE


def test_nothing_told_changes_nothing() -> None:
    for report in reports.ALL.values():
        report = replace(report, suppressed=(), unused_ignores=())  # as the engine makes it
        assert suppressed(report, Suppressions(), {}, WHOLE) == report


def test_the_comment_is_named_before_the_option() -> None:
    told = Suppressions(ignore=codes_of("GC304"), per_file=(entry("layers.py", "GC304"),))
    report = after(both("GC304"), told, with_comment(5, "# gradcheck: ignore[GC304]"))
    assert [layer.suppressed[0].by for layer in report.layers] == ["comment line 5", "per-file-ignores"]
    assert report.unused_ignores == ()  # each hides something, whatever else hides it too


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line_endings_do_not_move_a_comment(ending: str) -> None:
    source = with_comment(14, "# gradcheck: ignore[GC304]").replace("\n", ending)
    assert hidden(after(both("GC304"), source=source)) == {"affine": NOTHING, "scale": ["GC304"]}


CODES = sorted(FINDINGS)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(CODES), st.sampled_from(["x", "w", None])), max_size=8), st.randoms())
def test_the_order_of_findings_and_layers_does_not_matter(
    what: list[tuple[str, str | None]], chance: random.Random
) -> None:
    def report_of(found: list[tuple[str, str | None]], turned: bool) -> Report:
        layers = (
            layer("affine", *(finding(code, argument=argument) for code, argument in found)),
            layer("scale", *(finding(code, 14, argument) for code, argument in found)),
        )
        return reports.report(*(layers[::-1] if turned else layers))

    told = Suppressions(
        ignore=codes_of("GC101"),
        per_file=(entry("*.py", "GC4"),),
        baseline=Baseline(Path("/project/old.json"), {Key("layers.py", "affine", "GC201", "x"): 1}),
    )
    source = with_comment(5, "# gradcheck: ignore[GC3]")
    shuffled = list(what)
    chance.shuffle(shuffled)
    one, other = after(report_of(what, False), told, source), after(report_of(shuffled, True), told, source)
    assert sorted(map(str, one.ignored)) == sorted(map(str, other.ignored))
    assert sorted(map(str, one.findings)) == sorted(map(str, other.findings))
    assert sorted(map(str, one.unused_ignores)) == sorted(map(str, other.unused_ignores))
    assert len(one.findings) + len(one.ignored) == 2 * len(what)  # nothing is lost


@settings(deadline=None)
@given(st.sets(st.sampled_from(sorted(RULES))), st.sets(st.sampled_from(sorted(RULES))))
def test_no_option_makes_a_finding_appear(select: set[str], ignore: set[str]) -> None:
    found = both("GC201", "GC304", "GC502")
    report = after(found, Suppressions(frozenset(select), frozenset(ignore)))
    for before, now in zip(found, report.layers):
        assert set(now.findings) <= set(before.findings)
        assert replace(now, findings=before.findings, suppressed=(), status=before.status) == before
        assert (now.status is Status.FAIL) == any(one.code in FINDINGS for one in now.findings)
