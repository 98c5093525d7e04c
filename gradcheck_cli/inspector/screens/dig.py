"""All about one element: the difference over its steps, the two sides, what flows in along each path, other seeds."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.worker import Worker, WorkerState

from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.digging import (
    contributions_content,
    curve_content,
    growth_content,
    other_seed_row,
    other_seeds_content,
    saved_draws,
    with_difference,
)
from gradcheck_cli.inspector.keys import DIG, bindings
from gradcheck_cli.inspector.leaf import Facts, Leaf
from gradcheck_cli.inspector.looking import Looking, Target
from gradcheck_cli.inspector.screens.hosted import ENDED
from gradcheck_cli.inspector.screens.moving import MovingScreen
from gradcheck_cli.inspector.screens.reading import SourceScreen
from gradcheck_cli.inspector.session import Answer, Dug
from gradcheck_cli.inspector.telling import element_content, short_name
from gradcheck_cli.inspector.view import View
from gradcheck_cli.inspector.widgets.heat_map import HeatMap
from gradcheck_cli.inspector.widgets.lines import KeysLine, MessageLine, TitleLine
from gradcheck_cli.inspector.widgets.panes import TextPane
from gradcheck_cli.inspector.words import element_text, index_text, index_words

_DIG, _SEED = "dig", "seed"


class DigScreen(MovingScreen):
    """The element under the cursor of a map.

    Args:
        lead: the map that stays with the element that is dug at.
    """

    KEYS = DIG
    BINDINGS = bindings(DIG)  # type: ignore[assignment]
    AUTO_FOCUS = "#curve-pane"

    def __init__(self, looking: Looking, target: Target, lead: HeatMap) -> None:
        super().__init__()
        self._looking, self._target, self._map = looking, target, lead
        assert lead.leaf is not None
        self._leaf: Leaf = lead.leaf
        self._view: View = lead.view
        self._dug: Dug | None = None
        self._others: list[tuple[str, ...]] = []
        self._seed = looking.question(target.layer).seed or looking.session.report.seed

    def compose(self) -> ComposeResult:
        """The curve, the element, the paths."""
        yield TitleLine()
        with Container(id="panes"):
            yield TextPane("curve-pane")
            yield TextPane("element-pane")
            yield TextPane("paths-pane")
        with Vertical(id="foot"):
            yield MessageLine()
            yield KeysLine(DIG)

    def on_mount(self) -> None:
        """Begin to dig."""
        self.watch(self.app, "message", self._tell, init=False)
        self.watch(self.app, "theme", self._show, init=False)
        if not self._looking.session.is_live:
            self.query_one(KeysLine).tell(frozenset({"other seed"}))
        self.set_interval(0.25, self._beat)
        self._start()

    def maps(self) -> list[HeatMap]:
        """That of the first screen."""
        return [self._map]

    def look(self, view: View) -> None:
        """Another element."""
        if view.index != self._view.index:
            self._stop()
            self._map.look(view)
            self._view = self._map.view
            self._others = []
            self._start()

    def take(self, answer: Answer) -> None:
        """Dig at the same element of the gradient as it is now."""
        if answer.report is None or self._looking.position(answer.question) != self._target.layer:
            return
        if self._map.leaf is None or self._looking.argument(self._target) is None:
            if self.app.screen is self:
                self.action_leave()
            return
        self._leaf, self._view, self._others = self._map.leaf, self._map.view, []
        self._start()

    # digging

    @property
    def _digging(self) -> bool:
        return any(worker.group in (_DIG, _SEED) and worker.is_running for worker in self.workers)

    def _start(self) -> None:
        self._dug = None
        kept = self._leaf.layer
        layer = self._looking.layer(self._target.layer)
        leaf, position = self._leaf.position, self._view.position

        def work() -> Dug:  # no partial: its arrays would be written out for the worker's description
            return self._looking.session.dig(layer, kept, leaf, position)

        self.run_worker(work, group=_DIG, thread=True, exclusive=True, exit_on_error=False)
        self._show()

    def _stop(self) -> None:
        if self._digging:
            self._looking.session.stop()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Something was found out."""
        event.stop()
        worker = event.worker
        if event.state not in ENDED:
            return
        if worker.group == _DIG and worker.state is not WorkerState.CANCELLED:
            why = str(worker.error or "")
            self._dug = (
                worker.result if isinstance(worker.result, Dug) else Dug(why={"curve": why, "contributions": why})
            )
        elif worker.group == _SEED:
            self._take_seed(worker.result)
        self.say("")
        self._show()

    def _take_seed(self, answer: object) -> None:
        if not isinstance(answer, Answer) or answer.report is None:
            self._others.append((f"seed {self._seed}", answer.problem if isinstance(answer, Answer) else "stopped"))
            return
        index = self._view.index[len(self._view.shape) - len(self._leaf.kept.shape) :]
        try:
            self._others.append(other_seed_row(self._seed, answer, self._leaf.kept.name, index))
        except UserError as error:
            self._others.append((f"seed {self._seed}", error.message))

    def _beat(self) -> None:
        if self._digging:
            doing = self._looking.session.doing
            self.say(f"digging{f' · {doing}' if doing else ''} · Esc gives up")

    # panes

    def _show(self) -> None:
        try:
            self._show_facts(with_difference(self._leaf.facts(self._view.position), self._dug))
        except UserError as error:
            self.query_one("#element-pane", TextPane).say("element", Content.styled(error.message, "bold $error"))

    def _show_facts(self, facts: Facts) -> None:
        layer = self._looking.layer(self._target.layer)
        name = f"{short_name(self._leaf.kept.gradient_name)}{index_text(facts.index)}"
        self.query_one(TitleLine).say(
            Content.assemble((f"{short_name(layer.name)}  ", "$quiet"), (name, "bold")),
            Content.styled(index_words(facts, self._leaf.kept), "$quiet"),
        )
        pane = self.query_one("#curve-pane", TextPane)
        width, height = pane.size.width - 3, max(8, pane.size.height - 1)
        pane.say("|difference − reference| over step h", curve_content(self._dug, width, height, facts))
        seeds = other_seeds_content(saved_draws(self._leaf, facts.index), self._others)
        body = element_content(facts, self._leaf.heat.wrong, "")
        self.query_one("#element-pane", TextPane).say(name, Content("\n\n").join([body, *seeds]))
        heading = "what flows in, path by path"
        told = contributions_content(self._dug, facts)
        if layer.network is not None:
            heading = "how the error grew, layer by layer on the way back"
            told = growth_content(layer.network, self._dug, self._leaf.kept.name)
        self.query_one("#paths-pane", TextPane).say(heading, told)
        self._tell(self.host.message)

    def _tell(self, text: str) -> None:
        self.query_one(MessageLine).update(
            Content(text) if text else Content.styled("n goes to the next worst element", "$quiet")
        )

    def on_resize(self) -> None:
        """The curve is drawn anew."""
        self.call_after_refresh(self._show)

    # keys

    def action_leave(self) -> None:
        """Back."""
        self._stop()
        self.say("")
        self.app.pop_screen()

    def action_other_seed(self) -> None:
        """Check the layer under the next seed, and look at the same element there."""
        session = self._looking.session
        if not session.is_live:
            self.host.say_why_not_live()
        elif self._digging:
            self.say("one after the other: this is still being dug for")
        else:
            self._seed += 1
            question = replace(self._looking.question(self._target.layer), seed=self._seed, edits=())
            self.run_worker(partial(session.ask, question), group=_SEED, thread=True, exit_on_error=False)

    def action_source(self) -> None:
        """The source."""
        self.app.push_screen(SourceScreen(self._looking, self._target))

    def action_copy(self, what: str) -> None:
        """The element, to the clipboard."""
        layer = self._looking.layer(self._target.layer)
        try:
            facts = self._leaf.facts(self._view.position)
        except UserError as error:
            self.say(error.message)
        else:
            self.copy(element_text(facts, layer.name, self._leaf.kept), what)
