"""What is known of one layer while it is checked, and the report that comes of it."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gradcheck_cli.checking.case import CheckedCase
from gradcheck_cli.judge.combine import combine
from gradcheck_cli.judge.examination import Examination
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.case import Specification
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import Finding, LayerReport

if TYPE_CHECKING:
    from gradcheck_cli.checking.networks.judging import Checked
    from gradcheck_cli.checking.networks.whole import Entry


class Record:
    """What is known of one layer so far."""

    def __init__(self, layer: Layer, inputs: InputOptions, settings: Settings) -> None:
        self.layer = layer
        self.inputs = inputs
        self.settings = settings
        self.errors: list[Finding] = []
        self.specification: Specification | None = None
        self.notes: tuple[str, ...] = ()
        self.script = ""
        self.checked: list[CheckedCase] = []
        self.network: tuple[Checked, tuple[Entry, ...]] | None = None
        self._examination = Examination()

    def judged(self, checked: CheckedCase) -> None:
        """One draw's verdict is known."""
        self.checked.append(checked)

    def passed_through(self, checked: Checked, going_in: tuple[Entry, ...]) -> None:
        """A network's verdict is known, on this draw of it."""
        self.network = checked, going_in

    def diagnosed(self, checked: Sequence[CheckedCase]) -> None:
        """The same draws, with the causes of what is wrong named."""
        self.checked = list(checked)

    def examined(self, found: Examination) -> None:
        """Something was found out beside the values."""
        self._examination += found

    @property
    def first_finding(self) -> Finding | None:
        """The finding that the report begins with; None where there is none so far."""
        return next(iter(self.findings), None)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the report would find so far."""
        return self.report(0.0).findings

    def report(self, seconds: float) -> LayerReport:
        """The verdict on the layer."""
        shapes = self.specification.shapes if self.specification else {}
        notes = self.specification.notes if self.specification else ()
        verdicts = [checked.verdict for checked in self.checked]
        return combine(
            self.layer,
            verdicts,
            errors=self.errors,
            notes=(*notes, *self.notes, *dict.fromkeys(note for verdict in verdicts for note in verdict.case.notes)),
            examination=self._examination,
            sources={name: shape.source for name, shape in shapes.items()},
            reproduce=command(self.layer, self.inputs, self.settings),
            script=self.script,
            seconds=seconds,
            equations=max((checked.equations for checked in self.checked), default=0),
        )


def command(layer: Layer, inputs: InputOptions, settings: Settings) -> str:
    """The command that checks this layer again on the same inputs."""
    path = layer.path
    with contextlib.suppress(ValueError):
        path = path.relative_to(Path.cwd())
    words = ["gradcheck", "run", f"{path}::{layer.name}", "--seed", str(inputs.seed)]
    default = InputOptions()
    if inputs.draws != default.draws:
        words += ["--draws", str(inputs.draws)]
    for name, axes in inputs.shapes.items():
        words += ["--shape", f"{name}={','.join(map(str, axes))}"]
    for name, size in inputs.dimensions.items():
        words += ["--dim", f"{name}={size}"]
    for name, value in inputs.arguments.items():
        words += ["--arg", f"{name}={json.dumps(value)}"]
    if inputs.dtype != default.dtype:
        words += ["--dtype", inputs.dtype]
    if inputs.magnitude != default.magnitude:
        words += ["--magnitude", repr(inputs.magnitude)]
    for option, value in (("--atol", settings.atol), ("--rtol", settings.rtol)):
        words += [option, repr(value)] if value is not None else []
    words += ["--order", str(settings.order)] if settings.order != 1 else []
    for option, is_on in (("--full", settings.full), ("--vmap", settings.vmap), ("--stress", settings.stress)):
        words += [option] if is_on else []
    return shlex.join(words)
