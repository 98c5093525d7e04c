"""From a user's modules to a report: the stages, in order. The command line and `check(...)` both come through here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Report


@dataclass(frozen=True)
class Target:
    """What to check: a file or a folder, and the layer to pick in it (`PATH::NAME`), or None for all."""

    path: Path
    name: str | None = None


@dataclass(frozen=True)
class CheckOptions:
    """Everything that a run can be told.

    Attributes:
        device: `cpu` or `gpu`: where autodiff and JAX layers run.
        fail_fast: stop after the first layer that is not a pass.
    """

    inputs: InputOptions = field(default_factory=InputOptions)
    settings: Settings = field(default_factory=Settings)
    device: str = "cpu"
    fail_fast: bool = False


class Progress(Protocol):
    """What a run tells while it works; all calls come from one thread, in this order per layer."""

    def layer_started(self, name: str, position: int, total: int) -> None:
        """A layer's check begins; `position` counts from 0 among the `total` found so far."""

    def step(self, name: str, what: str) -> None:
        """What is being done now: `draw 2 of 3: finite differences (1,200 evaluations)`."""

    def layer_finished(self, report: LayerReport) -> None:
        """A layer's verdict is known."""


def check_targets(targets: Sequence[Target], options: CheckOptions, progress: Progress | None = None) -> Report:
    """Check every layer of the targets.

    Problems of a module or a layer become findings in the report; nothing the user's code does raises here.

    Raises:
        UserError: without a code, where the command cannot do its work at all: a missing path, a name that no layer
            has, a device that is not there.
    """
    raise NotImplementedError
