"""One cause gives one finding: where two findings have the same cause, the one that names it replaces the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gradcheck_cli.report.model import Finding

VALUES = frozenset({"GC201", "GC401"})


@dataclass(frozen=True)
class Rule:
    """`code` replaces `replaced`.

    Attributes:
        everywhere: whichever argument the replaced finding is about; else only of the same argument, or where `code`
            is about no argument in particular.
        why: the reason.
        says: a part of the message of `code` without which the rule does not hold.
    """

    code: str
    replaced: frozenset[str]
    why: str
    everywhere: bool = False
    says: str = ""


RULES = (
    Rule("GC305", VALUES | {"GC303", "GC304"}, "what differs from call to call has no value to be right"),
    Rule("GC305", frozenset({"GC502"}), "a call that fails every other time", everywhere=True, says="it failed"),
    Rule("GC207", VALUES | {"GC304"}, "where the upstream gradient is ignored, or enters twice, the values follow"),
    Rule("GC104", frozenset({"GC304"}), "an integer gradient is cut off: what is cut off is not linear"),
    Rule("GC402", frozenset({"GC304"}), "what is rounded inside is no longer linear, by that rounding"),
    Rule("GC304", VALUES, "no reference is met by what is not linear in the upstream gradient"),
    Rule("GC214", VALUES, "the values are right, of another call"),
    Rule("GC214", frozenset({"GC502"}), "what another call left behind has another shape", everywhere=True),
    Rule("GC308", VALUES | {"GC101", "GC303", "GC306"}, "the sum of several gradients is none of them"),
    Rule("GC308", frozenset({"GC502"}), "the gradient of another draw has another shape", everywhere=True),
    Rule("GC303", frozenset({"GC306"}), "a cache that is returned as the gradient is written by the next backward"),
    Rule("GC301", VALUES, "a gradient with respect to what is overwritten means nothing", says="the forward changes"),
    Rule("GC301", VALUES | {"GC304"}, "what is not updated too early is right", says="before it uses it"),
    Rule("GC301", frozenset({"GC303"}), "the cache holds what was overwritten", True, says="the backward changes"),
)

ONCE = frozenset({rule.code for rule in RULES}) | {"GC302", "GC306"}
"""Codes that are said once for each argument and line: the draws differ in their numbers only."""


def most_specific(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings without those that another one explains, and without repeats from other draws, in their order."""
    first: dict[tuple[object, ...], Finding] = {}
    for finding in findings:
        key: tuple[object, ...] = (finding.code, finding.argument, finding.path, finding.line)
        first.setdefault(key if finding.code in ONCE else (id(finding),), finding)
    kept = tuple(first.values())
    return tuple(finding for finding in kept if not any(_explains(other, finding) for other in kept))


def _explains(finding: Finding, other: Finding) -> bool:
    return any(
        finding.code == rule.code
        and other.code in rule.replaced
        and rule.says in finding.message
        and (rule.everywhere or finding.argument is None or finding.argument == other.argument)
        for rule in RULES
    )
