"""Panes of text: the element, the finding, the source."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.highlight import highlight
from textual.widgets import Static

from gradcheck_cli.inspector.source import Excerpt
from gradcheck_cli.inspector.themes import PLAIN


class TextPane(VerticalScroll):
    """A heading, and text that can be scrolled."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id, classes="pane")
        self._heading = Static(classes="heading")
        self._body = Static(classes="body")

    def compose(self) -> ComposeResult:
        """The heading stays."""
        yield self._heading
        yield self._body

    def say(self, heading: Content | str, body: Content) -> None:
        """What it shows."""
        self._heading.update(heading if isinstance(heading, Content) else Content(heading))
        self._body.update(body)


class SourcePane(TextPane):
    """A function, with what is to blame in it in the middle."""

    def read(self, heading: str, excerpt: Excerpt | None, nothing: str) -> None:
        """Show a function; `nothing` where its source is not known."""
        if excerpt is None:
            self.say(heading, Content.styled(nothing, "$quiet"))
            return
        lines, focus = source_lines(excerpt, is_plain=self.app.theme == PLAIN.name)
        self.say(heading, Content("\n").join(lines))
        self.call_after_refresh(self._centre, focus)

    def _centre(self, line: int) -> None:
        self.scroll_to(y=max(0, line - max(0, self.size.height - 1) // 2), animate=False)


def source_lines(excerpt: Excerpt, *, is_plain: bool) -> tuple[list[Content], int]:
    """Numbered lines of a function, and the position of the one to look at."""
    content = Content(excerpt.text) if is_plain else highlight(excerpt.text, language="python")
    last = max(excerpt.blamed, default=-1)
    texts = content.split("\n", allow_blank=True)
    width = len(str(excerpt.first + len(texts)))
    found: list[Content] = []
    focus = 0
    for number, text in enumerate(texts, excerpt.first):
        is_blamed, is_focus = number in excerpt.blamed, number == excerpt.focus
        is_named = is_blamed or (is_focus and excerpt.is_named)
        if is_focus:
            focus = len(found)
        label = f"{'▶' if is_named else ' '} {number:>{width}}  "
        line = Content.assemble((label, "bold $error" if is_blamed else "$quiet"), text)
        found.append(line.stylize_before("on $error 14%") if is_blamed and not is_plain else line)
        if number == last:
            found.append(Content.styled(" " * (width + 4) + excerpt.mark, "bold $error"))
    return found, focus
