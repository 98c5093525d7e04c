"""The page of a rule, and the table of all rules, on a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Markdown, MarkdownElement
from rich.syntax import Syntax
from rich.text import Text
from rich.theme import Theme

from gradcheck_cli.explain.page import Page
from gradcheck_cli.report.marks import CODE, HEADING, QUIET
from gradcheck_cli.report.screen import grid, indented, screen_for

_CODE_THEME = "ansi_dark"
"""The terminal's own colours, on its own background, be that dark or light."""

_THEME = Theme({"markdown.code": CODE})

_INDENT = 2


class _Code(CodeBlock):
    """A program, a little to the right of the text: rich's own block has a frame of blank lines."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code = Syntax(str(self.text).rstrip(), self.lexer_name, theme=self.theme, word_wrap=True)
        yield indented(code, _INDENT)


class _Body(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {**Markdown.elements, "fence": _Code}


def print_rule(page: Page, console: Console) -> None:
    """Print the page: its heading, and its Markdown below it."""
    screen = screen_for(console)
    title = Text(screen.marks.rule * 2 + " ", style=QUIET)
    title.append(f"{page.code} {page.name}", style=f"not dim {HEADING}")
    title.append(" " + screen.marks.rule * max(0, screen.width - title.cell_len - 1))
    console.print(title, width=screen.width, soft_wrap=True)
    console.print()
    with console.use_theme(_THEME):
        body = _Body(page.text, code_theme=_CODE_THEME, hyperlinks=False)
        console.print(indented(body, _INDENT), width=screen.width)


def print_rules(pages: Iterable[Page], console: Console) -> None:
    """Print a line for each rule: its code, its name, the gist of its meaning."""
    screen = screen_for(console)
    rows = [[screen.text(page.code, HEADING), screen.text(page.name, CODE), screen.text(page.gist)] for page in pages]
    console.print(indented(grid(rows), 1), highlight=False, markup=False, emoji=False, width=screen.width)
