"""From what is typed to a question."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.inspector.asking import (
    Unclear,
    drawn_anew,
    edit_of,
    editable,
    index_of,
    question_words,
    seed_of,
    sizes_of,
    with_edit,
)
from gradcheck_cli.inspector.copying import command_of
from gradcheck_cli.inspector.session import Edit, Question
from gradcheck_cli.saved.model import Held, KeptInput
from tests.inspector import sessions

ASKED = Question(sessions.PATH, "norm")


@pytest.mark.parametrize("text", ["1, 2", "1 2", "[1, 2]", "[1][2]", "(1,2)", "-2 -1"])
def test_an_index_as_people_write_it(text: str) -> None:
    assert index_of(text, (3, 3)) == (1, 2)


@pytest.mark.parametrize(
    ("text", "why"), [("1", "2 numbers"), ("1,2,3", "2 numbers"), ("3,0", "outside"), ("a", "whole")]
)
def test_an_index_that_is_none(text: str, why: str) -> None:
    with pytest.raises(Unclear, match=why):
        index_of(text, (3, 3), ("N", "D"))


def test_seeds_and_sizes() -> None:
    assert seed_of(" 12 ") == 12 and seed_of("") is None
    assert sizes_of({"N": "4", "D": "5"}, {"N": 4, "D": 3}) == (("D", 5),)
    for wrong in ("-1", "x", "1.5"):
        with pytest.raises(Unclear):
            seed_of(wrong)
    for wrong in ("0", "", "99999", "a"):
        with pytest.raises(Unclear):
            sizes_of({"N": wrong}, {"N": 4})


def test_a_value_of_an_input() -> None:
    x = KeptInput("x", ("N", "D"), "", Held(np.ones((4, 3))))
    assert edit_of(x, "1, 2", "-1.5e-3") == Edit("x", 5, -1.5e-3)
    assert edit_of(x, "0, 0", "nan").position == 0
    labels = KeptInput("y", (), "", Held(np.arange(4)))
    assert edit_of(labels, "3", "2") == Edit("y", 3, 2.0)
    for argument, value in ((x, "much"), (labels, "1.5"), (labels, "nan")):
        with pytest.raises(Unclear):
            edit_of(argument, "1, 1" if argument is x else "1", value)


def test_values_are_set_one_after_the_other() -> None:
    once = with_edit(ASKED, Edit("x", 5, 1.0), 0)
    twice = with_edit(once, Edit("x", 5, 2.0), 0)
    assert twice.edits == (Edit("x", 5, 2.0),) and twice.draw == 0
    assert len(with_edit(once, Edit("x", 6, 2.0), 0).edits) == 2


def test_a_new_draw_forgets_values_and_keeps_sizes() -> None:
    asked = with_edit(Question(sessions.PATH, "norm", None, (("N", 7),)), Edit("x", 5, 1.0), 0)
    assert drawn_anew(asked, "", {"N": "7"}, {"N": 7}) is asked
    assert drawn_anew(asked, "3", {"N": "7", "D": "2"}, {"N": 7, "D": 3}) == Question(
        sessions.PATH, "norm", 3, (("N", 7), ("D", 2))
    )


def test_what_is_asked_in_words() -> None:
    _, kept = sessions.norm()
    assert list(editable(kept)) == ["x", "gamma", "dout"]
    assert question_words(ASKED, kept) == ""
    assert question_words(Question(sessions.PATH, "norm", 3, (("N", 5),)), kept) == "seed 3, N=5"
    assert question_words(with_edit(ASKED, Edit("x", 5, 0.25), 0), kept) == "x[1, 2] = 0.25"
    assert question_words(with_edit(ASKED, Edit("x", 5, 0.25), 0), None) == "x at 5 = 0.25"


def test_the_command_that_checks_this_again() -> None:
    report, _ = sessions.norm()
    assert command_of(report, 0, ASKED) == report.reproduce
    asked = Question(sessions.PATH, "norm", 3, (("N", 5),))
    assert command_of(report, 0, asked) == f"gradcheck run {sessions.PATH}::norm --seed 3 --dim N=5"
