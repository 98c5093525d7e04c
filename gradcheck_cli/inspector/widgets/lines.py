"""The lines above and below the panes: what is open, what is going on, which keys there are."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.widgets import Static

from gradcheck_cli.inspector.keys import Group, Key, fitting, group_at, groups


class TitleLine(Static):
    """What is open and how it ended, from edge to edge."""

    def say(self, left: Content, *rights: Content) -> None:
        """Both ends; of the right one the first form that there is room for, if there is for any."""
        room = self.app.size.width - 2 - left.cell_length
        right = next((each for each in rights if each.cell_length < room - 1), None)
        self.update(left if right is None else Content.assemble(left, " " * (room - right.cell_length), right))


class MessageLine(Static):
    """What is going on, or was; what is looked at else."""


_SHARE = 6
"""Of so many lines of the screen, one may be of keys."""


class KeysLine(Static):
    """The keys, in as many lines as they need and the screen can spare; a click does what they do."""

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
        size = self.app.size
        self._lines = fitting(shown, max(20, size.width - 1), max(1, size.height // _SHARE))
        rows = [Content("  ").join(_group(group) for group in row) for row in self._lines]
        self.update(Content("\n").join(rows))


def _group(group: Group) -> Content:
    return Content.assemble((group.shown, "bold $accent"), f" {group.short}")
