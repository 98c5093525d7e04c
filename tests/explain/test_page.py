"""Every rule has its page, and a word that is meant for a rule finds it."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.explain.page import EVIDENCE, MEND, WRONG, Page, code_of, page_of
from gradcheck_cli.report.codes import RULES

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
PAGES = files("gradcheck_cli.explain") / "pages"


def test_there_is_a_page_for_each_rule_and_no_other() -> None:
    names = {page.name for page in PAGES.iterdir() if page.name.endswith(".md")}
    assert names == {f"{code.lower()}.md" for code in RULES}


@pytest.mark.parametrize(("code", "name"), RULES.items())
def test_a_page_has_its_heading_the_evidence_and_the_mend(code: str, name: str) -> None:
    lines = (PAGES / f"{code.lower()}.md").read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"# {code} {name}"
    starts = [text.split(" ")[0].strip() for text in page_of(code).text.split("\n\n")]
    expected = [EVIDENCE, MEND] if code == "GC500" else [EVIDENCE, WRONG, MEND]
    assert [start for start in starts if start in (EVIDENCE, WRONG, MEND)] == expected
    assert starts[0] not in expected


@pytest.mark.parametrize("code", sorted(RULES.keys() - {"GC500"}))
def test_its_programs_are_the_examples_that_are_run(code: str) -> None:
    programs = re.findall(r"^```python\n(.*?)^```$", page_of(code).text, re.M | re.S)
    paths = [EXAMPLES / folder / f"{code.lower()}.py" for folder in ("rules", "mended")]
    assert programs == [path.read_text(encoding="utf-8") for path in paths], "run `python docs/make.py`"


def test_a_mistake_of_our_own_has_no_example() -> None:
    assert "```" not in page_of("GC500").text


@pytest.mark.parametrize("code", RULES)
def test_the_gist_is_one_short_line(code: str) -> None:
    page = page_of(code)
    assert page.meaning.startswith(page.gist)
    assert 10 < len(page.gist) <= 48
    assert page.gist[-1] not in ".:"


def test_what_a_page_says_comes_without_links_and_comments() -> None:
    text = page_of("GC209").text
    assert "docs/diagnosis.md" in text
    assert "](" not in text and "<!--" not in text


def test_meaning_gist_and_mend_are_read_out_of_the_text() -> None:
    page = Page("GC999", "new", f"One thing: in\ndetail. Two.\n\nMore.\n\n{EVIDENCE} Some.\n\n{MEND} Do\nit.\n\nEnd.\n")
    assert page.meaning == "One thing: in detail. Two."
    assert page.gist == "One thing"
    assert page.mend == "Do it."


@pytest.mark.parametrize("word", ["GC204", "gc204", " Gc204 ", "transposed", "Transposed"])
def test_a_rule_is_named_by_code_or_name_in_any_case(word: str) -> None:
    assert code_of(word) == "GC204"


@pytest.mark.parametrize("word", ["path-dropped", "path_dropped", "Path dropped"])
def test_dashes_are_not_asked_for(word: str) -> None:
    assert code_of(word) == "GC209"


@pytest.mark.parametrize(
    ("word", "mend"),
    [("transpose", "did you mean `transposed`?"), ("missplaced", "did you mean `misplaced`?")],
)
def test_of_an_unknown_word_the_closest_name_is_told(word: str, mend: str) -> None:
    with pytest.raises(UserError, match=f"`{word}` is no rule") as caught:
        code_of(word)
    assert caught.value.mend is not None and mend in caught.value.mend


@pytest.mark.parametrize("word", ["GC999", "GC2", "gc20x", "", "quaternion"])
def test_where_nothing_is_close_nothing_is_guessed(word: str) -> None:
    with pytest.raises(UserError) as caught:
        code_of(word)
    assert caught.value.mend == "`gradcheck explain --list` shows all rules"
