"""A training on a terminal: the loss curves, the gradients' norms, what parted, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console, RenderableType
from rich.text import Text

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.marks import CODE, HEADING, QUIET, STATUS_STYLE
from gradcheck_cli.report.model import Status
from gradcheck_cli.report.numbers import brief, counted, duration
from gradcheck_cli.report.screen import Screen, bulleted, grid, indented, labelled, screen_for
from gradcheck_cli.report.training.curves import AUTODIFF, BOTH, YOURS, curves
from gradcheck_cli.report.training.model import LayerNorms, Training
from gradcheck_cli.report.training.words import by_heart, figures, parted, rule_sentence

_MOST_ROWS = 40
"""Layers or parameters that are listed; of more the first and the last."""

_INDENT = 1


def print_training(training: Training, console: Console, folder: Path | None = None) -> None:
    """Print it."""
    screen = screen_for(console, folder=folder)
    for part in training_page(training, screen):
        console.print(part, highlight=False, markup=False, emoji=False, width=screen.width)


def training_page(training: Training, screen: Screen) -> list[RenderableType]:
    """All parts, top to bottom."""
    first = training.first_parted
    parts: list[RenderableType] = [Text(), _title(training, screen), Text()]
    parts.append(_legend(training, screen))
    parts += curves(training.losses_yours, training.losses_autodiff, None if first is None else first.parts, screen)
    if training.layers:
        parts += [Text(), *_norms(training, screen)]
    parts += [Text(), *_parameters(training, screen)]
    if training.cause is not None:
        parts += [Text(), *_cause(training, screen)]
    if facts := _facts(training, screen):
        parts += [Text(), labelled(facts, _INDENT)]
    if training.notes:
        parts += [Text(), *(bulleted(note, screen, _INDENT) for note in training.notes)]
    return [*parts, Text(), _last_line(training, screen)]


def _title(training: Training, screen: Screen) -> Text:
    """`net · nn.py:58 · 100 steps · lr 0.1 · 64 examples · seed 0`."""
    line = Text(" ")
    line.append_text(screen.text(one_line(training.name), HEADING))
    data = counted(training.examples, "example")
    if training.batch < training.examples:
        data += f", {training.batch} a step"
    steps = counted(training.steps, "step") + (f" of {training.asked:,}" if training.steps < training.asked else "")
    facts = [screen.place(training.path, training.line), steps, f"lr {training.rate:g}", data, f"seed {training.seed}"]
    line.append_text(screen.text(screen.marks.dot + screen.marks.dot.join(facts), QUIET))
    return line


def _legend(training: Training, screen: Screen) -> Text:
    line = screen.text(" loss", HEADING)
    if training.first_parted is not None:
        for word, style in (("yours", YOURS), ("autodiff", AUTODIFF), ("both", BOTH)):
            line.append_text(screen.text(f"   {word}", style))
    return line


def _norms(training: Training, screen: Screen) -> Iterator[RenderableType]:
    """One row a layer; the runs beside each other only where they part."""
    both = training.first_parted is not None
    yield screen.text(" norm of the gradient", HEADING)
    if both:
        titles = ["", "layer", "yours: first", "last", "min", "max", "autodiff: first", "last", "min", "max"]
    else:
        titles = ["", "layer", "first", "last", "min", "max"]
    rows = [[screen.text(title, QUIET) for title in titles]]
    for one in _shown(training.layers):
        if one is None:
            rows.append([screen.text(screen.marks.ellipsis, QUIET) for _ in titles])
            continue
        cells = ["", one_line(one.layer), *figures(one.yours), *(figures(one.autodiff) if both else ())]
        rows.append([screen.text(cell) for cell in cells])
    yield grid(rows, right=range(2, len(titles)))


def _shown(items: Sequence[LayerNorms]) -> list[LayerNorms | None]:
    if len(items) <= _MOST_ROWS:
        return list(items)
    half = _MOST_ROWS // 2
    return [*items[:half], None, *items[-half:]]


def _parameters(training: Training, screen: Screen) -> Iterator[RenderableType]:
    """What parted; where nothing did, how close the runs stayed."""
    wrong = [one for one in training.parameters if one.parts is not None or one.differs is not None]
    if not wrong:
        furthest = max(training.parameters, key=lambda one: one.difference)
        yield screen.text(" parameters", HEADING)
        told = (
            f"{counted(len(training.parameters), 'parameter')}, none parts; the furthest apart is "
            f"{one_line(furthest.name)}, by {brief(furthest.difference)}; rounding alone takes it "
            f"{brief(furthest.rounding)} away"
        )
        yield indented(screen.text(told), _INDENT)
        return
    yield screen.text(" what parts", HEADING)
    titles = ["", "parameter", "gradient differs", "by", "values part", "apart", "rounding alone"]
    rows = [[screen.text(title, QUIET) for title in titles]]
    for one in wrong[:_MOST_ROWS]:
        rows.append([screen.text(cell) for cell in ("", one_line(one.name), *parted(one))])
    yield grid(rows, right=(3, 5, 6))
    left = len(training.parameters) - len(wrong)
    if left:
        yield screen.text(f" {counted(left, 'other parameter')} {'does' if left == 1 else 'do'} not part", QUIET)


def _cause(training: Training, screen: Screen) -> Iterator[RenderableType]:
    cause = training.cause
    assert cause is not None
    yield screen.text(" the cause", HEADING)
    facts = [
        ("layer", screen.text(f"{one_line(cause.layer)}, {screen.place(cause.path, cause.line)}")),
        ("gradient", screen.text(f"{one_line(cause.parameter)}, at step {cause.step}: the first on the way back")),
    ]
    for finding in cause.findings[:3]:
        facts.append((finding.code, screen.text(finding.message)))
        if finding.mend:
            facts.append(("mend", screen.text(finding.mend, CODE)))
    yield labelled(facts, _INDENT)


def _facts(training: Training, screen: Screen) -> list[tuple[str, Text]]:
    facts = [("update", screen.text(rule_sentence(training.rule, training.rate)))]
    if training.flow:
        facts.append(("norms", screen.text(training.flow)))
    if training.overfit is not None and training.overfit.autodiff is not None:
        facts.append(("by heart", screen.text(by_heart(training.overfit))))
    for end in training.ends:
        whose = "yours" if end.run == "yours" else "autodiff's"
        facts.append(("not finite", screen.text(f"{whose}, at step {end.step}: `{end.layer}`, {end.what}")))
    return facts


def _last_line(training: Training, screen: Screen) -> RenderableType:
    status = training.status
    style = STATUS_STYLE[status]
    line = screen.text(training.verdict, style if status is Status.FAIL else "")
    line.append_text(screen.text(f"{screen.marks.dot}{duration(training.seconds)}", QUIET))
    return indented(grid([[screen.text(screen.marks.status[status], style), line]], gap=1), _INDENT)
