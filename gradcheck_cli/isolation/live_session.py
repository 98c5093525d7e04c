"""A module that is looked at: checked, and checked again as it is asked to, in a worker that stays warm."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from gradcheck_cli.checking.options import CheckOptions, EditedDraw, Progress, Target
from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.session import Answer, Dug, Question
from gradcheck_cli.isolation.apart import Apart, WorkerError, Workers
from gradcheck_cli.isolation.messages import Dig, FoundLayer
from gradcheck_cli.isolation.pool import Interrupted
from gradcheck_cli.isolation.watched_files import WatchedFiles
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import Finding, LayerReport, Report, Status
from gradcheck_cli.saved.model import KeptLayer

STOPPED = "This was stopped."

Result = TypeVar("Result")


class LiveSession:
    """The layers of a target, as a `Session`. `open` comes first.

    All workers are started and asked in one thread of its own: on Linux a worker ends with the thread that started it.

    Args:
        target: a file, a folder, or a layer.
        options: of the check.
        workers: how the user's code is run.
        counted: the report without what does not count.
    """

    def __init__(
        self, target: Target, options: CheckOptions, workers: Workers, counted: Callable[[Report], Report]
    ) -> None:
        self._target, self._options, self._counted = target, options, counted
        self._apart = Apart(replace(workers, count=1))
        self._engine = ThreadPoolExecutor(1, thread_name_prefix="gradcheck-engine")
        self._lock = threading.Lock()
        self._is_running = False
        self._stops = 0
        self._doing = _Doing()
        self._files = WatchedFiles()
        self._report: Report | None = None
        self._kept: dict[tuple[str, str], KeptLayer] = {}
        self._made: dict[tuple[str, str, str], Question] = {}

    def open(self, progress: Progress) -> None:
        """Check all layers.

        Raises:
            UserError: where the command cannot do its work: a path that is not there, a name that no layer has.
            Interrupted: where `stop` was called.
        """

        def keep(kept: KeptLayer) -> None:
            self._kept[kept.path, kept.name] = kept
            self._remember(kept, Question(kept.path, kept.name))

        def checked() -> Report:
            return self._apart.check([self._target], self._options, progress, self._files, keep)

        self._report = self._counted(self._in_turn(checked, ""))

    @property
    def name(self) -> str:
        """`mylayer.py::affine`."""
        return self._target.path.name + (f"::{self._target.name}" if self._target.name else "")

    @property
    def folder(self) -> str:
        """The current one."""
        return str(Path.cwd())

    @property
    def report(self) -> Report:
        """What was reported when the run was opened."""
        assert self._report is not None, "open comes first"
        return self._report

    @property
    def doing(self) -> str:
        """What is being done for `ask` or `dig`: `draw 2 of 3`; "" where nothing is."""
        return self._doing.what if self._is_running else ""

    @property
    def is_live(self) -> bool:
        """The module is at hand."""
        return True

    @property
    def why_not_live(self) -> str:
        """Nothing: it is."""
        return ""

    def kept(self, layer: LayerReport) -> KeptLayer | None:
        """The arrays of a layer, as they were when the run was opened."""
        return self._kept.get((layer.path, layer.name))

    def files(self) -> Sequence[str]:
        """The user's files that the layers depend on, the module's own first."""
        own = dict.fromkeys(layer.path for layer in self.report.layers)
        return tuple(dict.fromkeys((*own, *self._files.paths)))

    def ask(self, question: Question) -> Answer:
        """Check one layer again. What goes wrong is the answer's problem; nothing is raised."""
        started = time.perf_counter()
        try:
            answer = self._in_turn(lambda: self._asked(question), "loading the module")
        except Exception as error:
            answer = Answer(question, problem=_problem(error))
        return replace(answer, seconds=time.perf_counter() - started)

    def dig(self, layer: LayerReport, kept: KeptLayer, leaf: int, position: int) -> Dug:
        """Find out more about one element of a leaf, in the draw that is kept. Nothing is raised."""
        del layer
        try:
            return self._in_turn(lambda: self._dug(kept, leaf, position), "looking at one element")
        except Exception as error:
            problem = _problem(error)
            return Dug(why={"curve": problem, "contributions": problem})

    def stop(self) -> None:
        """End what is being asked: what was asked and what waits behind it return soon."""
        with self._lock:
            self._stops += 1
            if self._is_running:
                self._apart.interrupt()

    def close(self) -> None:
        """End all processes."""
        self.stop()
        with contextlib.suppress(Exception):
            self._engine.submit(self._apart.__exit__, Interrupted, None, None).result()
        self._engine.shutdown()

    def _in_turn(self, do: Callable[[], Result], what: str) -> Result:
        """One thing after the other, in the thread of the workers; with the modules as their files are now.

        Raises:
            Interrupted: where `stop` is called before it is done.
        """
        stops = self._stops

        def done() -> Result:
            with self._lock:
                if self._stops != stops:
                    raise Interrupted
                self._is_running = True
                self._doing.what = what
            try:
                if self._files.have_changed():
                    self._apart.renew()
                return do()
            finally:
                with self._lock:
                    self._is_running = False
                self._apart.prepare()

        future: Future[Result] = self._engine.submit(done)
        return future.result()

    def _asked(self, question: Question) -> Answer:
        options, edited = replace(self._options.for_one_layer(), inputs=self._inputs(question)), None
        if question.edits:
            # the smallest case and extreme ones are of other inputs than those that were set
            options = replace(options, settings=replace(options.settings, shrink=False, stress=False))
            edited = EditedDraw(self._draw(question), question.edits)
        found: list[KeptLayer] = []
        target = Target(Path(question.path), question.layer)
        report = self._apart.check([target], options, self._doing, self._files, found.append, edited)
        if not report.layers:
            return Answer(question, problem=_said(report.errors))
        (layer,) = self._counted(replace(report, layers=report.layers[:1])).layers
        if layer.status is Status.ERROR:
            return Answer(question, problem=_said(layer.findings))
        if question.edits:
            layer = replace(layer, reproduce="", script="")
        for kept in found:
            self._remember(kept, question)
        return Answer(question, layer, found[0] if found else None)

    def _dug(self, kept: KeptLayer, leaf: int, position: int) -> Dug:
        question = self._made.get((kept.path, kept.name, kept.draw.digest))
        if question is None:
            raise UserError("These arrays are not from this session")
        inputs = self._inputs(question)

        def request(path: Path, source: str, layer: FoundLayer) -> Dig:
            draw = EditedDraw(kept.draw.index, question.edits)
            seen = _seen(kept, leaf, position)
            device = self._options.device
            return Dig(path, source, layer, inputs, device, draw, kept.draw.digest, leaf, position, **seen)

        return self._apart.dig(Target(Path(kept.path), kept.name), request)

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


class _Doing:
    """Progress of one layer, for whoever polls it."""

    def __init__(self) -> None:
        self.what = ""

    def layer_started(self, name: str, position: int, total: int) -> None:
        """A check begins."""
        del name, position, total
        self.what = "choosing inputs"

    def step(self, name: str, what: str) -> None:
        """What is being done now."""
        del name
        self.what = what

    def layer_finished(self, report: LayerReport) -> None:
        """It is done."""
        del report


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
