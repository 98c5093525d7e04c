"""What `gradcheck train` does once its command line is parsed: the training in a worker, and the report on it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from gradcheck_cli.checking.training_options import ABOUT, TrainingOptions
from gradcheck_cli.cli.drawing import Drawing, function_at
from gradcheck_cli.cli.exit_codes import ExitCode
from gradcheck_cli.cli.given import RunOptions
from gradcheck_cli.cli.progress import Watcher, is_watched
from gradcheck_cli.cli.signals import ended_by_signals
from gradcheck_cli.cli.values import Given, positive, whole_number
from gradcheck_cli.isolation.apart import Apart
from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.model import Status
from gradcheck_cli.report.training.model import Training


def perform(
    target: str, inputs: Mapping[str, Any], asked: Mapping[str, Any], format_: str | None, output: str | None
) -> ExitCode:
    """Train and show."""

    def make(told: RunOptions) -> Training:
        path, name = function_at(target, "train", "NETWORK")
        options = TrainingOptions(
            told.check.inputs,
            steps=whole_number(Given("steps", asked["steps"]), least=1),
            rate=positive(Given("lr", asked["lr"])),
            batch=None if asked["batch"] is None else whole_number(Given("batch", asked["batch"]), least=1),
            update=asked["update"],
            data=None if asked["data"] is None else Path(asked["data"]).absolute(),
            overfit=asked["overfit"],
        )
        watcher = Watcher(visible=is_watched())
        with ended_by_signals(), Apart(replace(told.workers, count=1)) as apart, watcher:
            watcher.layer_started(name, 0, 1)
            training = apart.training(path, name, options, _teller(watcher, name))
        if apart.printed_lines:
            note = f"the module printed {apart.printed_lines:,} lines, which are not shown"
            training = replace(training, notes=(*training.notes, note))
        return training

    return Drawing("train", {"table": _table}, _WRITERS, _ENDINGS, _code).perform(make, inputs, format_, output)


def _teller(watcher: Watcher, name: str) -> Callable[[str], None]:
    def tell(what: str) -> None:
        if what.startswith(ABOUT) and not is_watched() and sys.stderr is not None:
            # a person who waits sees the steps; a log is told once
            sys.stderr.write(f"gradcheck: {one_line(what)}\n")
        watcher.step(name, what)

    return tell


def _code(training: Training) -> ExitCode:
    return ExitCode.FINDING if training.status is Status.FAIL else ExitCode.PASSED


def _table() -> Callable[[Training, Console], None]:
    from gradcheck_cli.report.training.table import print_training

    return lambda training, console: print_training(training, console, Path.cwd())


def _json() -> Callable[[Training], str]:
    from gradcheck_cli.report.training.json import training_json

    return training_json


def _html() -> Callable[[Training], str]:
    from gradcheck_cli.report.training.html import training_html

    return training_html


def _svg() -> Callable[[Training], str]:
    from gradcheck_cli.report.training.svg import training_svg

    return training_svg


_WRITERS = {"json": _json, "html": _html, "svg": _svg}
"""Each imported only where it is asked for."""

_ENDINGS = {".json": "json", ".html": "html", ".svg": "svg", ".txt": "table"}
