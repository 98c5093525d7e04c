"""What the table must say, at every width, to a terminal and to a pipe."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from gradcheck_cli.report.model import Finding, Report, Status
from gradcheck_cli.report.table import print_table
from tests.report import reports

WIDTHS = (60, 80, 120)


class Ascii(io.StringIO):
    encoding = "ascii"  # type: ignore[assignment]


def shown(
    report: Report, width: int = 100, *, colours: bool = False, file: io.StringIO | None = None, **how: bool
) -> str:
    file = file or io.StringIO()
    console = Console(file=file, width=width, force_terminal=colours, color_system="truecolor" if colours else None)
    print_table(report, console, **how)
    return file.getvalue()


def squeezed(text: str) -> str:
    """Without the line breaks and indents that depend on the width."""
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", reports.ALL)
@pytest.mark.parametrize("how", [{}, {"verbose": True}, {"quiet": True}], ids=["plain", "verbose", "quiet"])
def test_no_line_is_wider_than_the_page_and_nothing_is_cut_off(name: str, width: int, how: dict[str, bool]) -> None:
    text = shown(reports.ALL[name], width, **how)
    lines = text.split("\n")
    assert all(cell_len(line.rstrip()) <= width for line in lines), max(lines, key=cell_len)
    # rich marks what it cuts off with an ellipsis at the cell's end; ours starts a sentence of its own
    assert all(line.strip().startswith("… and ") for line in lines if "…" in line)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_failure_says_everything_at_any_width(width: int) -> None:
    text = squeezed(shown(reports.report(reports.mismatch()), width))
    for part in (
        "affine_twice",
        "GC201 mismatch · w",
        "at mylayer.py:27",
        "dw (D=6, M=5) · 6 of 30 elements wrong",
        "worst relative error 1",
        "[0, 2]",
        "0.69117",
        "0.34558 ± 2e-10",
        "where it is wrong: D ↓ M →",
        "inputs of draw 1, seed 0: N=4, D=6, M=5",
        "upstream gradient dout = np.array(",
        "$ gradcheck run mylayer.py::affine_twice --seed 0",
        "1 failed · seed 0 · cpu · 0.42 s",
        "would have caught a relative error of 4e-12 in any element",
    ):
        assert part in text, part


def test_the_worst_elements_stand_in_named_columns() -> None:
    text = shown(reports.report(reports.mismatch()), 100)
    head = next(line for line in text.split("\n") if "autodiff" in line and "ratio" in line)
    assert re.split(r"\s{2,}", head.strip()) == ["index", "yours", "autodiff", "finite diff ± error", "ratio"]
    assert "… and 1 more (--verbose shows more)" in text
    assert "… and" not in shown(reports.report(reports.mismatch()), 100, verbose=True)


def test_the_map_marks_the_wrong_column_and_nothing_else() -> None:
    text = shown(reports.report(reports.mismatch()), 100)
    rows = re.findall(r"^\s+\d  ((?:[·█] ?){5})$", text, flags=re.MULTILINE)
    assert [row.split() for row in rows] == [["·", "·", "█", "·", "·"]] * 6


def test_a_map_of_four_dimensions_says_what_it_was_folded_over() -> None:
    assert "HH ↓  WW →" in shown(reports.report(reports.convolution()))
    assert "folded over F, C" in shown(reports.report(reports.convolution()))


def test_a_relative_error_of_one_in_a_million_can_be_read_off_the_numbers() -> None:
    text = shown(reports.report(reports.tiny_mismatch()), 100)
    row = next(line for line in text.split("\n") if line.strip().startswith("[517, 33]"))
    _, yours, autodiff, *_, ratio = row.split()[0:1] + row.split()[2:]
    assert yours != autodiff
    assert ratio == "1.000001"
    assert "x: float64 (N=32, D=1024), from" in text


def test_dimension_errors_show_both_shapes_with_their_names() -> None:
    text = squeezed(shown(reports.report(reports.dimensions())))
    assert "yours (M=5, D=6) expected (D=6, M=5) mend dw = dw.T" in text
    assert "yours (N=4, M=5) expected (M=5) mend db = db.sum(axis=0)" in text
    assert "GC102 wrong-count" in text
    assert "GC103 missing-gradient · gamma" in text


def test_a_passing_layer_is_one_line_and_verbose_spells_it_out() -> None:
    passing = reports.report(reports.layer())
    lines = [line for line in shown(passing).split("\n") if "affine" in line]
    assert [re.split(r"\s{2,}", line.strip()) for line in lines] == [
        ["affine", "x, w, b", "✓ pass", "3.9e-16", "0 of 59", "autodiff"]
    ]
    text = squeezed(shown(passing, verbose=True))
    assert "mylayer.py:21 · function pair · 3 draws · 3 equations" in text
    assert "witnesses: yours, autodiff, finite differences" in text
    assert "dw (D=6, M=5) · 30 elements, none wrong" in text


def test_quiet_shows_only_what_is_wrong_and_the_last_line() -> None:
    assert shown(reports.passing_report(), quiet=True).count("\n") == 1
    text = shown(reports.failing_report(), quiet=True)
    assert "worst relative error   wrong" not in text
    assert "GC201" in text
    assert "relu" not in text


def test_what_was_inferred_is_said_once_for_all_layers_it_concerns() -> None:
    text = squeezed(shown(reports.passing_report()))
    assert text.count("inferred by trying") == 1
    assert "affine, batchnorm_backward_alt: shapes of W" in text


def test_every_status_is_counted_and_modules_that_do_not_load_are_errors() -> None:
    assert "1 failed, 3 errors, 1 inconclusive, 1 passed" in shown(reports.mixed_report())
    assert "GC501 cannot-load" in shown(reports.mixed_report())


def test_the_sensitivity_is_that_of_the_weakest_check() -> None:
    assert "relative error of 9e-11" in shown(reports.passing_report())
    assert "would have caught" not in shown(reports.report(reports.inconclusive()))


def test_what_most_elements_are_checked_to_comes_first_and_the_line_fits() -> None:
    layer = reports.layer(sensitivity=2.4e-5, typical_sensitivity=7.1e-10)
    lines = shown(reports.report(layer), width=100).splitlines()
    assert " would have caught a relative error of 8e-10 in 19 of 20 elements, 3e-5 in any element" in lines


@pytest.mark.parametrize("width", [60, 100])
def test_a_layer_that_fails_though_its_values_pass_has_a_line_that_fails(width: int) -> None:
    finding = Finding("GC301", "the forward changes its input `x`", reports.PATH, 21, "x")
    layer = reports.layer(status=Status.FAIL, findings=(finding, replace(finding, argument="w")))
    rows = [line.split() for line in shown(reports.report(layer), width=width).splitlines()]
    assert rows.count(["mutates-input", "✗", "fail", "GC301"]) == 1


def test_a_finding_on_values_that_fail_has_no_line_of_its_own() -> None:
    assert not any(line.split()[-1:] == ["GC201"] for line in shown(reports.failing_report()).splitlines())


def test_numbers_of_another_draw_than_the_printed_inputs_say_so() -> None:
    layer = reports.mismatch()
    assert "in draw" not in shown(reports.report(layer))
    x, w, b = layer.arguments
    other = replace(layer, arguments=(x, replace(w, draw=2), b))
    assert "by autodiff · in draw 3" in shown(reports.report(other))


def test_no_layers() -> None:
    assert "no layers found · seed 0" in shown(reports.ALL["empty"])


@pytest.mark.parametrize("how", [{}, {"verbose": True}], ids=["plain", "verbose"])
@pytest.mark.parametrize("colours", [False, True])
def test_nothing_from_the_users_module_reaches_the_terminal_unspelled(colours: bool, how: dict[str, bool]) -> None:
    text = shown(reports.ALL["hostile"], 200, colours=colours, **how)
    ours = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", ours)
    assert "[bold red]x[/] \\x1b[31mred\\x1b[0m \\u202e\\n\\ud800 :smile: [link=http://e.vil]y[/link]" in ours
    assert "\x1b]8;" not in text  # no link was made
    if colours:
        assert "\x1b[31mred" not in text


def test_colours_only_on_a_terminal_and_never_with_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in shown(reports.failing_report())
    file = io.StringIO()
    monkeypatch.setenv("NO_COLOR", "1")
    print_table(reports.failing_report(), Console(file=file, width=80, force_terminal=True))
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", file.getvalue())


def test_a_stream_that_knows_ascii_alone_gets_ascii_alone() -> None:
    for name in ("mixed", "failing", "hostile", "tiny"):
        text = shown(reports.ALL[name], 80, file=Ascii())
        assert text.isascii(), [character for character in text if ord(character) > 127]


def test_the_first_finding_shown_is_the_one_to_read_more_of() -> None:
    text = squeezed(shown(reports.report(reports.mismatch(), reports.dimensions())))
    assert text.count("gradcheck explain") == 1
    assert "gradcheck explain GC201: what it means, and what to do about it" in text
    # errors stand first
    assert "gradcheck explain GC502:" in squeezed(shown(reports.report(reports.mismatch(), reports.error())))
    assert "gradcheck explain GC501:" in squeezed(
        shown(reports.report(reports.mismatch(), errors=(reports.module_error(),)))
    )


def test_where_nothing_is_found_or_little_is_asked_for_there_is_nothing_to_read_more_of() -> None:
    for text in (
        shown(reports.passing_report()),
        shown(reports.report(reports.inconclusive())),
        shown(reports.report(reports.mismatch()), quiet=True),
    ):
        assert "gradcheck explain" not in text


def test_the_first_layer_that_fails_is_the_one_to_look_at_where_somebody_can() -> None:
    two = reports.report(reports.error(), reports.mismatch(), reports.dimensions())
    text = squeezed(shown(two, is_attended=True))
    (command,) = re.findall(r"gradcheck inspect [^:]*::\S+ .*?: where", text)
    assert command == f"{reports.mismatch().reproduce.replace(' run ', ' inspect ')}: where"
    for nobody in (
        shown(two),
        shown(two, is_attended=True, quiet=True),
        shown(reports.passing_report(), is_attended=True),
        shown(reports.report(reports.error(), reports.inconclusive()), is_attended=True),
    ):
        assert "gradcheck inspect" not in nobody


def test_what_the_inspector_does_not_ask_for_is_left_out_of_its_command() -> None:
    layer = replace(
        reports.mismatch(), reproduce="gradcheck run 'my layer.py::affine' --seed 3 --order 2 --full --vmap"
    )
    assert "gradcheck inspect 'my layer.py::affine' --seed 3 --full: where" in squeezed(
        shown(reports.report(layer), is_attended=True)
    )
