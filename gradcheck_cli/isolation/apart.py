"""What `checking` does in this process, done in workers: layers found, checked, listed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from gradcheck_cli._version import __version__
from gradcheck_cli.checking.graph_options import GraphOptions
from gradcheck_cli.checking.jacobian_options import JacobianOptions
from gradcheck_cli.checking.options import CheckOptions, EditedDraw, Progress, Target
from gradcheck_cli.checking.picking import Contents, Files, Picked, files, pick, refuse_unknown
from gradcheck_cli.checking.training_options import TrainingOptions
from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.session import Dug
from gradcheck_cli.isolation.error_reports import error_of, error_report
from gradcheck_cli.isolation.failures import failed
from gradcheck_cli.isolation.memory import allowance
from gradcheck_cli.isolation.messages import (
    Answer,
    Began,
    Broke,
    Check,
    Checked,
    Dig,
    Draw,
    Drawn,
    Find,
    Found,
    FoundLayer,
    Listed,
    Looked,
    Refused,
    Request,
    Specify,
    Step,
)
from gradcheck_cli.isolation.pool import Failure, Interrupted, Limits, Pool
from gradcheck_cli.isolation.remembering import Forgetful, Memory, remember
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.layers.reading import read_source
from gradcheck_cli.report.graph.model import Graph
from gradcheck_cli.report.jacobian.model import Jacobians
from gradcheck_cli.report.listed import ListedLayer, Listing
from gradcheck_cli.report.model import Finding, LayerReport, Report
from gradcheck_cli.report.training.model import Training
from gradcheck_cli.saved.model import KeptLayer


class WorkerError(Exception):
    """A fault of gradcheck's own in a worker; `traceback` is from there."""

    def __init__(self, broke: Broke) -> None:
        super().__init__(broke.what)
        self.traceback = broke.traceback


@dataclass(frozen=True)
class Workers:
    """How the user's code is run.

    Attributes:
        count: how many processes at most.
        seconds: for each layer, and for loading each module; None for no limit.
        memory: resident bytes that a worker may use; None for a share of what is free.
    """

    count: int = 1
    seconds: float | None = 300.0
    memory: int | None = None


class Reading(Protocol):
    """Who is told which files are read, before any layer is checked."""

    def begins(self, path: Path, position: int, total: int) -> None:
        """A file is being imported; `position` counts from 0 among `total`."""

    def read(self, path: Path, layers: Sequence[FoundLayer]) -> None:
        """It is, and has these layers."""


