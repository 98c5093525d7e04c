"""What a rule's page shows, at every width, to a terminal and to a pipe."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from gradcheck_cli.explain.page import page_of
from gradcheck_cli.report.codes import RULES
from gradcheck_cli.report.rule_page import print_rule, print_rules


def shown(code: str, width: int = 80, *, colours: bool = False) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=colours, color_system="standard" if colours else None)
    print_rule(page_of(code), console)
    return file.getvalue()


def programs(code: str) -> list[str]:
    """The lines of both programs, as the page has them."""
    parts = page_of(code).text.split("```")
    return [line for part in parts[1::2] for line in part.removeprefix("python\n").splitlines()]


@pytest.mark.parametrize("code", RULES)
def test_heading_words_and_programs_are_there_whole_at_80_columns(code: str) -> None:
    text = shown(code)
    lines = [line.rstrip() for line in text.split("\n")]
    assert lines[0].startswith(f"── {code} {RULES[code]} ──")
    assert max(map(cell_len, lines)) <= 80
    assert {f"    {line}".rstrip() for line in programs(code)} <= set(lines)
    words = " ".join(text.split())
    assert page_of(code).meaning.replace("`", "") in words
    assert f"Mend. {page_of(code).mend.replace('`', '')}" in words
    assert "\x1b" not in text


@pytest.mark.parametrize("width", [40, 60, 200])
def test_other_widths(width: int) -> None:
    lines = shown("GC503", width).split("\n")
    assert max(cell_len(line.rstrip()) for line in lines) <= min(width, 120)


def test_a_terminal_gets_colours_of_its_own_and_no_background() -> None:
    codes = [code for part in shown("GC201", colours=True).split("\x1b[")[1:] for code in part.split("m")[0].split(";")]
    assert {"1", "36"} <= set(codes)
    assert not {code for code in codes if code.startswith(("4", "10")) and len(code) > 1}


def test_the_table_has_a_line_for_each_rule_at_80_columns() -> None:
    file = io.StringIO()
    print_rules(map(page_of, RULES), Console(file=file, width=80))
    lines = file.getvalue().rstrip("\n").split("\n")
    assert [line.split()[:2] for line in lines] == [[code, name] for code, name in RULES.items()]
    assert all(line.rstrip().endswith(page_of(code).gist) for code, line in zip(RULES, lines))
    assert max(cell_len(line.rstrip()) for line in lines) <= 80
