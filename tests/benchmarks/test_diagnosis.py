"""The judge of diagnoses: what counts as right, as none and as wrong, and what stands in the record of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.detection.planted import PLANTED, Planted
from benchmarks.diagnosis import __main__ as command
from benchmarks.diagnosis.__main__ import chosen, judgements, main, parse
from benchmarks.diagnosis.answers import Answer, append, read
from benchmarks.diagnosis.ask import ask
from benchmarks.diagnosis.judge import Judged, Kind, causes, is_good, judged, lines, wrong
from benchmarks.diagnosis.tables import line, markdown

MODULE = """
def scale_forward(x):
    shifted = x - x.mean()
    return 3 * shifted


def scale_backward(dout):
    return dout
"""
SHIFTED, RETURNED, ELSEWHERE = 3, 4, 7


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "layers.py"
    path.write_text(MODULE)
    return path


def planted(module: Path, code: str, also: tuple[str, ...] = (), forward: tuple[str, ...] = ()) -> Planted:
    return Planted("bug", module, "scale", "return dout", "return -dout", "what", code, also, forward)


def said(code: str, line: int = 0, found: bool = True, seconds: float = 1.0, diagnosis: float = 0.0) -> Answer:
    factor = -1.0 if line else None
    return Answer("bug", 0, found, code, line, line, factor, "x - x.mean()", (code,), "words", seconds, diagnosis)


@pytest.mark.parametrize(
    ("code", "also", "answer", "kind"),
    [
        ("GC202", (), "GC202", Kind.RIGHT),
        ("GC206", ("GC202",), "GC202", Kind.RIGHT),
        ("GC206", ("GC202",), "GC201", Kind.NONE),
        ("GC206", ("GC202",), "GC203", Kind.WRONG),
        ("GC202", (), "GC206", Kind.WRONG),
        ("GC201", (), "GC201", Kind.RIGHT),
        ("GC201", (), "GC208", Kind.WRONG),
        ("GC201", ("GC208",), "GC208", Kind.RIGHT),
        ("GC302", (), "GC302", Kind.RIGHT),
        ("GC302", (), "GC304", Kind.WRONG),
        ("GC302", (), "GC201", Kind.NONE),
    ],
)
def test_the_first_cause_is_right_where_it_is_planted_or_accepted(
    module: Path, code: str, also: tuple[str, ...], answer: str, kind: Kind
) -> None:
    assert judged(planted(module, code, also), said(answer)).kind is kind


def test_what_was_not_called_wrong_is_not_judged(module: Path) -> None:
    one = judged(planted(module, "GC202"), said("", found=False))
    assert one.kind is Kind.UNFOUND
    assert [share([one]).whole for share in (causes, lines, wrong)] == [0, 0, 0]


def test_the_right_cause_in_another_line_is_wrong(module: Path) -> None:
    bug = planted(module, "GC209", forward=("shifted = x - x.mean()", "return 3 * shifted"))
    for right in (SHIFTED, RETURNED):
        one = judged(bug, said("GC209", right))
        assert (one.kind, one.has_line, one.line_right) == (Kind.RIGHT, True, True)
    for other in (ELSEWHERE, -1):
        one = judged(bug, said("GC209", other))
        assert (one.kind, one.has_line, one.line_right) == (Kind.WRONG, True, False)


def test_an_expression_of_several_lines_may_begin_before_the_right_one(module: Path) -> None:
    bug = planted(module, "GC209", forward=("return 3 * shifted",))
    answer = Answer("bug", 0, True, "GC209", SHIFTED, RETURNED)
    assert judged(bug, answer).line_right


def test_a_line_is_not_judged_where_none_is_known(module: Path) -> None:
    one = judged(planted(module, "GC202", ("GC210",)), said("GC210", ELSEWHERE))
    assert (one.kind, one.has_line) == (Kind.RIGHT, False)


def test_a_path_without_a_line_counts_against_the_lines_only(module: Path) -> None:
    bug = planted(module, "GC210", ("GC202",), ("return 3 * shifted",))
    one = judged(bug, said("GC202"))
    assert one.kind is Kind.RIGHT
    assert str(lines([one])) == "0 of 1 (0.0 %)"


def many(module: Path, right: int, none: int, wrong: int) -> list[Judged]:
    bug = planted(module, "GC202")
    answers = [*["GC202"] * right, *["GC201"] * none, *["GC203"] * wrong]
    return [judged(bug, said(code)) for code in answers]


def test_the_bars(module: Path) -> None:
    assert is_good(many(module, 95, 4, 1))
    assert is_good(many(module, 20, 0, 0))
    assert not is_good(many(module, 94, 6, 0))
    assert not is_good(many(module, 98, 0, 2))
    path = planted(module, "GC209", forward=("return 3 * shifted",))
    good, bad = judged(path, said("GC209", RETURNED)), judged(path, said("GC209"))
    assert is_good([good] * 9 + [bad])
    assert not is_good([good] * 8 + [bad] * 2)


def test_bugs_without_a_cause_count_for_wrong_diagnoses_only(module: Path) -> None:
    bug = planted(module, "GC201")
    some = [judged(bug, said("GC201")), judged(bug, said("GC202"))]
    assert causes(some).whole == 0
    assert str(wrong(some)) == "1 of 2 (50.0 %)"


def test_the_record_says_what_was_wrong_and_what_it_cost(module: Path) -> None:
    bug = planted(module, "GC209", forward=("return 3 * shifted",))
    some = [
        judged(bug, said("GC209", RETURNED, seconds=2.0, diagnosis=1.5)),
        judged(bug, said("GC209", ELSEWHERE, seconds=2.0, diagnosis=1.0)),
        judged(bug, said("GC201")),
    ]
    text = markdown(some)
    assert "First cause right: 1 of 3 (33.3 %)." in text
    assert "| GC209 | 3 | 1 | 1 | 1 | 2 | 1 |" in text
    assert "1 of 2 took 3 times the check or more" in text
    assert "### Wrong diagnoses: 1" in text
    assert "what (GC209 in line 4); said: GC209 at `x - x.mean()`, line 7, α = -1" in text
    assert "what (GC209 in line 4); said: GC201" in text
    assert line(some[0]) not in text


def test_answers_are_kept_and_not_asked_for_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bug = next(bug for bug in PLANTED if bug.code == "GC202")
    file = tmp_path / "answers.jsonl"
    append(file, [Answer(bug.name, 0, True, "GC201"), Answer(bug.name, 0, True, "GC202")])
    assert [answer.code for answer in read(file)] == ["GC202"]
    monkeypatch.setattr(command, "workers", None)  # nothing is run
    assert main(["--only", f"#{bug.name}", "--results", str(file)]) == 0
    assert "First cause right: 1 of 1 (100.0 %)" in capsys.readouterr().out
    append(file, [Answer(bug.name, 0, True, "GC201")])
    assert main(["--only", f"#{bug.name}", "--results", str(file), "--no-run"]) == 1
    assert len(file.read_text().splitlines()) == 3
    assert json.loads(file.read_text().splitlines()[0])["bug"] == bug.name


def test_a_part_of_the_zoo_can_be_chosen() -> None:
    assert chosen("", 0) == list(PLANTED)
    assert {bug.layer for bug in chosen("gates::glu#", 0)} == {"glu"}
    assert {bug.code for bug in chosen("GC205", 0)} == {"GC205"}
    assert len(chosen("", 7)) == 7 and chosen("", 7) == chosen("", 7)
    assert list(parse(["--seeds", "2-3"]).seeds) == [2, 3]


def test_a_dropped_path_and_an_arbitrary_error_are_asked_about(tmp_path: Path) -> None:
    """A path is named, with its line, and what has no cause gets none."""
    module = tmp_path / "skips.py"
    module.write_text(
        "import numpy as np\n\n\n"
        "def skip_forward(x, w):\n"
        '    """x: shape (N, D), w: shape (D, D)"""\n'
        "    return np.tanh(x @ w) + x, (x, w)\n\n\n"
        "def skip_backward(dout, cache):\n"
        "    x, w = cache\n"
        "    da = dout * (1 - np.tanh(x @ w) ** 2)\n"
        "    return da @ w.T + dout, x.T @ da\n"
    )
    right = "return da @ w.T + dout, x.T @ da"
    dropped = Planted("drop", module, "skip", right, "return da @ w.T, x.T @ da", "", "GC209", (), ("+ x, (x, w)",))
    noise = "return da @ w.T + dout * (1 + np.sin(np.arange(x.size) ** 2).reshape(x.shape)), x.T @ da"
    arbitrary = Planted("noise", module, "skip", right, noise, "", "GC201")
    first, second = (ask(bug, 0) for bug in (dropped, arbitrary))
    found = judgements([dropped, arbitrary], [first, second], [0])
    assert [one.kind for one in found] == [Kind.RIGHT, Kind.RIGHT]
    assert found[0].line_right and second.line == 0
    assert 0 < first.diagnosis < first.seconds
