from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from markdown_it import MarkdownIt
from markdown_it.token import Token

from gradcheck_cli.report import markdown
from gradcheck_cli.report.ending import Ending
from gradcheck_cli.report.escaping import one_line, plain
from gradcheck_cli.report.markdown import code, escaped, fenced, prose, render_markdown
from gradcheck_cli.report.model import Report
from gradcheck_cli.report.problem import Problem
from tests.report import hostile, reports

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HARMLESS = {"text", "code_inline", "softbreak", "hardbreak", "strong_open", "strong_close", "em_open", "em_close"}


def tokens(content: str) -> list[Token]:
    """All tokens of a document, also those inside of lines."""
    found = []
    for token in READER.parse(content):
        found.append(token)
        found += token.children or []
    return found


def inline(content: str) -> list[Token]:
    return [token for token in tokens(content) if token.type not in ("inline", "paragraph_open", "paragraph_close")]


def text_of(content: str) -> str:
    """What a reader sees of some Markdown."""
    return "".join(token.content for token in inline(content))


def tables(content: str) -> list[list[list[str]]]:
    """The cells of each table, by what a reader sees."""
    found: list[list[list[str]]] = []
    for token in READER.parse(content):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and found and token.level >= 4:
            found[-1][-1].append("".join(child.content for child in token.children or []))
    return found


@pytest.mark.parametrize("name", reports.ALL)
def test_every_report_is_markdown_without_html_links_or_images(name: str) -> None:
    kinds = {token.type for token in tokens(render_markdown(reports.ALL[name], Ending()))}
    assert not kinds & {"html_block", "html_inline", "link_open", "image"}
    assert "heading_open" in kinds


def test_the_summary_is_a_table_of_all_layers() -> None:
    (summary, elements) = tables(render_markdown(reports.report(reports.layer(), reports.mismatch()), Ending()))
    assert summary == [
        ["layer", "gradient", "verdict", "worst relative error", "wrong", "decided by"],
        ["affine", "dx, dw, db", "✓ pass", "3.9e-16", "0 of 59", "autodiff"],
        ["affine_twice", "dx", "✓ pass", "2.1e-16", "0 of 24", "autodiff"],
        ["", "dw", "✗ fail", "1", "6 of 30", "autodiff"],
        ["", "db", "✓ pass", "2.1e-16", "0 of 5", "autodiff"],
    ]
    assert elements[1] == ["[0, 2]", "0.69117", "0.34558", "0.34558 ± 2e-10", "2"]


def test_a_failing_layer_has_a_section_with_its_map_and_its_script() -> None:
    layer = reports.replace(reports.mismatch(), script="import numpy as np\nassert False\n")
    content = render_markdown(reports.report(layer, reports.layer("fine")), Ending())
    blocks = {token.info: token.content for token in READER.parse(content) if token.type == "fence"}
    assert blocks["python"] == "import numpy as np\nassert False\n"
    assert blocks["sh"] == "gradcheck run mylayer.py::affine_twice --seed 0\n"
    assert "0  · · █ · ·" in blocks["text"]
    assert "## ✗ `affine_twice`" in content
    assert "## ✓" not in content


def test_a_run_that_never_began_says_why() -> None:
    content = render_markdown(
        Report("0.1.0", 0, "cpu"), Ending(Problem("usage", "`--draws` is 0", "p.toml", 3, "draws = 1"))
    )
    seen = text_of(content)
    for part in ("gradcheck: not run", "--draws is 0", "p.toml:3", "draws = 1"):
        assert part in seen


def test_it_fits_into_a_job_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    report = reports.report(*[reports.mismatch()] * 10, notes=("the last word",))
    whole = render_markdown(report, Ending())
    monkeypatch.setattr(markdown, "MOST_BYTES", len(whole.encode()) // 2)
    content = render_markdown(report, Ending())
    assert len(content.encode()) <= len(whole.encode()) // 2 + 200
    assert re.search(r"^\*\d more sections left out, for the document's length\.\*$", content, re.M)
    assert "the last word" in content
    assert "left out" not in whole


def test_the_limit_itself() -> None:
    assert markdown.MOST_BYTES < 1024 * 1024


def seen(text: str) -> str:
    """What of a text a reader of a page sees: line breaks and spaces are one space."""
    return re.sub(r"\s+", " ", plain(text)).strip()


@settings(deadline=None)
@given(hostile.texts)
def test_a_text_is_read_as_it_was_written(text: str) -> None:
    content = f"x {escaped(text)} x"
    assert {token.type for token in inline(content)} <= {"text"}
    assert seen(text_of(content)) == seen(f"x {text} x")


@settings(deadline=None)
@given(hostile.texts)
def test_a_name_is_code_and_nothing_else_in_a_line_and_in_a_table(text: str) -> None:
    if one_line(text).strip():
        assert [(token.type, token.content) for token in inline(code(text))] == [("code_inline", one_line(text))]
        rows = tables(f"| a | b |\n| --- | --- |\n| {code(text, in_table=True)} | c |\n")
        assert rows == [[["a", "b"], [one_line(text), "c"]]]


@settings(deadline=None)
@given(hostile.texts)
def test_a_sentence_begins_neither_a_list_nor_a_heading(text: str) -> None:
    content = f"**GC201 mismatch**  \n{prose(text)}\n\n- at `x`"
    kinds = [token.type for token in READER.parse(content)]
    assert kinds[:3] == ["paragraph_open", "inline", "paragraph_close"]
    assert {token.type for token in inline(prose(text))} <= HARMLESS - {"strong_open", "em_open"}
    assert seen(text_of(prose(text))).replace("`", "") == seen(text).replace("`", "")


@settings(deadline=None)
@given(hostile.texts)
def test_a_block_holds_its_text_and_ends_where_it_ends(text: str) -> None:
    (token,) = READER.parse(fenced(text))
    assert (token.type, token.content.rstrip("\n")) == ("fence", plain(text).rstrip("\n"))


@settings(deadline=None)
@given(hostile.texts)
def test_a_report_is_harmless_whatever_the_names_are(text: str) -> None:
    found = tokens(render_markdown(hostile.holding(text), Ending()))
    assert not {token.type for token in found} & {"html_block", "html_inline", "link_open", "image", "code_block", "hr"}
    assert [token.tag for token in found if token.type == "heading_open"] == ["h1", "h2", "h2", "h2"]
