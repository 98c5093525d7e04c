"""All keys of a screen."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from gradcheck_cli.inspector.keys import Key, groups

_READING = (
    "A cell of the map is one element, or the worst of a block. · is right; 1 to 9 is wrong, and 9 is worst; "
    "- before it: yours is too small. Warm colours: too large; cold: too small."
)


class HelpScreen(ModalScreen[None]):
    """The keys, and how the map is read."""

    BINDINGS = [Binding("escape,question_mark,q,enter", "dismiss", "Back", show=False)]  # noqa: RUF012

    def __init__(self, keys: Sequence[Key]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        """A box in the middle."""
        with VerticalScroll(id="box"):
            yield Static("Keys", classes="title")
            yield Static(keys_content(self._keys), id="keys")
            yield Static(Content.styled(_READING, "$quiet"))
            yield Static(
                Content.styled("Esc closes this. The mouse works, too: click a cell, a gradient, a key.", "$quiet")
            )


def keys_content(keys: Sequence[Key]) -> Content:
    """The keys and what they do."""
    found = groups(keys)
    width = max((len(group.shown) for group in found), default=0)
    return Content("\n").join(
        Content.assemble((f"{group.shown:>{width}}", "bold $accent"), f"  {group.long}") for group in found
    )
