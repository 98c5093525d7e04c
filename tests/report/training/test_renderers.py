"""A training on a terminal, as JSON, as a picture and as a page."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from xml.etree import ElementTree

import html5lib
import pytest
from rich.console import Console

from gradcheck_cli.report.screen import Screen
from gradcheck_cli.report.training.curves import HEIGHT, curves
from gradcheck_cli.report.training.html import training_html
from gradcheck_cli.report.training.json import training_json
from gradcheck_cli.report.training.model import Training, UpdateRule
from gradcheck_cli.report.training.scale import scale_of, spans
from gradcheck_cli.report.training.svg import training_svg
from gradcheck_cli.report.training.table import print_training
from gradcheck_cli.report.training.words import rule_sentence
from tests.report.training.made import AGREES, HOSTILE, PARTS


def printed(training: Training, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_training(training, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_runs_that_agree():
    text = printed(AGREES)
    assert "none parts" in text
    assert "✓ the runs agree over 3 steps" in text
    assert "what parts" not in text
    assert "yours yes, after 12 steps at lr 0.1" in text


def test_runs_that_part():
    lines = [" ".join(line.split()) for line in printed(PARTS).splitlines()]
    assert "fc.w at step 1 2 after step 1 0.5 3e-16" in lines
    assert "fc.b never after step 2 0.5 3e-16" in lines
    assert "not finite yours, at step 3: `fc`, its output" in lines
    assert "✗ the runs part after step 1, at `fc.w` · 1.50 s" in lines
    assert "by heart 4 examples, below 1 % of the loss: yours no, 100 % at best, at lr 0.1; autodiff's yes," in lines
    assert "it goes uphill: -1 times the plain step" in " ".join(lines)


@pytest.mark.parametrize("training", [AGREES, PARTS, HOSTILE])
@pytest.mark.parametrize("width", [40, 100])
def test_nothing_of_the_users_moves_the_cursor(training, width):
    text = printed(training, width)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text.encode("utf-8")


def test_json_is_strict():
    document = json.loads(training_json(PARTS), parse_constant=lambda name: pytest.fail(name))
    assert document["losses"]["yours"] == [2.0, 3.0, "Infinity"]
    assert document["parameters"][0]["yours"] == [["NaN", "NaN"]]
    assert document["cause"]["findings"][0]["code"] == "GC201"
    assert document["update"]["factor"] == -1.0
    assert document["overfit"]["yours"]["fits"] is False
    assert json.loads(training_json(HOSTILE))["kind"] == "training"


@pytest.mark.parametrize("training", [AGREES, PARTS, HOSTILE])
def test_the_picture_and_the_page_are_well_formed(training):
    root = ElementTree.fromstring(training_svg(training))
    assert root.tag.endswith("svg")
    page = training_html(training)
    html5lib.HTMLParser(strict=True).parse(page)
    assert "<script" not in page


def test_the_picture_marks_where_the_runs_part():
    assert "the runs part after step 1, at fc.w" in training_svg(PARTS)
    assert "part" not in ElementTree.fromstring(training_svg(AGREES)).itertext().__next__()


def test_a_curve_fills_its_columns_and_is_named_where_it_ends():
    lines = [line.plain for line in curves([4, 3, 2, 1], [4, 3, 2, 1], None, Screen(60))]
    assert len(lines) == HEIGHT + 1
    assert lines[HEIGHT - 1].endswith(" both")
    apart = [line.plain for line in curves([1, 2, 3], [1, 0.5, 0.2], 1, Screen(60))]
    assert apart[0].endswith(" yours")
    assert apart[HEIGHT - 1].endswith(" autodiff")
    assert "↑ they part after step 1" in apart[-1]


def test_a_curve_of_one_loss_and_of_none():
    assert curves([1.0], [1.0], None, Screen(60))
    assert curves([float("nan")], [], None, Screen(60)) == []


def test_wide_ranges_are_on_a_scale_of_powers():
    assert scale_of([[1.0, 0.001]]).is_logarithmic  # type: ignore[union-attr]
    assert not scale_of([[1.0, 0.5]]).is_logarithmic  # type: ignore[union-attr]
    assert not scale_of([[1000.0, 0.0]]).is_logarithmic  # type: ignore[union-attr]
    scale = scale_of([[100.0, 1.0]])
    assert scale is not None
    assert scale.at(10.0) == pytest.approx(0.5)
    assert scale.value(0.5) == pytest.approx(10.0)


def test_no_loss_is_lost_where_there_are_more_than_columns():
    curve = [0.0] * 1000
    curve[777] = 9.0
    assert max(high for _, high in filter(None, spans(curve, 40))) == 9.0


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (UpdateRule(), "w - lr * dw, lr = 0.1, in both runs"),
        (UpdateRule("sgd", 3, "", None), "each of its steps is w - lr * dw"),
        (UpdateRule("adam", 3, "", 1, "fc.w"), "another rule"),
        (UpdateRule("sgd", 3, "", 1, "fc.w", 2.0), "2 times the plain step"),
        (UpdateRule("sgd_momentum", 3, "", 2, "fc.w", 1.9), "from step 2 on it is another rule"),
    ],
)
def test_the_rule_in_words(rule, words):
    assert words in rule_sentence(rule, 0.1)


def test_a_run_cut_short_says_so():
    assert "3 steps of 50" in printed(replace(AGREES, asked=50))