@dataclass
class Apart:
    """A run in workers; used as a context, at whose end no process is left.

    Attributes:
        printed_lines, printed: what the user's modules printed: how many lines, and the beginning.
    """

    workers: Workers
    with_jax: bool = True
    _pool: Pool | None = field(init=False, default=None)
    _is_interrupted: threading.Event = field(init=False, default_factory=threading.Event)

    @property
    def printed_lines(self) -> int:
        """How many lines the user's modules printed."""
        return 0 if self._pool is None else self._pool.printed.lines

    @property
    def printed(self) -> str:
        """The beginning of what they printed."""
        return "" if self._pool is None else self._pool.printed.text

    def check(
        self,
        targets: Sequence[Target],
        options: CheckOptions,
        progress: Progress,
        memory: Memory | None = None,
        keep: Callable[[KeptLayer], None] | None = None,
        edited: EditedDraw | None = None,
        reading: Reading | None = None,
        *,
        is_again: bool = False,
    ) -> Report:
        """As `checking.check_targets`; a layer that dies, hangs or takes too much memory is a finding of its own.

        Args:
            memory: where verdicts of earlier runs are found, and those of this one are kept.
            keep: is given the arrays of each layer as soon as it is checked. Every layer is then checked: an earlier
                run's verdict has none.
            edited: this draw of each layer is checked alone.
            reading: is told of each file that is read.
            is_again: a layer of a run that is asked about: what was said of other layers' arguments is no slip.

        Raises:
            UserError: without a code, where the command cannot do its work at all.
            WorkerError: for a fault of gradcheck's own.
        """
        started, now = time.perf_counter(), time.time()
        memory = memory or Forgetful()
        asked = files(targets)
        looked_up = asked.paths if keep is None else ()
        known = {path: held for path in looked_up if (held := memory.known(path)) is not None}
        found = {path: contents for path, (contents, _) in known.items()}
        picked = self._picked(asked, found, reading)
        if not is_again:
            refuse_unknown(options.inputs, [name for _, layer in picked.layers for name in layer.arguments])
        answers: dict[tuple[Path, str], Checked] = {
            (path, name): Checked(report=report)
            for path, (_, reports) in known.items()
            for name, report in reports.items()
        }
        try:
            layers = self._checked(asked, picked, options, progress, answers, keep, edited)
        finally:
            remember(memory, known, found, answers, now)
        return Report(
            version=__version__,
            seed=options.inputs.seed,
            device=options.device,
            layers=layers,
            errors=picked.errors,
            notes=picked.notes,
            seconds=time.perf_counter() - started,
        )

    def find(self, targets: Sequence[Target], memory: Memory | None = None) -> Picked[FoundLayer]:
        """The layers, without running them.

        Raises:
            UserError, WorkerError: as `check`.
        """
        memory, now = memory or Forgetful(), time.time()
        asked = files(targets)
        known = {path: held[0] for path in asked.paths if (held := memory.known(path)) is not None}
        found = dict(known)
        picked = self._picked(asked, found)
        remember(memory, known, found, {}, now)
        return picked

    def list(self, targets: Sequence[Target], inputs: InputOptions) -> Listing:
        """What is known about each layer before it is run.

        Raises:
            UserError, WorkerError: as `check`.
        """
        asked = files(targets)
        picked = self._picked(asked, {})
        listed: dict[int, ListedLayer] = {}
        requests = [Specify(path, asked.sources[path], layer, inputs) for path, layer in picked.layers]
        for position, answer in self._run(requests, _hear_nothing):
            path, layer = picked.layers[position]
            if isinstance(answer, Listed):
                listed[position] = answer.layer
            else:
                error = _without(answer, layer.name, path, layer.line)
                listed[position] = ListedLayer(layer.name, str(path), layer.line, layer.convention, error=error)
        return Listing(__version__, tuple(listed[key] for key in sorted(listed)), picked.errors, picked.notes)

    def dig(self, target: Target, make: Callable[[Path, str, FoundLayer], Dig], memory: Memory | None = None) -> Dug:
        """What is found out about one element of a layer.

        Args:
            target: names the layer.
            make: the request, for the layer as it is found in this file of this text.
            memory: where it is kept what the layer depends on.

        Raises:
            UserError, WorkerError: as `check`.
        """
        asked, found, now = files([target]), dict[Path, Found](), time.time()
        picked = self._picked(asked, found)
        remember(memory or Forgetful(), (), found, {}, now)
        if not picked.layers:
            raise error_of(picked.errors[0])
        path, layer = picked.layers[0]
        for _, answer in self._run([make(path, asked.sources[path], layer)], _hear_nothing):
            if isinstance(answer, Looked):
                return answer.dug
            raise error_of(_without(answer, layer.name, path, layer.line))
        raise AssertionError("a request without an answer")

    def prepare(self) -> None:
        """Have a worker ready, once there is one at all."""
        if self._pool is not None:
            self._pool.prepare()

    def renew(self) -> None:
        """Load every module anew when it is asked for again."""
        if self._pool is not None:
            self._pool.renew()

    def interrupt(self) -> None:
        """End what is being done, from another thread: it raises `Interrupted`, and so does all until `resume`."""
        self._is_interrupted.set()
        if self._pool is not None:
            self._pool.interrupt()

    def resume(self) -> None:
        """What is asked from now on is done: an interruption that came too late counts no more."""
        self._is_interrupted.clear()
        if self._pool is not None:
            self._pool.resume()

    def graph(self, path: Path, name: str, options: GraphOptions) -> Graph:
        """The computation graph of the function or layer `name` in the file `path`.

        Raises:
            UserError: where there is none.
            WorkerError: for a fault of gradcheck's own.
        """
        shown = self._drawn(path, name, options)
        assert isinstance(shown, Graph)
        return shown

    def jacobians(self, path: Path, name: str, options: JacobianOptions) -> Jacobians:
        """Its Jacobians.

        Raises:
            UserError, WorkerError: as `graph`.
        """
        shown = self._drawn(path, name, options)
        assert isinstance(shown, Jacobians)
        return shown

    def training(self, path: Path, name: str, options: TrainingOptions, tell: Callable[[str], None]) -> Training:
        """The network `name` of the file `path`, trained by its own gradients and by autodiff's.

        Args:
            tell: is told what is being done.

        Raises:
            UserError, WorkerError: as `graph`.
        """
        shown = self._drawn(path, name, options, lambda _, said: tell(said.what))
        assert isinstance(shown, Training)
        return shown

    def _drawn(
        self,
        path: Path,
        name: str,
        options: GraphOptions | JacobianOptions | TrainingOptions,
        hear: Callable[[int, Began | Step], None] | None = None,
    ) -> Graph | Jacobians | Training:
        request = Draw(path.resolve(), read_source(path), name, options)
        for _, answer in self._run([request], hear or _hear_nothing):
            if isinstance(answer, Drawn):
                return answer.shown
            raise error_of(_without(answer, name, path, 1))
        raise AssertionError("a request without an answer")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.__exit__(kind, error, trace)

    def _run(
        self, requests: Sequence[Request], tell: Callable[[int, Began | Step], None]
    ) -> Iterator[tuple[int, Answer | Failure]]:
        """In the workers, which are there from the first request on."""
        if not requests:
            return iter(())
        if self._is_interrupted.is_set():
            raise Interrupted
        if self._pool is None:
            memory = self.workers.memory if self.workers.memory is not None else allowance(self.workers.count)
            self._pool = Pool(self.workers.count, Limits(self.workers.seconds, memory), with_jax=self.with_jax)
        return self._pool.run(requests, tell)

    def _picked(self, asked: Files, found: dict[Path, Found], reading: Reading | None = None) -> Picked[FoundLayer]:
        """The layers that are meant; `found` is what is known already, and is added to."""
        paths = [path for path in asked.paths if path not in found]
        contents: dict[Path, Contents[FoundLayer]] = {}

        def hear(task: int, said: Began | Step) -> None:
            del said
            if reading is not None:
                reading.begins(paths[task], task, len(paths))

        for position, answer in self._run([Find(path, asked.sources[path]) for path in paths], hear):
            path = paths[position]
            if isinstance(answer, Found):
                found[path] = answer
                if reading is not None:
                    reading.read(path, answer.layers)
            else:
                contents[path] = Contents(problems=(_without(answer, path.name, path, 1),), loaded=False)
        for path, held in found.items():
            contents[path] = Contents(held.layers, held.problems, held.notes, held.loaded)
        return pick(asked, contents)

    def _checked(
        self,
        asked: Files,
        picked: Picked[FoundLayer],
        options: CheckOptions,
        progress: Progress,
        answers: dict[tuple[Path, str], Checked],
        keep: Callable[[KeptLayer], None] | None,
        edited: EditedDraw | None,
    ) -> tuple[LayerReport, ...]:
        """All verdicts in order; `answers` are those that are known already, and is added to."""
        layers = picked.layers
        reports: dict[int, LayerReport] = {}
        for position, (path, layer) in enumerate(layers):
            if (path, layer.name) in answers:
                progress.layer_started(layer.name, position, len(layers))
                reports[position] = answers[path, layer.name].report
                progress.layer_finished(reports[position])
                if options.stops_at(reports[position]):
                    return tuple(reports.values())
        missing = [position for position in range(len(layers)) if position not in reports]

        def hear(task: int, said: Began | Step) -> None:
            position = missing[task]
            name = layers[position][1].name
            if isinstance(said, Began):
                progress.layer_started(name, position, len(layers))
            else:
                progress.step(name, said.what)

        own = options.for_one_layer()
        keeps = keep is not None
        requests = [
            Check(path, asked.sources[path], layer, own, keeps, edited)
            for path, layer in map(layers.__getitem__, missing)
        ]
        for task, answer in self._run(requests, hear):
            position = missing[task]
            path, layer = layers[position]
            if isinstance(answer, Checked):
                if keep is not None and answer.kept is not None:
                    keep(answer.kept)
                    answer = replace(answer, kept=None)
                answers[path, layer.name] = answer
            reports[position] = _verdict(answer, layer, path)
            progress.layer_finished(reports[position])
            if options.stops_at(reports[position]):
                break
        return tuple(reports[position] for position in sorted(reports))


