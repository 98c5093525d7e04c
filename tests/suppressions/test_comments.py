from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck_cli.suppressions.codes import FINDINGS
from gradcheck_cli.suppressions.comments import Ignore, ignores_in


def only(source: str) -> Ignore:
    found = ignores_in(source)
    assert found.mistakes == ()
    (comment,) = found.comments
    return comment


def covered(source: str, line: int) -> tuple[int, int] | None:
    """The first and last line of the statement that the only comment speaks for."""
    found = ignores_in(source)
    (comment,) = found.comments
    assert comment.line == line
    if comment.statement is None:
        return None
    statement = found.text.statements[comment.statement]
    return statement.first, statement.last


@pytest.mark.parametrize(
    ("said", "codes"),
    [
        ("ignore[GC304]", {"GC304"}),
        ("ignore[GC304, GC302]", {"GC304", "GC302"}),
        ("ignore[ GC304 ,not-linear, ]", {"GC304"}),
        ("ignore [GC304]", {"GC304"}),
        ("ignore[gc304] the clip is meant", {"GC304"}),
        ("ignore", FINDINGS),
        ("ignore -- the clip is meant", FINDINGS),
        ("ignore  # noqa", FINDINGS),
        ("ignore[ALL]", FINDINGS),
        ("expect[custom] ignore[GC304]", {"GC304"}),
        ("expect[custom], ignore[GC304]", {"GC304"}),
    ],
)
def test_what_a_comment_says(said: str, codes: set[str]) -> None:
    comment = only(f"x = 1  # gradcheck: {said}\n")
    assert {code for word in comment.words for code in word.codes} == codes


def test_it_may_follow_another_comment() -> None:
    assert only("x = 1  # noqa: E501  # gradcheck: ignore[GC304]\n").text == "# gradcheck: ignore[GC304]"


@pytest.mark.parametrize(
    "source",
    [
        'x = "# gradcheck: ignore[GC304]"\n',
        'def f():\n    """\n    # gradcheck: ignore[GC304]\n    """\n',
        "x = 1  # write `# gradcheck: ignore[GC304]` where it is meant\n",
        "x = 1  # gradcheck: expect[custom]\n",
        "x = 1  # ignore[GC304]\n",
        "x = 1  # gradcheck ignore[GC304]\n",
        "x = (  # gradcheck: ignore[GC304]\n",  # does not parse
        "  x = 1\n y = 2  # gradcheck: ignore\n",
        "",
    ],
)
def test_what_is_no_comment_of_ours_says_nothing(source: str) -> None:
    found = ignores_in(source)
    assert (found.comments, found.mistakes) == ((), ())


@pytest.mark.parametrize(
    ("said", "message", "mend"),
    [
        ("ignore[GC999]", "`GC999` is no rule (in `# gradcheck: ignore[GC999]`)", "write a code"),
        ("ignore[not-liner]", "`not-liner` is no rule", "did you mean `not-linear`?"),
        ("ignore[]", "`# gradcheck: ignore[]` names no rule", "write `# gradcheck: ignore[GC304]`, say"),
        ("ignore[ , ]", "names no rule", "write"),
        ("ignore[GC304", "`# gradcheck: ignore[GC304` has no closing bracket", "write"),
        ("ignore GC304", "`# gradcheck: ignore GC304` does not say which rules", "in brackets"),
        ("ignore(GC304)", "does not say which rules", "in brackets"),
        ("ignored[GC304]", "`# gradcheck: ignored` says nothing known", "write `# gradcheck: ignore`"),
        ("Ignore[GC304]", "says nothing known", "write `# gradcheck: ignore`"),
        ("ingore[GC304]", "says nothing known", "write `# gradcheck: ignore`"),
        ("ignore[GC502]", "for what could not be checked, which no comment hides", "`--ignore GC502`"),
        ("ignore-file[GC304]", "stands below the first statement", "move it"),
    ],
)
def test_a_malformed_comment_is_said_and_hides_nothing(said: str, message: str, mend: str) -> None:
    found = ignores_in(f"import numpy\n\nx = 1  # gradcheck: {said}\n")
    assert found.comments == ()
    (mistake,) = found.mistakes
    assert mistake.line == 3
    assert message in mistake.message
    assert mend in mistake.mend


