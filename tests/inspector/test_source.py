"""Which lines are shown, and which of them are to blame."""

from __future__ import annotations

from dataclasses import replace

from gradcheck_cli.inspector.source import backward_excerpt, forward_excerpt, wrong_place
from gradcheck_cli.report.model import Blame, Finding
from tests.inspector import sessions


def test_the_blamed_line_of_the_forward_is_marked() -> None:
    report, kept = sessions.norm()
    excerpt = forward_excerpt(report, kept, report.findings[0])
    assert excerpt is not None
    assert (excerpt.first, excerpt.focus, excerpt.blamed) == (1, 3, (3,))
    assert excerpt.text == sessions.FORWARD
    line = excerpt.text.split("\n")[2]
    arrows = excerpt.mark.index("^")
    assert line[arrows:].startswith("x.var(axis=1") and excerpt.mark.endswith("× 0 in your backward")


def test_without_blame_the_forward_has_no_mark() -> None:
    report, kept = sessions.norm()
    excerpt = forward_excerpt(report, kept, None)
    assert excerpt is not None and excerpt.blamed == () and excerpt.mark == "" and not excerpt.is_named


def test_the_backward_is_where_the_finding_is() -> None:
    report, kept = sessions.norm()
    excerpt = backward_excerpt(report, kept, replace(report.findings[0], line=13))
    assert excerpt is not None and (excerpt.first, excerpt.focus, excerpt.is_named) == (11, 13, True)
    other = backward_excerpt(report, kept, None)
    assert other is not None and (other.focus, other.is_named) == (11, False)


def test_source_that_was_not_kept() -> None:
    report, kept = sessions.norm()
    bare = replace(kept, sources=())
    assert backward_excerpt(report, bare, report.findings[0]) is None
    assert forward_excerpt(report, None, None) is None
    blame = Blame(
        "a.py", 7, 7, "h + x", "x", -1.0, 1.0, "    return h + x", forward=((5, "def f(x):"), (7, "    return h + x"))
    )
    finding = Finding("GC209", "", "a.py", blame=blame)
    excerpt = forward_excerpt(report, bare, finding)
    assert excerpt is not None and excerpt.text == "def f(x):\n\n    return h + x" and excerpt.first == 5
    excerpt = forward_excerpt(report, bare, replace(finding, blame=replace(blame, forward=())))
    assert excerpt is not None and excerpt.text == "    return h + x" and excerpt.first == 7


def test_the_place_to_edit() -> None:
    report, _ = sessions.norm()
    finding = report.findings[0]
    assert wrong_place(report, finding) == (sessions.PATH, 3)
    assert wrong_place(report, replace(finding, blame=None, line=12)) == (sessions.PATH, 12)
    assert wrong_place(report, None) == (sessions.PATH, 11)


def test_source_is_made_harmless() -> None:
    report, kept = sessions.norm()
    hostile = replace(kept, sources=(replace(kept.sources[0], text="x = 1\x1b[2J\n\ty = 2"),))
    excerpt = forward_excerpt(report, hostile, None)
    assert excerpt is not None and "\x1b" not in excerpt.text and "\t" not in excerpt.text
