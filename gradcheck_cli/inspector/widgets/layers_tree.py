"""The layers and their gradients, each with its verdict."""

from __future__ import annotations

from pathlib import Path

from rich.style import Style
from rich.text import Text
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from gradcheck_cli.inspector.looking import Looking, Target
from gradcheck_cli.inspector.session import Waiting
from gradcheck_cli.inspector.telling import shortened
from gradcheck_cli.inspector.words import argument_label, layer_label
from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.marks import UNICODE
from gradcheck_cli.report.model import Status
from gradcheck_cli.report.places import relative_path

_COLOURS = {Status.PASS: "success", Status.FAIL: "error", Status.INCONCLUSIVE: "warning", Status.ERROR: "error"}

_PATH = 30
"""Columns of a file's name."""

Place = Target | Waiting | int
"""A gradient; a layer that is not checked yet; or a problem that belongs to no layer, by its position among them."""


class LayersTree(Tree[Place]):
    """The list at the left."""

    def __init__(self, looking: Looking, id: str) -> None:
        super().__init__("layers", id=id)
        self._looking = looking
        self._roots: dict[str, TreeNode[Place]] = {}
        self._waiting: dict[Waiting, TreeNode[Place]] = {}
        self.count = 0
        self.show_root = False
        self.show_guides = False
        self.guide_depth = 2

    def fill(self, at: Target) -> None:
        """All of it anew, with the cursor where something is looked at."""
        self.clear()
        self.count, self._roots, self._waiting = 0, {}, {}
        for position in range(len(self._looking.report.errors)):
            self.root.add_leaf(f"problem {position}", data=position)
        self.grow(at)
        self.call_after_refresh(self.point, at, is_opened=True)

    def grow(self, at: Target) -> None:
        """The layers that have come since; behind them those that are known by name."""
        session = self._looking.session
        layers = session.report.layers
        waiting = session.waiting  # asked for after the others: a layer goes from here to there
        paths = dict.fromkeys([*(layer.path for layer in layers), *(each.path for each in waiting)])
        if len(paths) > 1 and (self.count or self._waiting) and not self._roots:
            return self.fill(at)  # what is in one file has no file above it
        for position in range(self.count, len(layers)):
            layer = self._looking.layer(position)
            root = self._root(layer.path) if len(paths) > 1 else self.root
            is_open = layer.status is not Status.PASS
            target = self._looking.first_of(position)
            node = self._waiting.pop(Waiting(layer.path, layer.name), None)
            if node is None:
                node = root.add(layer.name, data=target, expand=is_open, allow_expand=bool(layer.arguments))
            else:
                node.data, node.allow_expand = target, bool(layer.arguments)
                if is_open:
                    node.expand()
            for argument in range(len(layer.arguments)):
                node.add_leaf("", data=Target(position, argument))
        self.count = len(layers)
        for gone in () if session.opening else set(self._waiting).difference(waiting):
            self._waiting.pop(gone).remove()
        for each in waiting:
            if each not in self._waiting:
                root = self._root(each.path) if len(paths) > 1 else self.root
                self._waiting[each] = root.add_leaf(each.layer, data=each)
        return None

    @property
    def is_behind(self) -> bool:
        """Whether more is known than is listed."""
        session = self._looking.session
        return self.count != len(session.report.layers) or len(self._waiting) != len(session.waiting)

    def _root(self, path: str) -> TreeNode[Place]:
        if path not in self._roots:
            folder = Path(self._looking.session.folder or ".")
            name = shortened(one_line(relative_path(path, folder)), _PATH)
            self._roots[path] = self.root.add(name, expand=True)
        return self._roots[path]

    def point(self, at: Target, *, is_opened: bool = False) -> None:
        """The cursor on a gradient; or on its layer where that is closed, unless it is to be opened."""
        for node in self._all(self.root):
            if node.data == at and not (node.children and (node.is_expanded or is_opened)):
                self._put(node)
                return

    def render_label(self, node: TreeNode[Place], base_style: Style, style: Style) -> Text:
        """The verdict's sign, then the name; how many are wrong in quiet letters."""
        del base_style
        variables = self.app.theme_variables
        quiet = Style(color=variables["quiet"])
        if isinstance(node.data, Waiting):
            return Text(f"… {one_line(node.data.layer)}", style=style + quiet, no_wrap=True)
        if node.data is None:
            return Text(str(node.label), style=style + quiet, no_wrap=True)
        name, status = self._told(node)
        head, _, rest = name.partition("  ")
        sign = Style(color=variables[_COLOURS[status]], bold=True)
        return Text.assemble(
            (f"{UNICODE.status[status]} ", style + sign),
            (head, style),
            (f"  {rest}", style + quiet),
            no_wrap=True,
        )

    def _told(self, node: TreeNode[Place]) -> tuple[str, Status]:
        place = node.data
        if isinstance(place, int):
            error = self._looking.session.report.errors[place]
            return f"{one_line(error.path.rpartition('/')[2])}  {error.rule}", Status.ERROR
        assert isinstance(place, Target)
        layer = self._looking.layer(place.layer)
        argument = self._looking.argument(place)
        if node.allow_expand or argument is None:
            return layer_label(layer), layer.status
        return argument_label(argument, layer.arguments[place.argument]), argument.status

    def _put(self, node: TreeNode[Place]) -> None:
        parent = node.parent
        while parent is not None:
            parent.expand()
            parent = parent.parent
        self.call_after_refresh(self.move_cursor, node)

    def _all(self, node: TreeNode[Place]) -> list[TreeNode[Place]]:
        return [each for child in node.children for each in (child, *self._all(child))]
