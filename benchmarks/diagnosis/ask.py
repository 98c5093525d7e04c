"""gradcheck on planted bugs: what it says is wrong, where, and what the diagnosis costs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.detection.cases import TooSlow, limited, written
from benchmarks.detection.job import SECONDS
from benchmarks.detection.planted import Planted
from benchmarks.diagnosis.answers import Answer
from gradcheck_cli.checking import CheckOptions, Target, check_targets, diagnosing
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import Finding, LayerReport, Report, Status


@dataclass(frozen=True)
class Job:
    """What one worker does at a time: bugs of one layer, one after the other, under one seed."""

    bugs: tuple[Planted, ...]
    seed: int


def work(job: Job) -> list[Answer]:
    """Ask about each bug. Nothing raises: what goes wrong is the answer's message."""
    return [ask(bug, job.seed) for bug in job.bugs]


def ask(bug: Planted, seed: int) -> Answer:
    """`gradcheck run PATH::LAYER --seed S --no-shrink` on the module with the bug in it, in this process."""
    try:
        with written(bug.module, bug.source()) as path, timed() as spent, limited(SECONDS):
            options = CheckOptions(InputOptions(seed=seed), Settings(shrink=False))
            started = time.perf_counter()
            report = check_targets([Target(path, bug.layer)], options)
            seconds = time.perf_counter() - started
    except TooSlow:
        return Answer(bug.name, seed, found=False, message="ran past its limit", seconds=SECONDS)
    except Exception as error:
        return Answer(bug.name, seed, found=False, message=f"{type(error).__name__}: {error}")
    return _answer(bug, seed, report, path, seconds, sum(spent))


@contextmanager
def timed() -> Iterator[list[float]]:
    """The seconds that each diagnosis in the block took."""
    spent: list[float] = []
    diagnosed = diagnosing.diagnosed

    def measured(*arguments: Any) -> Any:
        started = time.perf_counter()
        try:
            return diagnosed(*arguments)
        finally:
            spent.append(time.perf_counter() - started)

    diagnosing.diagnosed = measured
    try:
        yield spent
    finally:
        diagnosing.diagnosed = diagnosed


def _answer(bug: Planted, seed: int, report: Report, path: Path, seconds: float, diagnosis: float) -> Answer:
    if len(report.layers) != 1:
        message = "; ".join(error.message for error in report.errors)
        return Answer(bug.name, seed, found=False, message=message, seconds=seconds)
    layer = report.layers[0]
    first = layer.findings[0] if layer.findings else None
    line, end_line = _line(first, path)
    blame = first.blame if first is not None else None
    return Answer(
        bug=bug.name,
        seed=seed,
        found=_is_found(layer),
        code=first.code if first is not None else "",
        line=line,
        end_line=end_line,
        factor=blame.factor if blame is not None else None,
        expression=blame.expression if blame is not None else "",
        codes=tuple(finding.code for finding in layer.findings),
        message=first.message if first is not None else str(layer.status),
        seconds=seconds,
        diagnosis=diagnosis,
    )


def _line(finding: Finding | None, path: Path) -> tuple[int, int]:
    """The blamed lines; −1, which is no line, where another file is blamed."""
    if finding is None or finding.blame is None:
        return 0, 0
    blame = finding.blame
    return (blame.line, blame.end_line) if Path(blame.path).resolve() == path.resolve() else (-1, -1)


def _is_found(layer: LayerReport) -> bool:
    raised = layer.status is Status.ERROR and any(finding.code == "GC502" for finding in layer.findings)
    return layer.status is Status.FAIL or raised
