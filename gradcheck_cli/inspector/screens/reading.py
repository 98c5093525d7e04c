"""What is read: the source of forward and backward; all that is known of a layer."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content

from gradcheck_cli.inspector.copying import command_of
from gradcheck_cli.inspector.keys import FINDING, SOURCE, bindings
from gradcheck_cli.inspector.looking import Looking, Target
from gradcheck_cli.inspector.screens.hosted import HostedScreen
from gradcheck_cli.inspector.session import Answer
from gradcheck_cli.inspector.source import backward_excerpt, forward_excerpt, wrong_place
from gradcheck_cli.inspector.telling import convention_content, layer_content, no_source, place, sentence, shortened
from gradcheck_cli.inspector.widgets.lines import KeysLine, MessageLine, TitleLine
from gradcheck_cli.inspector.widgets.panes import SourcePane, TextPane
from gradcheck_cli.report.escaping import one_line


class SourceScreen(HostedScreen):
    """Forward and backward, side by side or one above the other, the line that is to blame in the middle."""

    KEYS = SOURCE
    BINDINGS = bindings(SOURCE)  # type: ignore[assignment]
    AUTO_FOCUS = "#forward"

    def __init__(self, looking: Looking, target: Target) -> None:
        super().__init__()
        self._looking, self._target = looking, target
        self._load()

    def _load(self) -> None:
        looking, target = self._looking, self._target
        self._layer = looking.layer(target.layer)
        self._kept = looking.kept(target.layer)
        first = looking.finding(target)
        self._findings = [*filter(None, [first]), *(each for each in self._layer.findings if each is not first)]
        self._at = 0

    def take(self, answer: Answer) -> None:
        """The functions and the findings as they are now."""
        if answer.report is not None and self._looking.position(answer.question) == self._target.layer:
            self._load()
            self._show()
            self.query_one(MessageLine).update(Content(self.host.message))

    def compose(self) -> ComposeResult:
        """Two panes."""
        yield TitleLine()
        with Container(id="panes"):
            yield SourcePane("forward")
            yield SourcePane("backward")
        with Vertical(id="foot"):
            yield MessageLine()
            yield KeysLine(SOURCE)

    def on_mount(self) -> None:
        """Both functions."""
        self.watch(self.app, "theme", self._show, init=False)
        self.watch(self.app, "message", self._heard, init=False)
        if self._findings and self._findings[0].blame is None:
            self.query_one("#backward").focus()
        if len(self._findings) < 2:
            self.query_one(KeysLine).tell(frozenset({"finding"}))

    def on_resize(self) -> None:
        """The line is in the middle still."""
        self._show()

    def _heard(self, text: str) -> None:
        if text:
            self.query_one(MessageLine).update(Content(text))
        else:
            self._show()

    def _show(self) -> None:
        finding = self._findings[self._at] if self._findings else None
        folder = self._looking.session.folder
        for name, excerpt in (
            ("forward", forward_excerpt(self._layer, self._kept, finding)),
            ("backward", backward_excerpt(self._layer, self._kept, finding)),
        ):
            heading = name if excerpt is None else f"{name}  {place(excerpt.path, excerpt.focus, folder)}"
            heading = shortened(heading, self.app.size.width - 2)
            self.query_one(f"#{name}", SourcePane).read(heading, excerpt, no_source(self._layer))
        count = f"finding {self._at + 1} of {len(self._findings)}" if len(self._findings) > 1 else ""
        title = Content.assemble(("source of ", "$quiet"), (one_line(self._layer.name), "bold"))
        self.query_one(TitleLine).say(title, Content.styled(count, "$quiet"))
        told = Content("nothing is wrong here")
        if finding is not None:
            told = Content.assemble((f"{finding.code} {finding.rule}  ", "$error"), sentence(finding.message))
        self.query_one(MessageLine).update(told)

    def action_finding(self, by: int) -> None:
        """Another finding of the layer."""
        if self._findings:
            self._at = (self._at + by) % len(self._findings)
            self._show()

    def action_edit(self) -> None:
        """The editor at the line of the function that is read."""
        finding = self._findings[self._at] if self._findings else None
        excerpt = backward_excerpt(self._layer, self._kept, finding)
        if self.focused is not None and self.focused.id == "backward" and excerpt is not None:
            self.host.edit(excerpt.path, excerpt.focus)
        else:
            self.host.edit(*wrong_place(self._layer, finding))


class FindingScreen(HostedScreen):
    """All that is known of a layer."""

    KEYS = FINDING
    BINDINGS = bindings(FINDING)  # type: ignore[assignment]
    AUTO_FOCUS = "#finding"

    def __init__(self, looking: Looking, target: Target) -> None:
        super().__init__()
        self._looking, self._target = looking, target

    def compose(self) -> ComposeResult:
        """One pane."""
        yield TitleLine()
        yield TextPane("finding")
        with Vertical(id="foot"):
            yield MessageLine()
            yield KeysLine(FINDING)

    def on_mount(self) -> None:
        """All of it."""
        self.watch(self.app, "message", self._heard, init=False)
        self._show()

    def take(self, answer: Answer) -> None:
        """What is known now."""
        if answer.report is not None and self._looking.position(answer.question) == self._target.layer:
            self._show()

    def _heard(self, text: str) -> None:
        self.query_one(MessageLine).update(Content(text))

    def _show(self) -> None:
        """The findings, the one on the gradient that is looked at first."""
        looking, target = self._looking, self._target
        layer, first = looking.layer(target.layer), looking.finding(target)
        findings = [*filter(None, [first]), *(each for each in layer.findings if each is not first)]
        convention = convention_content(layer, looking.kept(target.layer))
        body = layer_content(layer, findings, looking.session.folder, convention, is_whole=True)
        self.query_one("#finding", TextPane).say("finding", body)
        self.query_one(TitleLine).say(
            Content.assemble(("all about ", "$quiet"), (one_line(layer.name), "bold")), Content("")
        )

    def action_source(self) -> None:
        """The source."""
        self.app.push_screen(SourceScreen(self._looking, self._target))

    def action_edit(self) -> None:
        """The editor at the line that is to blame."""
        layer = self._looking.layer(self._target.layer)
        self.host.edit(*wrong_place(layer, self._looking.finding(self._target)))

    def action_copy(self, what: str) -> None:
        """To the clipboard."""
        looking, at = self._looking, self._target.layer
        layer = looking.layer(at)
        text = (
            layer.script if what == "script" else command_of(layer, looking.session.report.seed, looking.question(at))
        )
        self.copy(text, what)