def test_a_wrong_word_leaves_the_others_as_they_are() -> None:
    found = ignores_in("x = 1  # gradcheck: ignore[GC304, GC999]\n")
    assert [word.text for word in found.comments[0].words] == ["GC304"]
    assert "`GC999` is no rule" in found.mistakes[0].message


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_a_comment_speaks_for_its_statement(ending: str) -> None:
    lines = ["x = 1", "y = (", "    2  # gradcheck: ignore[GC304]", ")", "z = 3", ""]
    assert covered(ending.join(lines), 3) == (2, 4)


def test_it_speaks_for_the_head_of_a_definition_with_its_decorators() -> None:
    head = "@first\n@second(\n    1\n)\ndef f(\n    x,\n    y,\n):{}\n    return x\n"
    assert covered(head.format("  # gradcheck: ignore"), 8) == (1, 8)
    assert covered(head.format("").replace("@first", "@first  # gradcheck: ignore"), 1) == (1, 8)
    assert covered(head.format("").replace("    x,", "    x,  # gradcheck: ignore"), 6) == (1, 8)
    assert covered(head.format("").replace("return x", "return x  # gradcheck: ignore"), 9) == (9, 9)


def test_on_lines_of_its_own_it_speaks_for_the_statement_directly_below() -> None:
    assert covered("x = 1\n# gradcheck: ignore\n# why\n@d\ndef f():\n    pass\n", 2) == (4, 5)
    assert covered("# gradcheck: ignore\n\ndef f():\n    pass\n", 1) is None
    assert covered("x = 1\n# gradcheck: ignore\n", 2) is None


def test_a_class_is_around_its_methods_and_around_the_classes_in_it() -> None:
    source = (
        "class Outer:\n    class Inner:\n        def backward(self):\n            return 1\n    def other(self): pass\n"
    )
    text = ignores_in(source + "# gradcheck: ignore\n").text
    assert {text.statements[at].first for at in text.definitions([3])} == {1, 2, 3}
    assert {text.statements[at].first for at in text.definitions([5])} == {1, 5}
    assert {text.statements[at].first for at in text.definitions([4, None])} == {1, 2, 4}
    assert text.definitions([99]) == frozenset()


def test_a_function_is_not_around_what_is_defined_in_it() -> None:
    text = ignores_in("def outer():\n    def inner():\n        pass\n# gradcheck: ignore\n").text
    assert {text.statements[at].first for at in text.definitions([2])} == {2}


@pytest.mark.parametrize(
    "source",
    [
        "# gradcheck: ignore-file[GC304]\nimport numpy\n",
        "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n\n# gradcheck: ignore-file[GC304]\n\nimport numpy\n",
        '"""What it is."""\n\n# gradcheck: ignore-file[GC304]\nimport numpy\n',
        "# gradcheck: ignore-file[GC304]",
    ],
)
def test_a_file_says_it_above_its_first_statement(source: str) -> None:
    comment = only(source)
    assert comment.whole_file
    assert comment.statement is None


def test_a_bare_ignore_in_the_first_lines_is_not_for_the_file() -> None:
    comment = only("# gradcheck: ignore\ndef f():\n    pass\n")
    assert (comment.whole_file, comment.statement) == (False, 0)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_nothing_after_the_colon_raises(said: str) -> None:
    ignores_in(f"x = 1  # gradcheck: {said}\ny = 2\n")


@settings(deadline=None)
@given(st.text(alphabet="def class:()[]{}@\"'#\\ \n\t\r\x0c=ignore gradcheck", max_size=60))
def test_no_text_of_a_module_raises(source: str) -> None:
    ignores_in(source + "# gradcheck: ignore\n")
