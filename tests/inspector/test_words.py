"""What the screens say."""

from __future__ import annotations

import numpy as np

from gradcheck_cli.inspector import words
from gradcheck_cli.inspector.heat import EXCUSED, MENDED, NOT_FINITE, RIGHT, UNKNOWN
from gradcheck_cli.inspector.leaf import Facts, Leaf
from gradcheck_cli.inspector.view import view_of
from gradcheck_cli.saved.model import EXCUSED as KINK
from gradcheck_cli.saved.model import RIGHT as FINE
from gradcheck_cli.saved.model import WRONG
from tests.inspector import sessions


def test_signs_are_two_columns_and_each_is_its_own() -> None:
    signs = [words.sign(code) for code in range(NOT_FINITE + 1)]
    assert all(len(sign) == 2 for sign in signs) and len(set(signs)) == len(signs)
    assert [words.sign(code) for code in (RIGHT, MENDED, UNKNOWN, EXCUSED, NOT_FINITE)] == [
        " ·",
        " +",
        " ?",
        " ~",
        " !",
    ]
    assert (words.sign(4), words.sign(5), words.sign(20), words.sign(21)) == (" 1", "-1", " 9", "-9")


def test_a_number_is_never_cut_into_another_one() -> None:
    assert words.brief_within(-1.234567, 3, 9) == "-1.23"
    assert words.brief_within(-1.234e-105, 3, 9) == "-1.2e-105"
    assert words.brief_within(-1.234e-105, 3, 7) == "-1e-105"
    assert words.brief_within(-1.234e-105, 3, 6) == "…"
    assert words.brief_within(-1.49 - 0.302j, 3, 19) == "-1.49-0.302j"


def test_only_marks_that_are_there_are_explained() -> None:
    _, kept = sessions.kinked()
    assert [word for _, word in words.legend(Leaf(kept, 0).heat)] == ["unknown", "kink", "not finite"]
    _, kept = sessions.norm()
    assert words.legend(Leaf(kept, 0).heat) == []


def test_an_index_is_told_with_its_names() -> None:
    _, kept = sessions.norm()
    leaf = Leaf(kept, 0)
    assert words.index_words(leaf.facts(5), leaf.kept) == "N=1 · D=2"
    assert words.index_text((1, 2)) == "[1, 2]" and words.index_text(()) == ""


def test_axes_and_slices() -> None:
    _, kept = sessions.conv()
    view = view_of((2, 3, 4, 5)).at((1, 2, 0, 0))
    assert words.axes_line(view, kept.leaves[0]) == "↓ H  → W"
    assert words.slice_line(view, kept.leaves[0]) == "[ ] F=1 of 2 · C=2 of 3"
    assert words.axes_line(view_of((2,)), kept.leaves[1]) == "→ F"
    assert words.axes_line(view_of(()), sessions.leaf("a", np.ones(()), np.ones(()))) == ""


def test_the_rows_of_an_element_have_digits_enough_to_differ() -> None:
    rows = dict(words.element_rows(Facts((0,), yours=1.0000000123, autodiff=1.0, difference=1.0, bar=1e-9)))
    assert rows["yours"] != rows["autodiff"] and rows["finite diff"] == "1 ± 1e-9"
    assert dict(words.element_rows(Facts((0,), yours=1.0)))["finite diff"] == "– not taken"
    assert "reference" not in rows
    assert dict(words.element_rows(Facts((0,), yours=1.0, autodiff=0.0, reference=1.0)))["reference"] == "1"


def test_marks_are_told_in_words() -> None:
    assert words.mark_words(Facts((0,), mark=WRONG, rank=3), 12) == "✗ wrong · worst 3 of 12"
    assert words.mark_words(Facts((0,), mark=FINE), 12) == "✓ right"
    assert words.mark_words(Facts((0,), mark=KINK), 12) == "~ right at a kink"
    assert words.mark_words(Facts((0,)), 0) == "not judged"


def test_an_element_to_be_copied() -> None:
    _, kept = sessions.norm()
    text = words.element_text(Leaf(kept, 0).facts(0), "norm", kept.leaves[0])
    assert text.startswith("norm: dx[0, 0] is wrong\n  yours        ")
    assert "\n  autodiff     " in text


def test_names_of_others_are_made_harmless() -> None:
    each = sessions.leaf("x\x1b[2J", np.ones((2, 2)), np.ones((2, 2)), ("N\n", ""))
    assert "\x1b" not in words.map_title(each, 0)
    assert "\n" not in words.axes_line(view_of((2, 2)), each)
