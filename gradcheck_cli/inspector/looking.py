"""What is looked at: the run as it was opened, and over it what layers came to when they were checked again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace

from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.changes import change_words, changes, earlier_marks
from gradcheck_cli.inspector.leaf import Leaf
from gradcheck_cli.inspector.session import Answer, Question, Session
from gradcheck_cli.report.model import ArgumentReport, Finding, LayerReport, Report, Status
from gradcheck_cli.saved.model import WRONG, KeptLayer

_ORDER = (Status.FAIL, Status.ERROR, Status.INCONCLUSIVE, Status.PASS)

_NO_LAYER = LayerReport("no layers", "", 1, "", Status.ERROR)
"""Stands in where a run has none."""


@dataclass(frozen=True)
class Target:
    """A gradient in a run.

    Attributes:
        layer: its position in the report.
        argument: its position among the layer's arguments; 0 for a layer that has none.
    """

    layer: int
    argument: int = 0


def _as_shown(argument: ArgumentReport, kept: KeptLayer | None) -> ArgumentReport:
    """A report tells of the draw in which a gradient is worst; where another one is shown, its numbers."""
    if kept is None or argument.draw == kept.draw.index:
        return argument
    at = next((at for at, leaf in enumerate(kept.leaves) if leaf.name == argument.name), None)
    stored = None if at is None else kept.draw.marks[at]
    if at is None or stored is None:
        return argument
    with suppress(UserError):  # a damaged file is told where its arrays are shown
        marked = stored.read()
        return replace(argument, shape=kept.leaves[at].shape, wrong=int((marked == WRONG).sum()), total=marked.size)
    return argument


def _wrong(layer: LayerReport) -> list[tuple[str, int]]:
    return [(argument.name, argument.wrong) for argument in layer.arguments]


@dataclass
class Looking:
    """A session, and what was asked since it was opened."""

    session: Session
    _answers: dict[int, list[Answer]] = field(default_factory=dict)
    _leaves: dict[Target, Leaf] = field(default_factory=dict)
    _arguments: dict[Target, ArgumentReport] = field(default_factory=dict)

    @property
    def report(self) -> Report:
        """The run with the layers as they are now."""
        opened = self.session.report
        return replace(opened, layers=tuple(self.layer(at) for at in range(len(opened.layers))))

    @property
    def targets(self) -> list[Target]:
        """All gradients, in the report's order; a layer without any stands for itself."""
        return [
            Target(at, argument)
            for at in range(len(self.session.report.layers))
            for argument in range(max(1, len(self.layer(at).arguments)))
        ]

    @property
    def first(self) -> Target:
        """What a person wants to see first: what the first finding is about, of the first layer that fails."""
        layers = self.report.layers
        at = min(range(len(layers)), key=lambda at: (_ORDER.index(layers[at].status), at), default=0)
        return self.first_of(at)

    def first_of(self, at: int) -> Target:
        """The same of one layer."""
        if at >= len(self.session.report.layers):
            return Target(at)
        layer = self.layer(at)
        named = [finding.argument for finding in layer.findings]
        worst = [each for each, argument in enumerate(layer.arguments) if argument.name in named[:1]]
        wrong = [each for each, argument in enumerate(layer.arguments) if argument.status is not Status.PASS]
        return Target(at, (worst or wrong or [0])[0])

    def layer(self, at: int) -> LayerReport:
        """A layer as it is now."""
        answers = self._answers.get(at)
        now = answers[-1].report if answers else None
        return now or self._opened(at)

    def kept(self, at: int) -> KeptLayer | None:
        """Its arrays."""
        answers = self._answers.get(at)
        return answers[-1].kept if answers else self.session.kept(self._opened(at))

    def argument(self, target: Target) -> ArgumentReport | None:
        """The report on a gradient, with the numbers of the draw that is shown."""
        arguments = self.layer(target.layer).arguments
        if target.argument >= len(arguments):
            return None
        if target not in self._arguments:
            self._arguments[target] = _as_shown(arguments[target.argument], self.kept(target.layer))
        return self._arguments[target]

    def leaf(self, target: Target) -> Leaf | None:
        """A gradient with its arrays, None where none were kept.

        Raises:
            UserError: where the file is damaged.
        """
        if target not in self._leaves:
            kept, argument = self.kept(target.layer), self.argument(target)
            at = None
            if kept is not None and argument is not None:
                at = next((at for at, leaf in enumerate(kept.leaves) if leaf.name == argument.name), None)
            if kept is None or at is None:
                return None
            before = self._before(target.layer)
            self._leaves[target] = Leaf(kept, at, earlier_marks(kept.leaves[at].name, kept, before))
        return self._leaves[target]

    def finding(self, target: Target) -> Finding | None:
        """The finding that tells most of a gradient: its own, else the layer's first."""
        findings = self.layer(target.layer).findings
        argument = self.argument(target)
        own = [finding for finding in findings if argument is not None and finding.argument == argument.name]
        blamed = [finding for finding in own or findings if finding.blame is not None]
        return next(iter([*blamed, *own, *findings]), None)

    def question(self, at: int) -> Question:
        """The layer once more, as it was asked last."""
        layer = self._opened(at)
        answers = self._answers.get(at)
        return answers[-1].question if answers else Question(layer.path, layer.name)

    def is_asked(self, at: int) -> bool:
        """Whether a layer is shown as it came to be when it was checked again."""
        return bool(self._answers.get(at))

    def position(self, question: Question) -> int | None:
        """Of the layer that a question is about."""
        keys = [(layer.path, layer.name) for layer in self.session.report.layers]
        key = (question.path, question.layer)
        return keys.index(key) if key in keys else None

    def is_news(self, answer: Answer) -> bool:
        """Whether a layer came to something else than it is shown as; a problem is news, too."""
        at = self.position(answer.question)
        if answer.report is None or at is None:
            return True
        before = self.layer(at)
        return [before.status, *_wrong(before)] != [answer.report.status, *_wrong(answer.report)]

    def take(self, answer: Answer) -> str:
        """Show the layer as it came to be, and say what changed; a problem changes nothing."""
        at = self.position(answer.question)
        if answer.report is None or at is None:
            return answer.problem or "There is no answer."
        before, one = self.layer(at), self.kept(at)
        self._answers.setdefault(at, []).append(answer)
        self._forget(at)
        try:
            return change_words(before, answer.report, changes(before, answer.report, one, answer.kept))
        except UserError as error:
            return f"{answer.report.name}: {answer.report.status.value} now · {error.message}"

    def go_back(self, at: int) -> bool:
        """Show a layer as it was before it was checked again the last time."""
        answers = self._answers.get(at)
        if not answers:
            return False
        answers.pop()
        self._forget(at)
        return True

    def _before(self, at: int) -> KeptLayer | None:
        answers = self._answers.get(at, [])
        if len(answers) > 1:
            return answers[-2].kept
        return self.session.kept(self._opened(at)) if answers else None

    def _opened(self, at: int) -> LayerReport:
        layers = self.session.report.layers
        return layers[at] if at < len(layers) else _NO_LAYER

    def _forget(self, at: int) -> None:
        self._leaves = {target: leaf for target, leaf in self._leaves.items() if target.layer != at}
        self._arguments = {target: told for target, told in self._arguments.items() if target.layer != at}
