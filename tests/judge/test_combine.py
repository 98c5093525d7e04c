from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.judge.combine import combine
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.report.model import Finding, LayerReport, Status
from tests.judge import affine
from tests.judge.hand_made import a_layer, judge

LAYER = a_layer(("x", "w", "b"), gradient_names={"w": "self.dW"})


def draws(change: Any = None, batches: tuple[int, ...] = (4, 3, 1)) -> list[DrawVerdict]:
    """Three draws, the last a batch of one; `change` alters the right gradients."""
    verdicts = []
    for draw, batch in enumerate(batches):
        case = affine.case(batch, draw=draw, layer=LAYER)
        dout = affine.upstream(case)
        gradients = affine.gradients(case, dout)
        if change is not None:
            change(gradients, case, dout)
        verdicts.append(judge(case, gradients, affine.forward, dout))
    return verdicts


def report(change: Any = None, **more: Any) -> LayerReport:
    return combine(LAYER, draws(change), **more)


def test_a_pass() -> None:
    passed = report(seconds=0.5, equations=3, notes=("shapes were inferred",))
    assert passed.status is Status.PASS
    assert (passed.name, passed.path, passed.line, passed.convention) == ("affine", "layers.py", 7, "function pair")
    assert passed.findings == ()
    assert passed.failing_draw is None
    assert passed.draws == 3
    assert passed.witnesses == ("yours", "autodiff", "finite differences")
    assert passed.notes == ("shapes were inferred",)
    assert passed.sensitivity is not None
    assert 0 < passed.sensitivity < 1e-9
    assert [argument.gradient_name for argument in passed.arguments] == ["dx", "self.dW", "db"]
    assert passed.arguments[1].dimensions == ("D", "M")
    assert all(argument.status is Status.PASS for argument in passed.arguments)
    assert all(argument.max_rel_error is not None and argument.max_rel_error < 1e-12 for argument in passed.arguments)


def test_one_cause_in_every_draw_is_one_finding() -> None:
    def halve(gradients: Any, case: Any, dout: Any) -> None:
        gradients["w"] *= 0.5

    failed = report(halve)
    assert failed.status is Status.FAIL
    assert [finding.code for finding in failed.findings] == ["GC201"]
    assert failed.findings[0].message.startswith("`self.dW` is wrong in 30 of 30 elements")
    argument = failed.arguments[1]
    assert (argument.status, argument.wrong, argument.total) == (Status.FAIL, 30, 30)
    assert argument.max_rel_error == pytest.approx(0.5)
    assert argument.wrong_map is not None
    assert argument.worst[0].ratio == pytest.approx(0.5)
    assert failed.failing_draw is not None
    shown = failed.failing_draw
    assert shown.index in (0, 1)
    assert [array.name for array in shown.arguments] == ["x", "w", "b"]
    assert [array.name for array in shown.upstream] == ["dout"]
    assert dict(shown.dimensions)["M"] == 5


def test_the_shape_error_comes_from_a_draw_whose_sizes_differ() -> None:
    def no_sum(gradients: Any, case: Any, dout: Any) -> None:
        gradients["b"] = dout

    verdicts = draws(no_sum)
    for order in (verdicts, verdicts[::-1]):
        failed = combine(LAYER, order)
        assert [finding.code for finding in failed.findings] == ["GC101"]
        assert "sum over N" in failed.findings[0].message
        assert failed.arguments[2].gradient_shape == (4, 5)
        assert failed.arguments[2].decided_by == "dimensions"


def test_a_shape_that_is_right_only_in_a_batch_of_one() -> None:
    # In the batch of one this has the right shape, and wrong values: one cause, one finding.
    def keep_batch(gradients: Any, case: Any, dout: Any) -> None:
        if case.arguments["x"].shape[0] == 1:
            gradients["x"] = gradients["x"] * 2
        else:
            gradients["x"] = gradients["x"].sum(axis=0, keepdims=True)

    failed = report(keep_batch)
    assert [finding.code for finding in failed.findings] == ["GC101"]


def test_wrong_in_one_draw_only() -> None:
    def wrong_in_batch_of_one(gradients: Any, case: Any, dout: Any) -> None:
        if case.draw == 2:
            gradients["x"] = gradients["x"] + 1

    failed = report(wrong_in_batch_of_one)
    assert failed.status is Status.FAIL
    assert failed.arguments[0].draw == 2
    assert failed.failing_draw is not None
    assert failed.failing_draw.index == 2
    assert [argument.status for argument in failed.arguments] == [Status.FAIL, Status.PASS, Status.PASS]


def test_not_finite_in_one_draw_and_wrong_in_another_is_one_finding() -> None:
    def poison(gradients: Any, case: Any, dout: Any) -> None:
        gradients["x"][0, 0] = np.nan if case.draw else 7.0

    assert [finding.code for finding in report(poison).findings] == ["GC401"]


def test_two_causes_are_two_findings() -> None:
    def two(gradients: Any, case: Any, dout: Any) -> None:
        gradients["x"] *= 2
        gradients["b"] = dout

    assert [(finding.code, finding.argument) for finding in report(two).findings] == [("GC101", "b"), ("GC201", "x")]


def test_inconclusive_says_why_once() -> None:
    verdicts = draws()
    open_leaf = replace(verdicts[0].leaves[0], status=Status.INCONCLUSIVE, why="the noise is above the signal")
    undecided = replace(verdicts[0], leaves=(open_leaf, *verdicts[0].leaves[1:]), status=Status.INCONCLUSIVE)
    reported = combine(LAYER, [undecided, *verdicts[1:]])
    assert reported.status is Status.INCONCLUSIVE
    assert reported.arguments[0].status is Status.INCONCLUSIVE
    assert reported.arguments[0].why == "the noise is above the signal"
    assert reported.notes == ()  # the argument says it


def test_notes_that_differ_only_in_their_numbers_are_said_once() -> None:
    verdicts = [
        replace(
            verdict, notes=(f"Autodiff is the odd one out for `dx` (at [{draw}]: 1, finite differences 2): a tie.",)
        )
        for draw, verdict in enumerate(draws())
    ]
    assert combine(LAYER, verdicts).notes == verdicts[0].notes


class TestErrors:
    error = Finding("GC502", "`affine_backward` raised ValueError: no", "layers.py", 7)

    def test_nothing_could_be_judged(self) -> None:
        reported = combine(LAYER, [], errors=[self.error, self.error])
        assert reported.status is Status.ERROR
        assert reported.findings == (self.error,)
        assert reported.arguments == ()

    def test_a_finding_is_worse_than_an_error(self) -> None:
        def halve(gradients: Any, case: Any, dout: Any) -> None:
            gradients["w"] *= 0.5

        reported = report(halve, errors=[self.error])
        assert reported.status is Status.FAIL
        assert [finding.code for finding in reported.findings] == ["GC201", "GC502"]

    def test_an_error_in_one_draw_is_not_a_pass(self) -> None:
        assert report(errors=[self.error]).status is Status.ERROR