def _verdict(answer: Answer | Failure, layer: FoundLayer, path: Path) -> LayerReport:
    if isinstance(answer, Checked):
        return answer.report
    return error_report(layer, path, _without(answer, layer.name, path, layer.line))


def _without(answer: Answer | Failure, subject: str, path: Path, line: int) -> Finding:
    """Why there is no other answer.

    Raises:
        UserError: where the command as a whole cannot do its work.
        WorkerError: for a fault of ours, where its traceback is asked for.
    """
    if isinstance(answer, Failure):
        return failed(answer, subject, path, line)
    if isinstance(answer, Refused):
        raise UserError(answer.message, path=answer.path, line=answer.line, mend=answer.mend)
    if isinstance(answer, Checked):  # the layer is not there any more
        return answer.report.findings[0]
    assert isinstance(answer, Broke), f"a worker answered with {type(answer).__name__}"
    if os.environ.get("GRADCHECK_DEBUG") == "1":
        raise WorkerError(answer)
    return Finding(
        code="GC500",
        message=f"gradcheck itself failed here, which says nothing about `{subject}`: {answer.what}",
        path=str(path),
        line=line,
        mend="please report it to gradcheck, with the module; GRADCHECK_DEBUG=1 shows the traceback",
    )


def _hear_nothing(position: int, said: Began | Step) -> None:
    """Loading is quick, and nobody watches."""
