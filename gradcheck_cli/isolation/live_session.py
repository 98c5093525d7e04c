"""A module that is looked at: checked, and checked again as it is asked to, in a worker that stays warm."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck_cli._version import __version__
from gradcheck_cli.checking.options import CheckOptions, EditedDraw, Progress, Target
from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.session import Answer, Dug, Question, Waiting
from gradcheck_cli.isolation.apart import WorkerError, Workers
from gradcheck_cli.isolation.engine import Doing, Engine
from gradcheck_cli.isolation.messages import Dig, FoundLayer
from gradcheck_cli.isolation.pool import Interrupted
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.layers.selection import select
from gradcheck_cli.report.model import Finding, LayerReport, Report, Status
from gradcheck_cli.saved.model import KeptLayer

STOPPED = "This was stopped."

Counted = Callable[[Report, bool], Report]
"""The report without what does not count; whether it is of all that was to be checked."""


class LiveSession:
    """The layers of a target, as a `Session`.

    What is asked before all layers are checked is done beside that, in a worker of its own.

    Args:
        target: a file, a folder, or a layer.
        options: of the check.
        workers: how the user's code is run.
        counted: the report without what does not count; what it raises of the whole report, `open` raises.
    """

    def __init__(self, target: Target, options: CheckOptions, workers: Workers, counted: Counted) -> None:
        self._target, self._options, self._workers, self._counted = target, options, workers, counted
        self._first = Engine(workers)
        self._second: Engine | None = None
        self._lock = threading.Lock()
        self._is_opening = self._is_open = self._is_given_up = False
        self._report = Report(__version__, options.inputs.seed, options.device)
        self._waiting: dict[tuple[str, str], Waiting] = {}
        self._kept: dict[tuple[str, str], KeptLayer] = {}
        self._made: dict[tuple[str, str, str], Question] = {}

    def open(self, progress: Progress | None = None) -> None:
        """Check all layers: `report` has those that are checked so far. Ends early after `stop_opening`.

        Args:
            progress: is told what is done, too.

        Raises:
            UserError: where the command cannot do its work: a path that is not there, a name that no layer has.
        """

        def keep(kept: KeptLayer) -> None:
            self._kept[kept.path, kept.name] = kept
            self._remember(kept, Question(kept.path, kept.name))

        def checked() -> Report:
            if self._is_given_up:
                raise Interrupted
            first = self._first
            told = _Opening(first.doing, progress, self._add)
            return first.apart.check([self._target], self._options, told, first.files, keep, reading=self)

        self._is_opening = True
        try:
            report = self._counted(self._first.in_turn(checked, "looking for layers"), True)
        except Interrupted:
            return
        finally:
            self._is_opening = False
            self._waiting = {}
        # a layer stays where it was shown first
        shown = {(layer.path, layer.name): at for at, layer in enumerate(self._report.layers)}
        layers = sorted(report.layers, key=lambda layer: shown.get((layer.path, layer.name), len(shown)))
        with self._lock:
            self._report, self._is_open = replace(report, layers=tuple(layers)), True
            is_needed = self._second is None
        if not is_needed:
            self._first.close()

    def _add(self, layer: LayerReport) -> None:
        """One more layer is checked."""
        report = self._report
        (counted,) = self._counted(replace(report, layers=(layer,)), False).layers
        self._waiting = {key: each for key, each in self._waiting.items() if key != (layer.path, layer.name)}
        self._report = replace(report, layers=(*report.layers, counted))

    def begins(self, path: Path, position: int, total: int) -> None:
        """A file is being imported."""
        of = f"{position + 1:,} of {total:,}, " if total > 1 else ""
        self._first.doing.what = f"reading {of}{path.name}"

    def read(self, path: Path, layers: Sequence[FoundLayer]) -> None:
        """It is, and has these layers."""
        meant = layers if self._target.name is None else select(layers, self._target.name)
        self._waiting = self._waiting | {(str(path), layer.name): Waiting(str(path), layer.name) for layer in meant}

    @property
    def _engine(self) -> Engine:
        """That which answers: a second one where a question comes before all is checked."""
        with self._lock:
            if self._second is None and self._is_opening:
                self._second = Engine(self._workers)
            return self._second or self._first

    @property
    def _asked_engine(self) -> Engine | None:
        """That which may be answering."""
        return self._second or (None if self._is_opening else self._first)

    @property
    def name(self) -> str:
        """`mylayer.py::affine`."""
        path = self._target.path
        return (path.name or path.resolve().name) + (f"::{self._target.name}" if self._target.name else "")

    @property
    def folder(self) -> str:
        """The current one."""
        return str(Path.cwd())

    @property
    def report(self) -> Report:
        """What was reported when the run was opened: before it is, the layers that are checked so far."""
        return self._report

    @property
    def is_open(self) -> bool:
        """Whether all layers are checked."""
        return self._is_open

    @property
    def opening(self) -> str:
        """What `open` is doing: `2 of 9, affine · draw 2 of 3`; "" where it is done."""
        if not self._is_opening:
            return ""
        doing = self._first.doing
        of = f"{len(self._report.layers) + 1:,} of {doing.total:,}, " if doing.total > 1 else ""
        return f"{of}{doing.layer} · {doing.what}" if doing.layer else doing.what

    @property
    def waiting(self) -> Sequence[Waiting]:
        """The layers of the files that are read, but for those that are checked."""
        return tuple(self._waiting.values())

    @property
    def doing(self) -> str:
        """What is being done for `ask` or `dig`: `draw 2 of 3`; "" where nothing is."""
        engine = self._asked_engine
        return engine.doing.what if engine is not None and engine.is_running else ""

    @property
    def is_live(self) -> bool:
        """The module is at hand."""
        return True

    @property
    def why_not_live(self) -> str:
        """Nothing: it is."""
        return ""

    @property
    def at_hand(self) -> str:
        """Nothing more: it is live."""
        return ""

    def go_live(self) -> None:
        """It is."""

    def adopt(self, kept: KeptLayer) -> None:
        """Arrays of an earlier run of the same options, to be dug into: their inputs are made again."""
        self._kept[kept.path, kept.name] = kept
        self._remember(kept, Question(kept.path, kept.name))

    def kept(self, layer: LayerReport) -> KeptLayer | None:
        """The arrays of a layer, as they were when the run was opened."""
        return self._kept.get((layer.path, layer.name))

    def files(self) -> Sequence[str]:
        """The user's files that the layers depend on, the module's own first."""
        own = dict.fromkeys(layer.path for layer in self.report.layers)
        engines = [self._first, *([self._second] if self._second is not None else [])]
        return tuple(dict.fromkeys((*own, *(path for engine in engines for path in engine.files.paths))))

    def ask(self, question: Question) -> Answer:
        """Check one layer again. What goes wrong is the answer's problem; nothing is raised."""
        started = time.perf_counter()
        try:
            engine = self._engine
            answer = engine.in_turn(lambda: self._asked(question, engine), "loading the module")
        except Exception as error:
            answer = Answer(question, problem=_problem(error))
        return replace(answer, seconds=time.perf_counter() - started)

    def dig(self, layer: LayerReport, kept: KeptLayer, leaf: int, position: int) -> Dug:
        """Find out more about one element of a leaf, in the draw that is kept. Nothing is raised."""
        del layer
        try:
            engine = self._engine
            return engine.in_turn(lambda: self._dug(kept, leaf, position, engine), "looking at one element")
        except Exception as error:
            problem = _problem(error)
            return Dug(why={"curve": problem, "contributions": problem})

    def stop(self) -> None:
        """End what is being asked: what was asked and what waits behind it return soon."""
        engine = self._asked_engine
        if engine is not None:
            engine.stop()

    def stop_opening(self) -> None:
        """End `open`: the layers that are checked stay."""
        self._is_given_up = True
        if self._is_opening:
            self._first.stop()

    def close(self) -> None:
        """End all processes."""
        for engine in (self._first, self._second):
            if engine is not None:
                engine.close()

    def _asked(self, question: Question, engine: Engine) -> Answer:
        options, edited = replace(self._options.for_one_layer(), inputs=self._inputs(question)), None
        if question.edits:
            # the smallest case and extreme ones are of other inputs than those that were set
            options = replace(options, settings=replace(options.settings, shrink=False, stress=False))
            edited = EditedDraw(self._draw(question), question.edits)
        found: list[KeptLayer] = []
        target = Target(Path(question.path), question.layer)
        report = engine.apart.check([target], options, engine.doing, engine.files, found.append, edited, is_again=True)
        if not report.layers:
            return Answer(question, problem=_said(report.errors))
        (layer,) = self._counted(replace(report, layers=report.layers[:1]), False).layers
        if layer.status is Status.ERROR:
            return Answer(question, problem=_said(layer.findings))
        if question.edits:
            layer = replace(layer, reproduce="", script="")
        for kept in found:
            self._remember(kept, question)
        return Answer(question, layer, found[0] if found else None)

    def _dug(self, kept: KeptLayer, leaf: int, position: int, engine: Engine) -> Dug:
        question = self._made.get((kept.path, kept.name, kept.draw.digest))
        if question is None:
            raise UserError("These arrays are not from this session")
        inputs = self._inputs(question)

        def request(path: Path, source: str, layer: FoundLayer) -> Dig:
            draw = EditedDraw(kept.draw.index, question.edits)
            seen = _seen(kept, leaf, position)
            device = self._options.device
            return Dig(path, source, layer, inputs, device, draw, kept.draw.digest, leaf, position, **seen)

        return engine.apart.dig(Target(Path(kept.path), kept.name), request, engine.files)

    def _inputs(self, question: Question) -> InputOptions:
        inputs = self._options.inputs
        return replace(
            inputs,
            seed=inputs.seed if question.seed is None else question.seed,
            dimensions={**inputs.dimensions, **dict(question.dimensions)},
        )

    def _draw(self, question: Question) -> int:
        if question.draw is not None:
            return question.draw
        kept = self._kept.get((question.path, question.layer))
        return 0 if kept is None else kept.draw.index

    def _remember(self, kept: KeptLayer, question: Question) -> None:
        """How the inputs of what is given out were made: they are made again where more is asked about them."""
        self._made[kept.path, kept.name, kept.draw.digest] = question


