"""What is known of a gradient as slices side by side: yours, autodiff, and what lies between them."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import Static

from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.keys import COMPARE, bindings
from gradcheck_cli.inspector.leaf import COLUMNS
from gradcheck_cli.inspector.looking import Looking, Target
from gradcheck_cli.inspector.screens.moving import MovingScreen
from gradcheck_cli.inspector.session import Answer
from gradcheck_cli.inspector.telling import short_name
from gradcheck_cli.inspector.view import View
from gradcheck_cli.inspector.widgets.heat_map import HeatMap
from gradcheck_cli.inspector.widgets.lines import KeysLine, MessageLine, TitleLine
from gradcheck_cli.inspector.words import axes_line, element_line, index_text, map_title, slice_line
from gradcheck_cli.report.escaping import one_line

_HEADINGS = {
    "yours": "yours",
    "autodiff": "autodiff",
    "difference": "finite difference",
    "error": "yours − reference",
    "ratio": "yours / reference",
    "times": "error in tolerances",
    "input": "input",
}


class CompareScreen(MovingScreen):
    """Maps of numbers with one cursor; each gradient has the columns that were chosen for it."""

    KEYS = COMPARE
    BINDINGS = bindings(COMPARE)  # type: ignore[assignment]
    AUTO_FOCUS = "#yours"

    def __init__(self, looking: Looking, target: Target, view: View) -> None:
        super().__init__()
        self._looking, self._target, self._view = looking, target, view
        self._chosen: dict[Target, tuple[str, ...]] = {}

    def compose(self) -> ComposeResult:
        """One column each; below each other where it is narrow."""
        yield TitleLine()
        with Container(id="panes"):
            for name in COLUMNS:
                with Vertical(classes="column", id=f"{name}-column"):
                    yield Static(classes="heading", id=f"{name}-heading")
                    yield HeatMap(name, zooms=False, id=name)
        with Vertical(id="foot"):
            yield MessageLine()
            yield KeysLine(COMPARE)

    def on_mount(self) -> None:
        """The same part as the first screen shows."""
        self._show(self._view)
        self.watch(self.app, "theme", self._redraw, init=False)
        self.watch(self.app, "message", self._heard, init=False)

    def on_resize(self) -> None:
        """As many rows in each: else they would not show the same part."""
        self.call_after_refresh(self._even)

    def _even(self) -> None:
        panes, count = self.query_one("#panes"), len(self._columns)
        for column in panes.children:
            column.styles.height = max(2, panes.size.height // count) if self.has_class("-narrow") else "1fr"

    @property
    def _columns(self) -> tuple[str, ...]:
        """Those of the gradient that is shown: what was chosen, else what is known of it."""
        if self._target in self._chosen:
            return self._chosen[self._target]
        leaf = self._looking.leaf(self._target)
        has_autodiff = leaf is None or "autodiff" in leaf.kept.arrays
        return ("yours", "autodiff" if has_autodiff else "difference", "error")

    def maps(self) -> list[HeatMap]:
        """Those that are shown."""
        return [self.query_one(f"#{name}", HeatMap) for name in self._columns]

    def _show(self, view: View | None = None) -> None:
        leaf = self._looking.leaf(self._target)
        for name in COLUMNS:
            self.query_one(f"#{name}-column").display = name in self._columns
        try:
            if leaf is None or leaf.why_no_map:
                raise UserError("There are no arrays of it to compare." if leaf is None else leaf.why_no_map)
            for each in self.maps():
                each.show(leaf, view or self.lead.view if each is not self.lead else view)
        except UserError as error:
            for each in self.maps():
                each.show(None)
            self.query_one(MessageLine).update(Content(error.message))
        layer, argument = self._looking.layer(self._target.layer), self._looking.argument(self._target)
        name = one_line(layer.name if argument is None else argument.gradient_name)
        for column, heading in _HEADINGS.items():
            of = {"yours": f"  {name}", "input": f"  {one_line(leaf.kept.name) if leaf else ''}"}.get(column, "")
            self.query_one(f"#{column}-heading", Static).update(Content(heading + of))
        title = Content.assemble(
            (f"{short_name(layer.name)}  ", "bold"), (map_title(leaf.kept, None) if leaf else name, "")
        )
        convention = one_line(layer.convention)
        goes = "" if argument is None else f": {one_line(argument.name)} → {name}"
        self.query_one(TitleLine).say(
            title, Content.styled(convention + goes, "$quiet"), Content.styled(convention, "$quiet")
        )
        self._tell()

    def _tell(self) -> None:
        leaf = self.lead.leaf
        if leaf is None:
            return
        view = self.lead.view
        useless = set() if view.others else {"slice", "axes"}
        useless |= set() if len(view.others) > 1 else {"axis"}
        self.query_one(KeysLine).tell(frozenset(useless))
        try:
            facts = leaf.facts(view.position)
        except UserError as error:
            self.query_one(MessageLine).update(Content(error.message))
            return
        self.query_one(MessageLine).update(
            Content.assemble(
                (f"{one_line(leaf.kept.gradient_name)}{index_text(facts.index)}  ", "bold"),
                (
                    "  ".join(filter(None, (axes_line(view, leaf.kept), slice_line(view, leaf.kept), ""))) + "  ",
                    "$quiet",
                ),
                element_line(facts),
            )
        )

    def take(self, answer: Answer) -> None:
        """The numbers as they are now."""
        leaf = self._looking.leaf(self._target)
        if answer.report is None or self._looking.position(answer.question) != self._target.layer:
            return
        is_same = leaf is not None and self.lead.leaf is not None and leaf.kept.shape == self.lead.leaf.kept.shape
        self._show(self.lead.view if is_same else None)
        self.say(self.host.message)

    def _heard(self, text: str) -> None:
        if text:
            self.say(text)
        else:
            self._tell()

    def say(self, text: str) -> None:
        """In its own line."""
        self.query_one(MessageLine).update(Content(text))

    def _redraw(self) -> None:
        for each in self.maps():
            each.refresh()

    def on_heat_map_moved(self, event: HeatMap.Moved) -> None:
        """All maps look at the same."""
        moved = event.heat_map.view
        for each in self.maps():
            if each.leaf is not None and each.view.index != moved.index:
                each.look(each.view.at(moved.index))
        self._tell()

    def action_next_gradient(self, by: int) -> None:
        """The next gradient that has a map."""
        targets = self._looking.targets
        self._target = targets[(targets.index(self._target) + by) % len(targets)]
        self._show()
        self.lead.focus()
        self.call_after_refresh(self._even)

    def action_column(self, name: str) -> None:
        """Show a column, or no more; the last one stays."""
        shown = set(self._columns) ^ {name}
        if not shown:
            self.say("one column stays: show another one first")
            return
        view, had_focus = self.lead.view, self.focused
        self._chosen[self._target] = tuple(each for each in COLUMNS if each in shown)
        self._show(view if self._looking.leaf(self._target) is not None else None)
        if had_focus is None or had_focus not in self.maps():
            self.lead.focus()
        self.call_after_refresh(self._even)
