"""What is looked at first, and what becomes of answers."""

from __future__ import annotations

import numpy as np

from gradcheck_cli.inspector.changes import LeafChange, change_words, changes, joined_news
from gradcheck_cli.inspector.looking import Looking, Target
from gradcheck_cli.inspector.plain.commands import Commands
from gradcheck_cli.inspector.session import Answer, Question
from gradcheck_cli.inspector.words import argument_label
from gradcheck_cli.report.model import Status
from tests.inspector import sessions


def test_it_begins_with_the_finding_of_the_first_layer_that_fails() -> None:
    assert Looking(sessions.run()).first == Target(1, 0)
    passing = sessions.FakeSession([sessions.norm(0.0)])
    assert Looking(passing).first == Target(0, 0)
    assert Looking(sessions.FakeSession([])).first == Target(0, 0)


def test_all_gradients_have_their_turn() -> None:
    targets = Looking(sessions.run()).targets
    assert targets == [Target(0), Target(1, 0), Target(1, 1), Target(2, 0), Target(2, 1), Target(3, 0)]


def test_findings_of_the_gradient_come_first() -> None:
    looking = Looking(sessions.run())
    finding = looking.finding(Target(2, 0))
    assert finding is not None and finding.code == "GC101"
    assert looking.finding(Target(3, 0)) is None


def test_an_answer_takes_the_place_and_can_be_taken_back() -> None:
    looking = Looking(sessions.live())
    question = looking.question(0)
    report, kept = sessions.norm(0.0)
    assert looking.take(Answer(question, report, kept)) == "norm passes now · dx 12 mended, none wrong"
    assert looking.layer(0).status is Status.PASS and looking.kept(0) is kept and looking.is_asked(0)
    assert looking.report.count(Status.PASS) == 1
    leaf = looking.leaf(Target(0, 0))
    assert leaf is not None and set(leaf.heat.codes.reshape(-1).tolist()) == {1}
    assert looking.go_back(0) and not looking.go_back(0)
    assert looking.layer(0).status is Status.FAIL


def test_a_problem_is_told_and_changes_nothing() -> None:
    looking = Looking(sessions.live())
    assert looking.take(Answer(looking.question(0), problem="It was stopped.")) == "It was stopped."
    assert not looking.is_asked(0)
    assert looking.take(Answer(Question("other.py", "no"), *sessions.norm())) == "There is no answer."


def test_the_last_question_is_asked_again() -> None:
    looking = Looking(sessions.live())
    asked = Question(sessions.PATH, "norm", seed=7)
    looking.take(Answer(asked, *sessions.norm(0.0)))
    assert looking.question(0) == asked


def test_changes_with_other_inputs_are_counted_alone() -> None:
    (before, one), (after, other) = sessions.norm(), sessions.conv()
    assert changes(before, after, one, other) == ()
    (same,) = [change for change in changes(before, before, one, None) if change.name == "dx"]
    assert same == LeafChange("dx", 12, 12, 12)
    told = change_words(before, after, [LeafChange("dx", 3, 0, 12), LeafChange("dw", 0, 4, 9)])
    assert told == (
        "conv still fails · dx 3 wrong before, none of 12 elements now · dw none wrong before, 4 of 9 elements now"
    )


def test_broken_elements_are_told() -> None:
    (good, one), (bad, other) = sessions.norm(0.0), sessions.norm()
    assert change_words(good, bad, changes(good, bad, one, other)) == "norm fails now · dx 12 broken, 12 wrong"
    assert (
        change_words(bad, bad, changes(bad, bad, other, other)) == "norm still fails · as many elements wrong as before"
    )


def of_another_draw(marks: list[int]) -> Looking:
    """The report's numbers are those of draw 2; draw 1 is shown."""
    report, kept = sessions.norm()
    told = sessions.replace(report.arguments[0], draw=1, shape=(2, 3), wrong=6, total=6)
    shown = sessions.replace(kept.draws[0], marks=(sessions.Held(np.array(marks, np.uint8).reshape(4, 3)), None))
    kept = sessions.replace(kept, draws=(shown, kept.draws[1]))
    session = sessions.FakeSession([(sessions.replace(report, arguments=(told, report.arguments[1])), kept)])
    return Looking(session)


def listed(looking: Looking) -> str:
    argument = looking.argument(Target(0, 0))
    assert argument is not None
    return argument_label(argument, looking.layer(0).arguments[0])


def test_the_list_counts_in_the_draw_that_the_map_shows() -> None:
    looking = of_another_draw([1] * 5 + [0] * 7)
    assert listed(looking) == "dx  5 of 12"
    assert "Gradient dx of shape (N=4, D=3): fail, 5 of 12 elements wrong" in Commands(looking).answer("gradient dx")
    looking = of_another_draw([0] * 12)
    assert listed(looking) == "dx  in draw 2"
    assert "It is wrong in draw 2, which is not shown." in Commands(looking).answer("gradient dx")


def test_of_what_fails_without_a_wrong_number_no_draw_is_told() -> None:
    report, kept = sessions.norm(0.0)
    missing = sessions.replace(report.arguments[0], status=Status.FAIL)
    looking = Looking(sessions.FakeSession([(sessions.replace(report, arguments=(missing,)), kept)]))
    assert listed(looking) == "dx" and "not shown" not in Commands(looking).answer("gradient dx")


def test_what_several_layers_came_to_stands_in_one_line() -> None:
    assert joined_news(["a passes now"]) == "a passes now"
    assert joined_news([f"{name} fails now" for name in "abcde"]) == (
        "a fails now; b fails now; c fails now; 2 more changed"
    )
