"""What `checking` does in this process, done in workers: layers found, checked, listed."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from gradcheck_cli._version import __version__
from gradcheck_cli.checking.options import CheckOptions, Progress, Target
from gradcheck_cli.checking.picking import Contents, Files, Picked, files, pick, refuse_unknown
from gradcheck_cli.errors import UserError
from gradcheck_cli.isolation.error_reports import error_report
from gradcheck_cli.isolation.failures import failed
from gradcheck_cli.isolation.memory import allowance
from gradcheck_cli.isolation.messages import (
    Answer,
    Began,
    Broke,
    Check,
    Checked,
    Find,
    Found,
    FoundLayer,
    Listed,
    Refused,
    Specify,
    Step,
)
from gradcheck_cli.isolation.pool import Failure, Limits, Pool
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.listing import ListedLayer, Listing
from gradcheck_cli.report.model import Finding, LayerReport, Report, Status


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


@dataclass
class Apart:
    """A run in workers; used as a context, at whose end no process is left.

    Attributes:
        printed_lines, printed: what the user's modules printed: how many lines, and the beginning.
    """

    workers: Workers
    with_jax: bool = True
    _pool: Pool = field(init=False)

    def __post_init__(self) -> None:
        memory = self.workers.memory if self.workers.memory is not None else allowance(self.workers.count)
        self._pool = Pool(self.workers.count, Limits(self.workers.seconds, memory), with_jax=self.with_jax)

    @property
    def printed_lines(self) -> int:
        """How many lines the user's modules printed."""
        return self._pool.printed.lines

    @property
    def printed(self) -> str:
        """The beginning of what they printed."""
        return self._pool.printed.text

    def check(self, targets: Sequence[Target], options: CheckOptions, progress: Progress) -> Report:
        """As `checking.check_targets`; a layer that dies, hangs or takes too much memory is a finding of its own.

        Raises:
            UserError: without a code, where the command cannot do its work at all.
            WorkerError: for a fault of gradcheck's own.
        """
        started = time.perf_counter()
        asked = files(targets)
        picked = self._picked(asked)
        refuse_unknown(options.inputs, [name for _, layer in picked.layers for name in layer.arguments])
        return Report(
            version=__version__,
            seed=options.inputs.seed,
            device=options.device,
            layers=self._checked(asked, picked, options, progress),
            errors=picked.errors,
            notes=picked.notes,
            seconds=time.perf_counter() - started,
        )

    def list(self, targets: Sequence[Target], inputs: InputOptions) -> Listing:
        """What is known about each layer before it is run.

        Raises:
            UserError, WorkerError: as `check`.
        """
        asked = files(targets)
        picked = self._picked(asked)
        listed: dict[int, ListedLayer] = {}
        requests = [Specify(path, asked.sources[path], layer, inputs) for path, layer in picked.layers]
        for position, answer in self._pool.run(requests, _hear_nothing):
            path, layer = picked.layers[position]
            if isinstance(answer, Listed):
                listed[position] = answer.layer
            else:
                error = _without(answer, layer.name, path, layer.line)
                listed[position] = ListedLayer(layer.name, str(path), layer.line, layer.convention, error=error)
        return Listing(__version__, tuple(listed[key] for key in sorted(listed)), picked.errors, picked.notes)

    def __enter__(self) -> Self:
        self._pool.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.__exit__(kind, error, trace)

    def _picked(self, asked: Files) -> Picked[FoundLayer]:
        paths = asked.paths
        contents: dict[Path, Contents[FoundLayer]] = {}
        for position, answer in self._pool.run([Find(path, asked.sources[path]) for path in paths], _hear_nothing):
            path = paths[position]
            if isinstance(answer, Found):
                contents[path] = Contents(answer.layers, answer.problems, answer.notes, answer.loaded)
            else:
                contents[path] = Contents(problems=(_without(answer, path.name, path, 1),), loaded=False)
        return pick(asked, contents)

    def _checked(
        self, asked: Files, picked: Picked[FoundLayer], options: CheckOptions, progress: Progress
    ) -> tuple[LayerReport, ...]:
        layers = picked.layers
        reports: dict[int, LayerReport] = {}

        def hear(position: int, said: Began | Step) -> None:
            name = layers[position][1].name
            if isinstance(said, Began):
                progress.layer_started(name, position, len(layers))
            else:
                progress.step(name, said.what)

        requests = [Check(path, asked.sources[path], layer, options) for path, layer in layers]
        for position, answer in self._pool.run(requests, hear):
            path, layer = layers[position]
            reports[position] = _verdict(answer, layer, path)
            progress.layer_finished(reports[position])
            if options.fail_fast and reports[position].status is not Status.PASS:
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
