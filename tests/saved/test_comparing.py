"""What is called worse, better, appeared, vanished and the same, and what is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.report.difference.model import Change, Difference
from gradcheck_cli.report.model import LayerReport, Report, Status
from gradcheck_cli.report.problem import Problem
from gradcheck_cli.saved.comparing import difference
from gradcheck_cli.saved.model import WRONG, KeptLayer
from gradcheck_cli.saved.reading import open_run
from tests.report import reports
from tests.saved import runs

Told = tuple[Report, tuple[KeptLayer, ...]]


def compare(tmp: Path, before: Report, after: Report, **saved: Any) -> Difference:
    return compare_kept(tmp, (before, ()), (after, ()), **saved)


def compare_kept(tmp: Path, before: Told, after: Told, **saved: Any) -> Difference:
    one = runs.save(tmp / "before.npz", *before)
    other = runs.save(tmp / "after.npz", *after, **saved)
    with open_run(one) as first, open_run(other) as second:
        return difference(first, second)


def failing(wrong: int, error: float, total: int = 30, status: Status = Status.FAIL) -> LayerReport:
    argument = reports.argument("w", (6, 5), ("D", "M"), status=status, wrong=wrong, total=total, max_rel_error=error)
    return reports.layer("affine_twice", status=status, arguments=(argument,), findings=reports.mismatch().findings)


def layer_change(folder: Path, before: LayerReport, after: LayerReport) -> Change:
    (found,) = compare(folder, runs.report(before), runs.report(after)).layers
    return found.change


PASSING = reports.layer("affine_twice")
UNDECIDED = reports.layer("affine_twice", status=Status.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (PASSING, PASSING, Change.SAME),
        (PASSING, failing(6, 1.0), Change.WORSE),
        (PASSING, UNDECIDED, Change.WORSE),
        (UNDECIDED, failing(6, 1.0), Change.WORSE),
        (failing(6, 1.0), PASSING, Change.BETTER),
        (failing(6, 1.0), failing(6, 1.0), Change.SAME),
        (failing(6, 1.0), failing(7, 1e-3), Change.WORSE),
        (failing(6, 1.0), failing(5, 9.0), Change.BETTER),
        (failing(6, 1.0), failing(12, 1.0, total=60), Change.SAME),
        (failing(6, 1.0), failing(6, 1.9), Change.SAME),
        (failing(6, 1.0), failing(6, 2.1), Change.WORSE),
        (failing(6, 1.0), failing(6, 0.4), Change.BETTER),
        (failing(6, 1.0), failing(6, float("inf")), Change.WORSE),
        (failing(6, float("inf")), failing(6, float("inf")), Change.SAME),
    ],
)
def test_one_layer(tmp_path: Path, before: LayerReport, after: LayerReport, change: Change) -> None:
    assert layer_change(tmp_path, before, after) is change


def test_rounding_of_what_passes_is_no_change(tmp_path: Path) -> None:
    arguments = tuple(replace(argument, max_rel_error=9e-13) for argument in PASSING.arguments)
    assert layer_change(tmp_path, PASSING, replace(PASSING, arguments=arguments)) is Change.SAME


def test_one_argument_that_is_worse_makes_the_layer_worse(tmp_path: Path) -> None:
    before, after = failing(6, 1.0), failing(3, 1.0)
    worse = replace(after, arguments=(*after.arguments, reports.argument("b", (5,), status=Status.FAIL, wrong=5)))
    before = replace(before, arguments=(*before.arguments, reports.argument("b", (5,))))
    (found,) = compare(tmp_path, runs.report(before), runs.report(worse)).layers
    assert [argument.change for argument in found.arguments] == [Change.BETTER, Change.WORSE]
    assert found.change is Change.WORSE


def test_a_rule_that_is_broken_too_is_worse_and_another_word_for_the_same_is_not(tmp_path: Path) -> None:
    before = failing(6, 1.0)
    (finding,) = before.findings
    added = replace(before, findings=(finding, replace(finding, code="GC301")))
    renamed = replace(before, findings=(replace(finding, code="GC210"),))
    assert layer_change(tmp_path, before, added) is Change.WORSE
    assert layer_change(tmp_path, added, before) is Change.BETTER
    assert layer_change(tmp_path, before, renamed) is Change.SAME


def test_layers_that_appear_and_vanish(tmp_path: Path) -> None:
    found = compare(tmp_path, runs.report(PASSING, reports.layer("old")), runs.report(PASSING, reports.layer("new")))
    assert [(layer.name, layer.change) for layer in found.layers] == [
        ("affine_twice", Change.SAME),
        ("new", Change.APPEARED),
        ("old", Change.VANISHED),
    ]
    assert not found.is_worse


def test_a_new_layer_that_is_wrong_is_worse_and_one_that_is_gone_is_not(tmp_path: Path) -> None:
    wrong = reports.mismatch()
    assert compare(tmp_path, runs.report(PASSING), runs.report(PASSING, replace(wrong, name="new"))).is_worse
    assert not compare(tmp_path, runs.report(PASSING, replace(wrong, name="old")), runs.report(PASSING)).is_worse


def test_a_module_that_does_not_load_any_more(tmp_path: Path) -> None:
    broken = next(report for report in reports.ALL.values() if report.errors)
    found = compare(tmp_path, runs.report(PASSING), replace(broken, layers=(PASSING,)))
    assert found.is_worse
    assert [layer.change for layer in found.layers if layer.after and layer.after.convention == "module"] == [
        Change.APPEARED
    ] * len(broken.errors)


def test_layers_are_known_by_their_place_in_the_folder(tmp_path: Path) -> None:
    before = runs.report(
        replace(PASSING, path="/home/you/project/a.py"), replace(PASSING, path="/home/you/project/b.py")
    )
    moved = runs.report(replace(PASSING, path="/ci/build/b.py"), replace(PASSING, path="/ci/build/a.py"))
    found = compare(tmp_path, before, moved, folder=Path("/ci/build"))
    assert [(layer.path, layer.change) for layer in found.layers] == [("b.py", Change.SAME), ("a.py", Change.SAME)]


def test_a_file_that_was_renamed_is_known_by_its_layers_and_never_by_a_name_that_two_have(tmp_path: Path) -> None:
    renamed = runs.report(replace(PASSING, path="other.py"))
    assert [layer.change for layer in compare(tmp_path, runs.report(PASSING), renamed).layers] == [Change.SAME]
    two = runs.report(replace(PASSING, path="one.py"), replace(PASSING, path="two.py"))
    assert Change.SAME not in [layer.change for layer in compare(tmp_path, runs.report(PASSING), two).layers]


def wrong(*flat: int) -> np.ndarray:
    marks = np.zeros((2, 3), np.uint8)
    marks.reshape(-1)[list(flat)] = WRONG
    return marks


def elements(folder: Path, before: KeptLayer, after: KeptLayer) -> Any:
    told = runs.report(failing(6, 1.0))
    (layer,) = compare_kept(folder, (told, (before,)), (told, (after,))).layers
    return layer.arguments[0]


def test_elements_on_the_same_inputs(tmp_path: Path) -> None:
    found = elements(tmp_path, runs.marked(wrong(0, 1, 2)), runs.marked(wrong(2, 5))).elements
    assert (found.draw, found.total) == (0, 6)
    assert (found.mended, found.broken, found.still_wrong) == (2, 1, 1)


def test_the_draw_that_failed_is_found_though_the_run_after_shows_another(tmp_path: Path) -> None:
    first, second = runs.marked(wrong(), "a0", 0), runs.marked(wrong(1), "a1", 1)
    before = replace(second, draws=(*first.draws, *second.draws), shown=1)
    after = replace(first, draws=(*first.draws, *runs.marked(wrong(), "a1", 1).draws), shown=0)
    found = elements(tmp_path, before, after).elements
    assert (found.draw, found.mended, found.broken) == (1, 1, 0)


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (runs.marked(wrong(0), "others"), "its inputs were others"),
        (runs.marked(wrong(0), index=4), "its inputs were others"),
        (runs.marked(None), "its elements were not judged"),
    ],
)
def test_elements_that_cannot_be_compared(tmp_path: Path, after: KeptLayer, why: str) -> None:
    found = elements(tmp_path, runs.marked(wrong(0)), after)
    assert (found.elements, found.why) == (None, why)


def test_what_keeps_two_runs_from_being_compared_is_said(tmp_path: Path) -> None:
    problem = Problem("interrupted", "interrupted after 1 of 2 layers")
    found = compare(tmp_path, runs.report(), runs.report(seed=3, version="0.2.0", device="gpu"), problem=problem)
    assert [note.split()[1] for note in found.notes] == ["seeds", "were", "were", "is"]
    assert compare(tmp_path, runs.report(), runs.report()).notes == ()
