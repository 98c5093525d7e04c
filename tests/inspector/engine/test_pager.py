"""`--no-tui`: all facts as plain text, in the order in which they are read; words as commands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gradcheck_cli.inspector.looking import Looking
from gradcheck_cli.inspector.plain.commands import Commands
from gradcheck_cli.inspector.plain.pager import page
from gradcheck_cli.inspector.session import Edit
from tests.inspector import sessions
from tests.report import reports


def read_out(session: Any, *lines: str) -> list[str]:
    """What is written for the beginning, and for each line that is typed."""
    written: list[str] = []
    typed = iter(lines)

    def read(prompt: str) -> str:
        assert prompt == "gradcheck> "
        written.append("")
        line = next(typed, None)
        if line is None:
            raise EOFError
        return line

    def write(text: str) -> None:
        if written:
            written[-1] += text
        else:
            written.append(text)

    page(session, write, read)
    return written


def said(session: Any, *lines: str) -> str:
    """What is said to the last line."""
    commands = Commands(Looking(session))
    return [commands.answer(line) for line in lines][-1]


def everything(session: Any) -> str:
    written: list[str] = []
    page(session, written.append, None)
    return "".join(written)


def in_order(text: str, *parts: str) -> bool:
    for part in parts:
        before, found, text = text.partition(part)
        if not found:
            raise AssertionError(f"{part!r} is not in {before!r}")
    return True


def test_all_is_printed_once_in_the_order_of_reading() -> None:
    text = everything(sessions.run())
    assert in_order(
        text,
        "run.npz: 3 failed, 1 error",
        "1. broken: error",
        "2. norm: fail",
        "   dx: fail, 12 of 12 elements wrong",
        "   dgamma: pass",
        "Layer broken: error",
        "GC502",
        "Layer norm: fail",
        "Finding: GC209 path-dropped, about x",
        "your `dx` has no contribution through",
        "To blame: mylayer.py, line 3",
        "The forward, mylayer.py, line 1. To blame: line 3.",
        "3, to blame:     std = np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)",
        "x.var(axis=1, keepdims=True): times 0 in your backward.",
        "4:     return gamma",
        "Gradient dx of shape (N=4, D=3)",
        "worst 1 of 12",
        "  yours: ",
        "  autodiff: ",
        "  finite difference: ",
        "worst 5 of 12",
        "Layer conv: fail",
    )
    assert "worst 6 of 12" not in text and "Layer kinked" in text


def test_it_holds_nothing_that_only_the_eye_reads() -> None:
    text = everything(sessions.run()) + "".join(read_out(sessions.live(), "dig", "source", "check", "help"))
    assert not set(text) & set("─|│┌└×±–−·✗✓^█░•")
    assert "\x1b" not in text


@pytest.mark.parametrize("told", sorted(reports.ALL))
def test_every_report_can_be_read(told: str) -> None:
    text = everything(sessions.FakeSession([(layer, None) for layer in reports.ALL[told].layers]))
    assert "\x1b" not in text and "\x00" not in text
    assert all(layer.name.split("\n")[0][:4] in text for layer in reports.ALL[told].layers)


def test_the_worst_elements_come_one_by_one_and_begin_anew() -> None:
    commands = Commands(Looking(sessions.run()))
    words = [commands.answer("" if at % 2 else "next") for at in range(13)]
    ranks = [f"worst {rank} of 12" for rank in (*range(1, 13), 1)]
    assert all(rank in word for rank, word in zip(ranks, words))
    assert words[12].startswith("The worst again.") and not words[11].startswith("The worst again.")


def test_an_element_is_found_by_its_index_and_dug_into() -> None:
    text = said(sessions.live(), "element 3,2")
    assert text.startswith("Element dx[3, 2], N=3, D=2: wrong")
    assert said(sessions.live(), "element -1 -1") == text
    assert "2 numbers are needed" in said(sessions.live(), "element 3")
    assert "outside" in said(sessions.live(), "element 4,0")
    text = said(sessions.live(), "element 3,2", "dig")
    assert in_order(
        text,
        "Finite differences of dx[3, 2]",
        "chosen: 1, plus or minus 1e-9",
        "steps that agree",
        "step 0.1: 1.01, off by 0.01",
        "x.mean(axis=1, keepdims=True), line 2: 3.25\n",
        "x.var(axis=1, keepdims=True), line 3: 2.5. Yours lacks this",
        "together, as autodiff has it: 0.25",
    )
    assert "It was not kept" in said(sessions.run(), "dig")


def test_layers_and_gradients_are_picked_by_name_or_number() -> None:
    assert said(sessions.run(), "layer 3").startswith("Layer conv")
    assert said(sessions.run(), "layer conv") == said(sessions.run(), "layer 3")
    assert "1. broken, 2. norm" in said(sessions.run(), "layer 7")
    assert said(sessions.run(), "layer conv", "gradient db").startswith("Gradient db")
    assert "came back as (1, 2), not (F=2)" in said(sessions.run(), "layer conv", "gradient b", "next")
    assert said(sessions.run(), "gradient dz") == "The gradients of this layer are dx, dgamma."
    assert said(sessions.run(), "gradient dgamma", "next") == "No element of dgamma is wrong."
    assert "no arrays were kept" in said(sessions.run(), "layer broken", "worst")


def test_sources_and_the_script() -> None:
    assert in_order(said(sessions.run(), "layer norm", "source"), "The forward", "to blame", "The backward", "11: def")
    assert said(sessions.run(), "layer norm", "script") == "import numpy as np\nassert False"
    assert said(sessions.run(), "layer kinked", "script") == "There is no script for this layer."
    assert "was not kept" in said(sessions.run(), "layer broken", "source")


def test_a_layer_is_checked_again_with_something_else() -> None:
    session = sessions.live()
    text = said(session, "check seed=3 N=5 x[0,1]=2.5 dout[3,2]=-1")
    assert in_order(text, "norm passes now", "Layer norm: pass", "Nothing is found.")
    (question,) = session.asked
    assert (question.seed, question.dimensions, question.draw) == (3, (("N", 5),), 0)
    assert question.edits == (Edit("x", 1, 2.5), Edit("dout", 11, -1.0))
    assert said(session, "check", "back").startswith("Layer norm: fail")
    assert said(session, "back") == "This layer was not checked again."


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("check x[9,9]=1", "outside"),
        ("check q=3", "no size q: its sizes are N, D"),
        ("check N=0", "is a size"),
        ("check y[0]=1", "no input y"),
        ("check x[0,0]=one", "is a number"),
        ("check seed=-1", "whole number"),
        ("check faster", "write check"),
    ],
)
def test_what_cannot_be_asked_is_said(told: str, why: str) -> None:
    session = sessions.live()
    assert why in said(session, told) and session.asked == []


def test_a_saved_run_says_that_it_cannot_be_checked() -> None:
    session = sessions.run()
    assert "is a saved run" in said(session, "check") and session.asked == []


def test_words_may_be_short_and_unknown_ones_are_told() -> None:
    assert said(sessions.run(), "elment 1") == "There is no word elment: did you mean element?"
    assert said(sessions.run(), "xyz") == "There is no word xyz: help names them all"
    for word in ("next", "worst", "element", "source", "dig", "check", "quit"):
        assert word in said(sessions.run(), "help")


@pytest.mark.parametrize("lines", [["quit"], []])
def test_it_ends_when_told_to_or_when_nobody_types(lines: list[str]) -> None:
    written = read_out(sessions.run(), *lines)
    assert "help names the words" in written[0] and len(written) == 2


def test_ctrl_c_stops_what_is_asked_and_not_the_pager() -> None:
    session = sessions.live()

    def interrupted(question: object) -> Any:
        raise KeyboardInterrupt

    session.answer = interrupted
    written = read_out(session, "check", "next")
    assert "Stopped." in written[1] and "worst 1 of 12" in written[2] and session.stops == 1


def test_a_damaged_array_is_one_sentence() -> None:
    report, kept = sessions.norm()
    broken = replace(kept.leaves[0], arrays={**kept.leaves[0].arrays, "yours": sessions.Damaged((4, 3))})
    session = sessions.FakeSession([(report, replace(kept, leaves=(broken, kept.leaves[1])))])
    text = everything(session)
    assert "Finding: GC209" in text and "is damaged" in text
    assert "is damaged" in "".join(read_out(session, "next"))


def test_a_saved_run_without_a_layer_is_read() -> None:
    session = sessions.FakeSession([])
    assert "no layers" in everything(session) and said(session, "next") == "There is no layer."


def test_paragraphs_are_folded_and_source_is_not() -> None:
    text = everything(sessions.run())
    prose = [line for line in text.split("\n") if not line[:1].isdigit() and "gradcheck run" not in line]
    assert max(map(len, prose)) <= 100
