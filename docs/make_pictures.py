"""Draws docs/report.svg: the report on the README's example, by the renderer that prints it on a terminal."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.report.table import print_table

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = Path("fixtures/mylayer.py")
WIDTH = 92

_NORMAL = [(69, 73, 82), (207, 66, 66), (46, 140, 72), (176, 125, 20), (47, 107, 190), (150, 70, 160), (20, 130, 140)]
_BRIGHT = [
    (120, 126, 138),
    (224, 82, 82),
    (60, 160, 88),
    (196, 145, 30),
    (67, 127, 210),
    (170, 90, 180),
    (30, 150, 160),
]
THEME = TerminalTheme((252, 252, 250), (40, 44, 52), [*_NORMAL, (210, 212, 216)], [*_BRIGHT, (235, 236, 238)])
"""Dark letters on white: read as well in a browser's light mode as on paper."""

SPACED = re.compile(
    r'x="(?P<x>[\d.]+)"(?P<rest> y="[\d.]+" textLength=)"(?P<length>[\d.]+)"(?P<more>[^>]*)>(?P<text>[^<]*)<'
)
SPACE = "&#160;"
CHARACTER = 12.2
"""Width of a character in rich's pictures."""


def without_outer_spaces(match: re.Match[str]) -> str:
    """A piece of text moved to where its first letter stands: some viewers drop spaces at its ends."""
    text = match["text"]
    before = (len(text) - len(_after(text))) // len(SPACE)
    inner = _after(text)
    while inner.endswith(SPACE):
        inner = inner.removesuffix(SPACE)
    after = (len(_after(text)) - len(inner)) // len(SPACE)
    x = float(match["x"]) + before * CHARACTER
    length = float(match["length"]) - (before + after) * CHARACTER
    if not inner:
        return match[0]
    return f'x="{x:.1f}"{match["rest"]}"{length:.1f}"{match["more"]}>{inner}<'


def _after(text: str) -> str:
    while text.startswith(SPACE):
        text = text.removeprefix(SPACE)
    return text


def main() -> None:
    """Check the example and write the picture."""
    os.chdir(ROOT)
    report = check_targets([Target(EXAMPLE)], CheckOptions())
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    print_table(report, console, folder=ROOT)
    svg = console.export_svg(title=f"gradcheck run {EXAMPLE}", theme=THEME, unique_id="report")
    svg = SPACED.sub(without_outer_spaces, svg)
    picture = "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"
    (ROOT / "docs" / "report.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
