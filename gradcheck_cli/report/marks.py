"""The signs and colours of the screen, and what stands in where a terminal knows ASCII alone."""

from __future__ import annotations

from dataclasses import dataclass

from gradcheck_cli.report.model import Status

STATUS_STYLE = {
    Status.PASS: "green",
    Status.FAIL: "bold red",
    Status.INCONCLUSIVE: "yellow",
    Status.ERROR: "bold magenta",
}
STATUS_WORD = {
    Status.PASS: "pass",
    Status.FAIL: "fail",
    Status.INCONCLUSIVE: "inconclusive",
    Status.ERROR: "error",
}
QUIET = "dim"
HEADING = "bold"
CODE = "cyan"
"""What can be copied: a command, an array, the mend."""


@dataclass(frozen=True)
class Marks:
    """One set of signs.

    Attributes:
        status: before a verdict.
        shades: of a block of the map, by how many of its elements are wrong: none, few, ..., all.
        rule: what a heading's line is drawn with.
    """

    status: dict[Status, str]
    shades: tuple[str, ...]
    rule: str
    dot: str
    bullet: str
    right: str
    down: str
    plus_minus: str
    dash: str
    ellipsis: str


UNICODE = Marks(
    status={Status.PASS: "✓", Status.FAIL: "✗", Status.INCONCLUSIVE: "?", Status.ERROR: "!"},
    shades=("·", "░", "▒", "▓", "█"),
    rule="─",
    dot=" · ",
    bullet="•",
    right="→",
    down="↓",
    plus_minus="±",
    dash="–",
    ellipsis="…",
)
ASCII = Marks(
    status={Status.PASS: "+", Status.FAIL: "x", Status.INCONCLUSIVE: "?", Status.ERROR: "!"},
    shades=(".", "-", "=", "%", "#"),
    rule="-",
    dot=", ",
    bullet="*",
    right="->",
    down="v",
    plus_minus="+/-",
    dash="-",
    ellipsis="...",
)


def marks_for(encoding: str | None) -> Marks:
    """The signs that a stream of this encoding can carry."""
    try:
        "".join([*UNICODE.shades, *UNICODE.status.values(), UNICODE.rule, UNICODE.right, "±"]).encode(
            encoding or "ascii"
        )
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE
