"""The table and the JSON document of a difference: what must be on them, at any width, of any module."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from gradcheck_cli.report.difference.json import difference_json
from gradcheck_cli.report.difference.model import (
    ArgumentDifference,
    Change,
    Difference,
    ElementChanges,
    LayerDifference,
    RunSummary,
)
from gradcheck_cli.report.difference.table import print_difference
from gradcheck_cli.report.model import LayerReport
from tests.report import reports
from tests.report.hostile import EXAMPLES, holding

RUNS = RunSummary("before.npz", "0.1.0", 0, "cpu"), RunSummary("after.npz", "0.1.0", 0, "cpu")


def mended(**changes: object) -> LayerDifference:
    """Column 2 of dw was wrong."""
    before, after = reports.mismatch(), reports.layer("affine_twice")
    arguments = tuple(
        ArgumentDifference(one.name, Change.SAME if one.name != "w" else Change.BETTER, one, other)
        for one, other in zip(before.arguments, after.arguments)
    )
    elements = ElementChanges(draw=0, total=30, mended=6, broken=0, still_wrong=0)
    arguments = tuple(replace(each, elements=elements) if each.name == "w" else each for each in arguments)
    layer = LayerDifference("affine_twice", "mylayer.py", Change.BETTER, before, after, arguments, gone=("GC201",))
    return replace(layer, **changes)  # type: ignore[arg-type]


def same(name: str = "relu") -> LayerDifference:
    layer = reports.layer(name)
    arguments = tuple(ArgumentDifference(each.name, Change.SAME, each, each) for each in layer.arguments)
    return LayerDifference(name, "mylayer.py", Change.SAME, layer, layer, arguments)


def appeared(layer: LayerReport) -> LayerDifference:
    return LayerDifference(layer.name, "mylayer.py", Change.APPEARED, None, layer)


def difference(*layers: LayerDifference, notes: tuple[str, ...] = ()) -> Difference:
    return Difference(*RUNS, layers, notes)


def shown(found: Difference, width: int = 100, encoding: str = "utf-8", verbose: bool = False) -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    print_difference(found, Console(file=stream, width=width), verbose=verbose)
    stream.seek(0)
    return stream.read()


def test_what_got_better() -> None:
    lines = shown(difference(mended(), same())).splitlines()
    assert lines[1].split() == ["layer", "argument", "change", "verdict", "worst", "relative", "error", "wrong"]
    assert " ".join(lines[2].split()) == "affine_twice w better ✗ fail → ✓ pass 1 → 3.9e-16 6 → 0 of 30"
    text = " ".join(" ".join(lines).split())
    assert "before GC201 mismatch: 6 of 30 elements of `dw` differ" in text
    assert "now nothing is found" in text
    assert "6 elements mended, of 30 on the same inputs (draw 0)" in text
    assert "relu" not in text and text.endswith("1 better · 1 same")


def test_what_did_not_change_is_shown_where_it_is_asked_for() -> None:
    assert "relu" in shown(difference(same()), verbose=True)
    assert shown(difference(same())).split() == ["1", "same"]
    assert "neither run has a layer" in shown(difference())


def test_the_same_cause_is_said_once() -> None:
    before = reports.mismatch()
    text = shown(difference(mended(after=before, change=Change.WORSE)))
    assert "still" in text and "before" not in text


def test_why_elements_are_not_compared() -> None:
    argument = replace(mended().arguments[1], elements=None, why="its inputs were others")
    text = shown(difference(mended(arguments=(argument,))))
    assert "not compared element by element: its inputs were others" in text


def test_a_new_layer_has_one_verdict() -> None:
    text = shown(difference(appeared(reports.mismatch())))
    assert "appeared  ✗ fail" in text and "→" not in text


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
def test_it_fits_the_page(width: int) -> None:
    notes = ("The seeds are 0 and 3: the inputs differ.",)
    text = shown(difference(mended(), appeared(reports.layer("a_layer_of_a_long_name")), notes=notes), width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "pass" in text


def test_a_terminal_that_knows_ascii_alone() -> None:
    assert shown(difference(mended()), encoding="ascii").isascii()


@pytest.mark.parametrize("text", EXAMPLES)
def test_what_a_module_says_cannot_write_to_the_terminal(text: str) -> None:
    layers = tuple(appeared(layer) for layer in holding(text).layers)
    found = difference(*layers, mended(name=text, path=text), notes=(text,))
    assert "\x1b" not in shown(found) and "\x07" not in shown(found)
    json.loads(difference_json(found).encode("utf-8"))


def test_the_document() -> None:
    document = json.loads(difference_json(difference(mended(), same())), parse_constant=pytest.fail)
    assert document["summary"] == {"worse": 0, "better": 1, "appeared": 0, "vanished": 0, "same": 1}
    assert document["worse"] is False and document["errors"] == []
    layer = document["layers"][0]
    assert (layer["change"], layer["gone"], layer["new"]) == ("better", ["GC201"], [])
    assert layer["before"]["cause"]["code"] == "GC201" and layer["after"]["cause"] is None
    argument = layer["arguments"][1]
    assert argument["before"]["wrong"] == 6 and argument["after"]["wrong"] == 0
    assert argument["elements"] == {"draw": 0, "total": 30, "mended": 6, "broken": 0, "still_wrong": 0}


def test_a_number_that_is_not_finite_is_spelled() -> None:
    layer = appeared(reports.layer())
    argument = ArgumentDifference("x", Change.WORSE, None, reports.argument("x", (2,), max_rel_error=float("inf")))
    text = difference_json(difference(replace(layer, arguments=(argument,))))
    assert (
        json.loads(text, parse_constant=pytest.fail)["layers"][0]["arguments"][0]["after"]["max_rel_error"]
        == "Infinity"
    )
