from __future__ import annotations

import pytest

from gradcheck_cli.judge.precedence import RULES, most_specific
from gradcheck_cli.report.codes import RULES as CODES
from gradcheck_cli.report.model import Finding


def found(code: str, argument: str | None = "x", message: str = "it is wrong") -> Finding:
    return Finding(code, message, "layers.py", 7, argument)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.code} over {sorted(rule.replaced)}")
def test_each_rule_keeps_the_specific_finding(rule) -> None:
    assert rule.why
    for code in rule.replaced:
        assert code in CODES
        kept = most_specific([found(code), found(rule.code, message=rule.says)])
        assert [finding.code for finding in kept] == [rule.code]


def test_another_argument_has_another_cause() -> None:
    kept = most_specific([found("GC201", "w"), found("GC207", "x")])
    assert [finding.code for finding in kept] == ["GC201", "GC207"]


def test_what_is_about_no_argument_explains_all() -> None:
    assert [finding.code for finding in most_specific([found("GC201"), found("GC305", None)])] == ["GC305"]


def test_a_mutated_upstream_gradient_hides_no_wrong_value() -> None:
    kept = most_specific([found("GC201"), found("GC302", None)])
    assert [finding.code for finding in kept] == ["GC201", "GC302"]


def test_a_backward_that_changes_its_input_hides_no_wrong_value() -> None:
    kept = most_specific([found("GC201"), found("GC301", message="the backward changes its input `x`")])
    assert [finding.code for finding in kept] == ["GC201", "GC301"]


def test_draws_that_say_the_same_with_other_numbers() -> None:
    first, second = found("GC302", None, "6 of 10"), found("GC302", None, "3 of 8")
    assert most_specific([first, second]) == (first,)


def test_findings_of_other_kinds_are_all_kept() -> None:
    both = (found("GC401", message="NaN here"), found("GC403", message="at large"), found("GC403", message="at zero"))
    assert most_specific(both) == both