class _Opening:
    """Progress of `open`: for whoever polls it, for who is told, and for the report.

    Args:
        doing: is polled.
        told: is told, too.
        add: takes each layer that is checked.
    """

    def __init__(self, doing: Doing, told: Progress | None, add: Callable[[LayerReport], None]) -> None:
        self._all: list[Progress] = [doing] if told is None else [doing, told]
        self._add = add

    def layer_started(self, name: str, position: int, total: int) -> None:
        """A check begins."""
        for each in self._all:
            each.layer_started(name, position, total)

    def step(self, name: str, what: str) -> None:
        """What is being done now."""
        for each in self._all:
            each.step(name, what)

    def layer_finished(self, report: LayerReport) -> None:
        """It is done."""
        self._add(report)
        for each in self._all:
            each.layer_finished(report)


def _seen(kept: KeptLayer, leaf: int, position: int) -> dict[str, Any]:
    """Yours, autodiff's and the tolerance of an element, those that are known."""
    found: dict[str, Any] = {}
    for name in ("yours", "autodiff", "tolerance"):
        array = kept.leaves[leaf].read(name)
        if array is None or np.iscomplexobj(array) or (array.ndim and position >= array.size):
            continue
        found[name] = float(array.flat[position] if array.ndim else array[()])
    return found


def _said(findings: Sequence[Finding]) -> str:
    """The first of them in its own words, with its place and its mend."""
    if not findings:
        return "There is no such layer any more."
    finding = findings[0]
    place = Path(finding.path).name + (f":{finding.line}" if finding.line is not None else "")
    told = "" if place in finding.message else f" ({place})"
    mend = f" Mend: {finding.mend.removeprefix('mend ')}." if finding.mend else ""
    return f"{finding.code} {finding.message}{told}.{mend}"


def _problem(error: Exception) -> str:
    if isinstance(error, Interrupted):
        return STOPPED
    if isinstance(error, UserError):
        mend = f" ({error.mend})" if error.mend else ""
        return f"{error.message}{mend}."
    if isinstance(error, WorkerError):
        return f"gradcheck itself failed here: {error}."
    return f"gradcheck itself failed here: {type(error).__name__}: {error}."
