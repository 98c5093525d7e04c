"""The short help is that of the page on rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gradcheck_cli.report.codes import RULES
from gradcheck_cli.report.rule_help import HELP, help_markdown, help_text
from gradcheck_cli.report.wrongs import INCONCLUSIVE

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
SECTION = re.compile(r"^## (GC\d{3}) \S+\n\n(.*?)\n\n", re.M | re.S)
RESERVED = re.compile(r"^\| (GC\d{3}) \| \S+ \| (.*) \|$", re.M)
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
FIRST_PARAGRAPHS = {match[1]: " ".join(LINK.sub(r"\1", match[2]).split()) for match in SECTION.finditer(PAGE)}
NOT_YET_DESCRIBED = {match[1]: match[2] for match in RESERVED.finditer(PAGE)}
RESERVED_AT_FIRST = {f"GC{number}" for number in (*range(202, 207), *range(208, 214), 504, 505)}
"""Where one of them gets a section of its own, its help may say more than the table did."""


def test_every_code_has_its_help_and_there_is_no_other() -> None:
    assert set(HELP) == {*RULES, INCONCLUSIVE}
    assert all(help_.meaning.endswith(".") and help_.mend.endswith(".") for help_ in HELP.values())


@pytest.mark.parametrize("code", sorted(FIRST_PARAGRAPHS.keys() - RESERVED_AT_FIRST))
def test_its_meaning_is_in_the_words_of_the_rules_page(code: str) -> None:
    assert HELP[code].meaning in FIRST_PARAGRAPHS[code]


@pytest.mark.parametrize("code", NOT_YET_DESCRIBED)
def test_so_is_that_of_reserved_codes(code: str) -> None:
    assert HELP[code].meaning.rstrip(".").lower() == NOT_YET_DESCRIBED[code].lower()


@pytest.mark.parametrize("code", HELP)
def test_it_comes_as_text_and_as_markdown(code: str) -> None:
    name, text = help_text(code)
    assert name == RULES.get(code, code)
    assert text == f"{HELP[code].meaning} {HELP[code].mend}"
    assert HELP[code].meaning in help_markdown(code)
    assert help_markdown(code).startswith(f"**{code}")


def test_a_code_of_a_newer_stage_has_at_least_its_name() -> None:
    assert help_text("GC999") == ("GC999", "GC999.")
    assert help_markdown("GC999") == "**GC999**"
