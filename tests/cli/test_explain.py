from __future__ import annotations

import pytest

from gradcheck_cli.report.codes import RULES
from tests.cli.command import gradcheck


def explain(*arguments: str, **changes: str) -> tuple[int, str, str]:
    ended = gradcheck("explain", *arguments, engine="mixed", env=changes or None)
    return ended.code, ended.out, ended.err


def test_the_page_of_a_rule_by_code_and_by_name() -> None:
    code, out, err = explain("gc204")
    assert (code, err) == (0, "")
    assert out.startswith("── GC204 transposed ─")
    assert "    return dout @ w.T, dout.T @ x" in out
    assert "    return dout @ w.T, x.T @ dout" in out
    assert "\x1b" not in out
    assert explain("Transposed") == (0, out, "")


def test_the_list_of_all_rules() -> None:
    code, out, err = explain("--list")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == list(RULES)


@pytest.mark.parametrize(
    ("arguments", "message", "mend"),
    [
        (["transpose"], "`transpose` is no rule", "did you mean `transposed`?"),
        (["GC999"], "`GC999` is no rule", "`gradcheck explain --list`"),
        ([], "no rule is named", "`gradcheck explain GC204`"),
        (["GC204", "--list"], "`--list` shows all rules", "`gradcheck explain GC204`"),
    ],
)
def test_what_is_no_rule(arguments: list[str], message: str, mend: str) -> None:
    code, out, err = explain(*arguments)
    assert (code, out) == (2, "")
    assert message in err and mend in err
    assert "gradcheck explain --help" in err


def test_colours_where_they_are_asked_for_and_not_where_they_are_refused() -> None:
    assert "\x1b[1m" in explain("GC204", FORCE_COLOR="1")[1]
    assert "\x1b[3" not in explain("GC204", FORCE_COLOR="1", NO_COLOR="1")[1]
