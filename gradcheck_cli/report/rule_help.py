"""What each code means and what to do about it, in a few sentences: for formats that carry such a text with them.

They are those of the rule's page (`gradcheck_cli.explain`), which says more and has an example.
"""

from __future__ import annotations

from dataclasses import dataclass

from gradcheck_cli.explain.page import page_of
from gradcheck_cli.report.codes import RULES
from gradcheck_cli.report.wrongs import INCONCLUSIVE


@dataclass(frozen=True)
class RuleHelp:
    """`meaning` says what was found, `mend` what to look at or to write; both are sentences in Markdown."""

    meaning: str
    mend: str


_UNDECIDED = RuleHelp(
    "The witnesses cannot decide: the layer is neither right nor wrong as far as they can see.",
    "Read the reason: often other inputs (`--shape`, `--magnitude`, `--seed`) or float64 decide it.",
)


def rule_help(code: str) -> RuleHelp | None:
    """The help for a rule, or for what is inconclusive; None for a code that is neither."""
    if code == INCONCLUSIVE:
        return _UNDECIDED
    if code not in RULES:
        return None
    page = page_of(code)
    return RuleHelp(page.meaning, page.mend)


def help_text(code: str) -> tuple[str, str]:
    """The rule's name, and its help as plain text. What a newer stage adds has at least its name."""
    help_ = rule_help(code)
    name = RULES.get(code, code)
    return name, f"{help_.meaning} {help_.mend}" if help_ is not None else f"{name}."


def help_markdown(code: str) -> str:
    """The same with a heading, in Markdown."""
    help_ = rule_help(code)
    name = RULES.get(code, "")
    heading = f"**{code} {name}**".replace(" **", "**")
    return heading if help_ is None else f"{heading}\n\n{help_.meaning}\n\nWhat to do: {help_.mend}\n"
