"""The first screen while layers are still being checked: each is shown as soon as it is."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from gradcheck_cli.inspector.looking import Target
from gradcheck_cli.inspector.screens.showing import ShowingScreen
from gradcheck_cli.inspector.session import Waiting
from gradcheck_cli.inspector.widgets.layers_tree import LayersTree
from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.model import Status

_ELSEWHERE: tuple[Target, tuple[int, ...]] = (Target(-1), ())
"""What nobody looks at."""


class GrowingScreen(ShowingScreen):
    """What fails first is looked at once it is known, unless something else was looked for before."""

    _begun: tuple[Target, tuple[int, ...]] | None = None
    _wanted: Waiting | None = None

    def on_mount(self) -> None:
        """What is shown first, where there is something already."""
        self.call_after_refresh(self._remember)

    def grow(self, sign: str) -> None:
        """Show what is known now.

        Args:
            sign: that something is going on.
        """
        if not all(self.query(name) for name in ("KeysLine", "LayersTree", "HeatMap")):
            return  # it is not composed yet, or is being left
        session, tree = self.looking.session, self.query_one(LayersTree)
        doing = f"{sign} {session.opening}" if session.opening else ""
        self.query_one("#layers-heading", Static).update(Content("  ".join(filter(None, ("layers", doing)))))
        if not session.report.layers:
            self.query_one("#nothing", Static).update(Content.styled(doing, "$quiet"))
        is_known = bool(session.report.layers)
        if is_known and session.is_open and session.report.errors:
            tree.fill(self.target)
        elif tree.is_behind:
            tree.grow(self.target)
        else:
            return
        if is_known and self._wanted is not None:
            self._go_to_wanted(tree)
        elif is_known and self._is_as_it_began():
            self.target = self.looking.first
            self.choose(self.target)
            tree.point(self.target, is_opened=True)
            self._remember()
        self._show_title()

    def choose(self, target: Target) -> None:
        """Look at another gradient; nothing else is waited for any more."""
        self._wanted = None
        super().choose(target)

    def want(self, waiting: Waiting) -> None:
        """Look at a layer once it is checked."""
        self._wanted = waiting
        self.say(f"{one_line(waiting.layer)} is not checked yet: it is shown as soon as it is")

    def _go_to_wanted(self, tree: LayersTree) -> None:
        """Look at the layer that was chosen before it was checked, where it is."""
        keys = [Waiting(layer.path, layer.name) for layer in self.looking.session.report.layers]
        if self._wanted in keys:
            self.choose(self.looking.first_of(keys.index(self._wanted)))
            tree.point(self.target, is_opened=True)
            self._begun = _ELSEWHERE

    def _is_as_it_began(self) -> bool:
        """Nobody has gone anywhere, and nothing wrong is shown."""
        if self._begun is None:
            return True
        is_wrong = self.looking.layer(self.target.layer).status is not Status.PASS
        is_here = self.app.screen is self and not self.query_one(LayersTree).has_focus
        return not is_wrong and is_here and self._begun == self._here()

    def _remember(self) -> None:
        if self.looking.session.report.layers:
            self._begun = self._here()

    def _here(self) -> tuple[Target, tuple[int, ...]]:
        return self.target, self.lead.view.index if self.lead.leaf is not None else ()
