"""The first screen: what its keys do."""

from __future__ import annotations

from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.copying import command_of
from gradcheck_cli.inspector.keys import MAIN, bindings
from gradcheck_cli.inspector.looking import Target
from gradcheck_cli.inspector.screens.compare import CompareScreen
from gradcheck_cli.inspector.screens.dig import DigScreen
from gradcheck_cli.inspector.screens.go_to import GoToScreen
from gradcheck_cli.inspector.screens.growing import GrowingScreen
from gradcheck_cli.inspector.screens.reading import FindingScreen, SourceScreen
from gradcheck_cli.inspector.screens.what_if import WhatIfScreen
from gradcheck_cli.inspector.session import Question, Waiting
from gradcheck_cli.inspector.source import wrong_place
from gradcheck_cli.inspector.widgets.layers_tree import LayersTree, Place
from gradcheck_cli.inspector.words import element_text


class MainScreen(GrowingScreen):
    """Where the inspector begins."""

    KEYS = MAIN
    BINDINGS = bindings(MAIN)  # type: ignore[assignment]

    # what happens

    def on_heat_map_moved(self) -> None:
        """The element under the cursor is another."""
        if self.lead.leaf is not None:
            self._show_element()

    def on_resize(self) -> None:
        """The title goes from edge to edge."""
        self._show_title()

    def on_tree_node_selected(self, event: LayersTree.NodeSelected[Place]) -> None:
        """A gradient, or a problem, is chosen in the list."""
        if isinstance(event.node.data, Target):
            self.choose(event.node.data)
        elif isinstance(event.node.data, Waiting):
            self.want(event.node.data)
        elif event.node.data is not None:
            self.choose_problem(event.node.data)

    # keys

    def action_next_gradient(self, by: int) -> None:
        """The next gradient of all."""
        targets = self.looking.targets
        if targets:
            self.choose(targets[(targets.index(self.target) + by) % len(targets)])
            self.query_one(LayersTree).point(self.target)

    def action_source(self) -> None:
        """The source, as large as the screen."""
        if self._is_layer():
            self.app.push_screen(SourceScreen(self.looking, self.target))

    def action_finding(self) -> None:
        """All that is known of the layer."""
        if self._is_layer():
            self.app.push_screen(FindingScreen(self.looking, self.target))

    def has_map(self) -> bool:
        """Whether there are elements to be looked at; if not, it is said."""
        return self._is_layer() and super().has_map()

    def _is_layer(self) -> bool:
        if self.problem is not None:
            self.say("the module could not be run; e opens it")
        elif not self.looking.session.report.layers:
            self.say("no layer is checked yet")
            return False
        return self.problem is None

    def action_dig(self) -> None:
        """All that can be found out about this element."""
        if self.has_map():
            self.app.push_screen(DigScreen(self.looking, self.target, self.lead))

    def action_compare(self) -> None:
        """The three witnesses side by side."""
        if self.has_map():
            self.app.push_screen(CompareScreen(self.looking, self.target, self.lead.view))

    def action_go_to(self) -> None:
        """Ask for an index."""
        if self.has_map() and (leaf := self.lead.leaf) is not None:
            self.app.push_screen(GoToScreen(leaf.kept), self._go)

    def _go(self, index: tuple[int, ...] | None) -> None:
        if index is not None:
            self.look(self.lead.view.at((0,) * (len(self.lead.view.shape) - len(index)) + index))

    def action_what_if(self) -> None:
        """Ask for a change, and check again."""
        session, kept = self.looking.session, self.looking.kept(self.target.layer)
        if not session.is_live:
            self.host.say_why_not_live()
            return
        if not self._is_layer():
            return
        question = self.looking.question(self.target.layer)
        self.app.push_screen(WhatIfScreen(question, kept, self._under_cursor()), self._ask)

    def _ask(self, question: Question | None) -> None:
        if question is not None:
            self.host.ask(question)

    def _under_cursor(self) -> tuple[str, tuple[int, ...]] | None:
        leaf = self.lead.leaf
        if leaf is None:
            return None
        return leaf.kept.name, self.lead.view.index[len(self.lead.view.shape) - len(leaf.kept.shape) :]

    def action_again(self) -> None:
        """Check the layer again."""
        if self._is_layer():
            self.host.ask(self.looking.question(self.target.layer))

    def action_back(self) -> None:
        """The layer as it was before."""
        if not self._is_layer():
            return
        if not self.looking.go_back(self.target.layer):
            self.say("this is how it was when it was opened")
            return
        self.target = self.looking.first_of(self.target.layer)
        self.query_one(LayersTree).fill(self.target)
        self.choose(self.target)
        self._show_title()

    def action_watch(self) -> None:
        """Watch the files, or no more."""
        self.host.toggle_watch()

    def action_edit(self) -> None:
        """The editor at the line that is to blame."""
        if self.problem is None and not self._is_layer():
            return
        layer = self.looking.layer(self.target.layer)
        finding = self.looking.finding(self.target)
        if self.problem is not None:
            finding = self.looking.report.errors[self.problem]
        self.host.edit(*wrong_place(layer, finding))

    def action_copy(self, what: str) -> None:
        """To the clipboard."""
        if not self._is_layer():
            return
        layer = self.looking.layer(self.target.layer)
        text = ""
        if what == "element" and self.lead.leaf is not None:
            leaf = self.lead.leaf
            try:
                text = element_text(leaf.facts(self.lead.view.position), layer.name, leaf.kept)
            except UserError as error:
                self.say(error.message)
                return
        elif what == "command":
            text = command_of(layer, self.looking.session.report.seed, self.looking.question(self.target.layer))
        elif what == "script":
            text = layer.script
        self.copy(text, what)
