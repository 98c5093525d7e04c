"""The lines above and below the panes: what is open, what is going on, which keys there are."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.style import Style
from textual.widgets import Static

from gradcheck_cli.inspector.keys import Group, Key, groups, lines


class TitleLine(Static):
    """What is open and how it ended, from edge to edge."""

    def say(self, left: Content, right: Content) -> None:
        """Both ends; the right one goes where there is no room for both."""
        gap = self.app.size.width - 2 - left.cell_length - right.cell_length
        self.update(Content.assemble(left, " " * gap, right) if gap > 1 else left)


class MessageLine(Static):
    """What is going on, or was; what is looked at else."""


class KeysLine(Static):
    """The keys, in as many lines as they need; a click does what they do."""

    def __init__(self, keys: Sequence[Key]) -> None:
        super().__init__()
        self._groups = groups(keys)
        self._shown: Sequence[Group] = self._groups

    def tell(self, useless: frozenset[str]) -> None:
        """Leave out what would do nothing here, by what it is called."""
        self._shown = [group for group in self._groups if group.short not in useless]
        self._write()

    def on_resize(self) -> None:
        """More lines, or fewer."""
        self._write()

    def on_mount(self) -> None:
        """As wide as the screen."""
        self._write()

    def _write(self) -> None:
        rows = [
            Content("").join(_group(group) for group in row)
            for row in lines(self._shown, max(20, self.app.size.width - 1))
        ]
        self.update(Content("\n").join(rows))


def _group(group: Group) -> Content:
    action = group.action if group.action.startswith("app.") else f"screen.{group.action}"
    text = Content.assemble((group.shown, "bold $accent"), (f" {group.short}", "$quiet"))
    return Content.assemble(text.stylize(Style.from_meta({"@click": action})), "  ")
