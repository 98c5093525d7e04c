"""The short help is that of the rule's page."""

from __future__ import annotations

import pytest

from gradcheck_cli.explain.page import page_of
from gradcheck_cli.report.codes import RULES
from gradcheck_cli.report.rule_help import help_markdown, help_text, rule_help
from gradcheck_cli.report.wrongs import INCONCLUSIVE


@pytest.mark.parametrize("code", [*RULES, INCONCLUSIVE])
def test_it_comes_as_text_and_as_markdown(code: str) -> None:
    help_ = rule_help(code)
    assert help_ is not None
    assert help_.meaning.endswith(".") and help_.mend.endswith(".")
    name, text = help_text(code)
    assert name == RULES.get(code, code)
    assert text == f"{help_.meaning} {help_.mend}"
    assert help_.meaning in help_markdown(code)
    assert help_markdown(code).startswith(f"**{code}")


def test_it_is_in_the_words_of_the_rules_page() -> None:
    text = help_text("GC209")[1]
    assert text.startswith("A path through the forward is missing")
    assert text.endswith(page_of("GC209").mend)
    assert not set("*[<") & set(text)


def test_a_code_of_a_newer_stage_has_at_least_its_name() -> None:
    assert help_text("GC999") == ("GC999", "GC999.")
    assert help_markdown("GC999") == "**GC999**"
