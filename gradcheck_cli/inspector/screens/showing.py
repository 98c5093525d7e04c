"""What the first screen shows: layers and gradients, the map, the element, the finding, the source."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import Static

from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.keys import MAIN
from gradcheck_cli.inspector.looking import Looking, Target
from gradcheck_cli.inspector.screens.moving import MovingScreen
from gradcheck_cli.inspector.session import Answer, Question
from gradcheck_cli.inspector.source import backward_excerpt, forward_excerpt, wrong_place
from gradcheck_cli.inspector.telling import (
    element_content,
    layer_content,
    legend_content,
    no_map,
    no_source,
    nothing_kept,
    place,
    problem_content,
    short_name,
    shortened,
    totals_content,
)
from gradcheck_cli.inspector.themes import kind_of
from gradcheck_cli.inspector.widgets.heat_map import HeatMap
from gradcheck_cli.inspector.widgets.layers_tree import LayersTree
from gradcheck_cli.inspector.widgets.lines import KeysLine, MessageLine, TitleLine
from gradcheck_cli.inspector.widgets.panes import SourcePane, TextPane
from gradcheck_cli.inspector.words import axes_line, cell_line, index_text, index_words, map_title, slice_line
from gradcheck_cli.report.escaping import one_line

_OF_A_LAYER = {"source", "why", "what if", "again", "back", "copy"}
"""What cannot be done where the module could not be run."""

_PLACE = 46
"""Columns of a place in a line that tells more."""

_OF_THE_MAP = {"worst", "dig", "compare", "move", "slice", "axis", "axes", "turn", "zoom", "go"}
"""What is done with a map, and cannot be without one."""


class ShowingScreen(MovingScreen):
    """What is looked at, in all panes.

    Args:
        looking: at what.
    """

    AUTO_FOCUS = "HeatMap"

    def __init__(self, looking: Looking) -> None:
        super().__init__()
        self.looking = looking
        self.target = looking.first
        self.problem: int | None = None

    def compose(self) -> ComposeResult:
        """Panes; at narrow terminals three of them."""
        yield TitleLine()
        with Container(id="panes"):
            with Vertical(id="layers-pane"):
                yield Static("layers", classes="heading", id="layers-heading")
                yield LayersTree(self.looking, id="layers")
            with Vertical(id="map-pane"):
                yield Static(classes="heading", id="map-heading")
                yield Static(id="axes")
                yield HeatMap(id="map")
                yield Static(id="nothing")
                yield Static(id="legend")
            yield TextPane("element-pane")
            yield SourcePane("source-pane")
            yield TextPane("finding-pane")
        with Vertical(id="foot"):
            yield MessageLine()
            yield KeysLine(MAIN)

    def on_mount(self) -> None:
        """Fill all panes."""
        self.watch(self.app, "message", self._show_message, init=False)
        self.watch(self.app, "theme", self._show_all, init=False)
        self.query_one(LayersTree).fill(self.target)
        report = self.looking.report
        if report.errors and not report.layers:
            self.choose_problem(0)
        elif report.layers or self.looking.session.is_open:
            self.choose(self.target)
            if self.looking.session.at_hand:
                self.say(f"{self.looking.session.at_hand}: L checks it again")
        else:
            self._show_nothing(Content(""), Content.styled("looking for layers", "$quiet"))
            self._show_title()

    def maps(self) -> list[HeatMap]:
        """The one map."""
        return [self.query_one("#map", HeatMap)]

    # what is looked at

    def choose(self, target: Target) -> None:
        """Look at another gradient."""
        self.target, self.problem = target, None
        self._show_map()
        self._show_texts()
        self.say("")
        self._show_message()

    def choose_problem(self, position: int) -> None:
        """Look at a problem that belongs to no layer."""
        self.problem = position
        error = self.looking.report.errors[position]
        self.say("")
        body = problem_content(error, self._folder)
        self._show_nothing(Content(""), Content.styled("the module could not be run; e opens it", "bold $error"))
        self.query_one("#element-pane", TextPane).say("element", Content.styled("–", "$quiet"))
        self.query_one("#finding-pane", TextPane).say("finding", body)
        self.query_one(SourcePane).read("source", None, "the module could not be run")
        self._show_message()

    def take(self, answer: Answer) -> None:
        """A layer was checked again."""
        at = self.looking.position(answer.question)
        if answer.report is None or at is None:
            return
        if at == self.target.layer:
            index = self.lead.view.index if self.lead.leaf is not None else None
            if self.looking.argument(self.target) is None:
                self.target = self.looking.first_of(at)
            self._show_map(index)
            self._show_texts()
        self.query_one(LayersTree).fill(self.target)
        self._show_title()

    def questions(self) -> list[Question]:
        """What to ask when a file has changed: the layer that is looked at, those that do not pass, then the rest."""
        layers = list(enumerate(self.looking.report.layers))
        if not layers:
            return []
        others = [at for at, layer in layers if layer.status.value != "pass"]
        rest = [at for at, layer in layers if layer.status.value == "pass"]
        return [self.looking.question(at) for at in dict.fromkeys([self.target.layer, *others, *rest])]

    @property
    def _folder(self) -> str:
        return self.looking.session.folder

    # panes

    def _show_all(self) -> None:
        self._show_title()
        self._show_legend()
        self._show_texts()
        self.lead.refresh()
        self.query_one(LayersTree).refresh()

    def _show_title(self) -> None:
        session, report = self.looking.session, self.looking.report
        kind = "live" if session.is_live else "saved run, L goes live" if session.at_hand else "saved run"
        left = Content.assemble(
            ("gradcheck ", "$quiet"), (session.name, "bold"), (f"  {kind} · seed {report.seed}", "$quiet")
        )
        forms = (False, True) if report.layers or session.is_open else ()
        self.query_one(TitleLine).say(left, *(totals_content(report, is_short=is_short) for is_short in forms))

    def _show_message(self, text: str | None = None) -> None:
        told = self.host.message if text is None else text
        self.query_one(MessageLine).update(Content(told) if told else self._hint())

    def _hint(self) -> Content:
        """What is looked at, and the one line on what is wrong."""
        if self.problem is not None:
            error = self.looking.report.errors[self.problem]
            where = place(error.path, error.line, self._folder)
            return Content.assemble((f"{error.code} {error.rule}", "$error"), ("  " + where, "$code"))
        layer, finding = self.looking.layer(self.target.layer), self.looking.finding(self.target)
        parts: list[Content | str | tuple[str, str]] = [(short_name(layer.name), "bold"), "  "]
        if self.looking.is_asked(self.target.layer):
            parts.append(("checked again · b goes back  ", "$accent"))
        if finding is not None:
            path, line = wrong_place(layer, finding)
            where = shortened(place(path, line, self._folder), _PLACE)
            parts += [(f"{finding.code} {finding.rule}", "$error"), ("  " + where, "$code")]
        elif (argument := self.looking.argument(self.target)) is not None and argument.why:
            parts.append((one_line(argument.why), "$warning"))
        return Content.assemble(*parts)

    def _show_map(self, index: tuple[int, ...] | None = None) -> None:
        """The map; why there is none, where there is none."""
        layer, argument = self.looking.layer(self.target.layer), self.looking.argument(self.target)
        name = one_line(layer.name if argument is None else argument.gradient_name)
        try:
            leaf = self.looking.leaf(self.target)
            if leaf is None:
                return self._show_nothing(Content(name), nothing_kept(layer, argument))
            if leaf.why_no_map:
                return self._show_nothing(Content(name), no_map(leaf))
            self.query_one("#map-pane").remove_class("-nothing")
            self.remove_class("-no-map")
            self.lead.show(leaf)
            if index is not None and len(index) == len(self.lead.view.shape):
                self.lead.look(self.lead.view.at(index))
        except UserError as error:
            return self._show_nothing(Content(name), Content.styled(error.message, "bold $error"))
        # its height must not depend on what it says: the map's would, and with it what it says
        self.query_one("#axes").styles.height = 2 if self.lead.view.others else 1
        self.query_one("#map-heading", Static).update(Content(map_title(leaf.kept, leaf.heat.wrong)))
        self._show_legend()
        self._show_element()
        return None

    def _show_nothing(self, heading: Content, body: Content) -> None:
        self.lead.show(None)
        self.query_one("#map-pane").add_class("-nothing")
        self.add_class("-no-map")
        self.query_one("#map-heading", Static).update(heading)
        self.query_one("#nothing", Static).update(body)
        self._show_element()

    def _show_legend(self) -> None:
        leaf = self.lead.leaf
        if leaf is not None:
            self.query_one("#legend", Static).update(legend_content(leaf.heat, kind_of(self.app.current_theme)))

    def _show_element(self) -> None:
        pane, leaf = self.query_one("#element-pane", TextPane), self.lead.leaf
        self.show_keys()
        if leaf is None:
            pane.say("element", Content.styled("–", "$quiet"))
            return
        try:
            facts = leaf.facts(self.lead.view.position)
        except UserError as error:
            pane.say("element", Content.styled(error.message, "bold $error"))
            return
        heading = f"{short_name(leaf.kept.gradient_name)}{index_text(facts.index)}"
        pane.say(heading, element_content(facts, leaf.heat.wrong, index_words(facts, leaf.kept)))
        view = self.lead.view
        lines = [" · ".join(filter(None, (axes_line(view, leaf.kept), cell_line(view))))]
        lines += [slice_line(view, leaf.kept)] if view.others else []
        self.query_one("#axes", Static).update(Content("\n".join(lines)))

    def _show_texts(self) -> None:
        layer, kept = self.looking.layer(self.target.layer), self.looking.kept(self.target.layer)
        finding = self.looking.finding(self.target)
        findings = [*filter(None, [finding]), *(each for each in layer.findings if each is not finding)]
        self.query_one("#finding-pane", TextPane).say("finding", layer_content(layer, findings, self._folder))
        which = "forward" if finding is None or finding.blame is not None else "backward"
        excerpt = (forward_excerpt if which == "forward" else backward_excerpt)(layer, kept, finding)
        told = "" if excerpt is None else shortened(place(excerpt.path, excerpt.focus, self._folder), _PLACE - 10)
        heading = which if excerpt is None else f"{which}  {told}"
        self.query_one(SourcePane).read(heading, excerpt, no_source(layer))

    def show_keys(self) -> None:
        """Those that do something now."""
        for line in self.query(KeysLine):  # none, before it is composed
            line.tell(self._useless())

    def _useless(self) -> frozenset[str]:
        """The keys that would do nothing here."""
        view, live = self.lead.view, self.looking.session.is_live
        useless = set() if live else {"what if", "again", "watch"}
        useless |= set() if self.looking.session.at_hand else {"go live"}
        useless |= set() if self.looking.is_asked(self.target.layer) else {"back"}
        useless |= set() if self.host.is_busy else {"stop"}
        if self.problem is not None or not self.looking.session.report.layers:
            useless |= _OF_A_LAYER
        if self.lead.leaf is None:
            return frozenset(useless | _OF_THE_MAP)
        useless |= set() if view.others else {"slice", "axes"}
        useless |= set() if len(view.others) > 1 else {"axis"}
        useless |= set() if len(self.lead.leaf.kept.shape) > 1 else {"turn"}
        return frozenset(useless)
