"""The lines above and below the panes: what is open, what is going on, which keys there are."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.widgets import Static

from gradcheck_cli.inspector.keys import Group, Key, group_at, groups, lines


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
        self._useless: frozenset[str] = frozenset()
        self._lines: list[list[Group]] = []

    def tell(self, useless: frozenset[str]) -> None:
        """Leave out what would do nothing here, by what it is called."""
        if useless != self._useless:
            self._useless = useless
            self._write()

    def on_resize(self) -> None:
        """More lines, or fewer."""
        self._write()

    def on_mount(self) -> None:
        """As wide as the screen."""
        self._write()

    async def on_click(self, event: events.Click) -> None:
        """Do what stands there."""
        offset = event.get_content_offset(self)
        if offset is not None and (group := group_at(self._lines, offset.y, offset.x)) is not None:
            target = self.app if group.action.startswith("app.") else self.screen
            await target.run_action(group.action)

    def _write(self) -> None:
        shown = [group for group in self._groups if group.is_at_bottom and group.short not in self._useless]
        self._lines = lines(shown, max(20, self.app.size.width - 1))
        rows = [Content("  ").join(_group(group) for group in row) for row in self._lines]
        self.update(Content("\n").join(rows))


def _group(group: Group) -> Content:
    return Content.assemble((group.shown, "bold $accent"), f" {group.short}")
