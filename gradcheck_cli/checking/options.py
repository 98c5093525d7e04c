"""What a run can be told, and what it tells while it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from gradcheck_cli.inspector.session import Edit
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Status


@dataclass(frozen=True)
class Target:
    """What to check: a file or a folder, and the layer to pick in it (`PATH::NAME`), or None for all."""

    path: Path
    name: str | None = None


@dataclass(frozen=True)
class EditedDraw:
    """One draw, by its number, with values that were set by hand."""

    index: int
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True)
class CheckOptions:
    """Everything that a run can be told.

    Attributes:
        device: `cpu` or `gpu`: where autodiff and JAX layers run.
        fail_fast: stop after the first layer that counts.
        counts: whether a layer's report is one to stop at; None: one that is not a pass.
    """

    inputs: InputOptions = field(default_factory=InputOptions)
    settings: Settings = field(default_factory=Settings)
    device: str = "cpu"
    fail_fast: bool = False
    counts: Callable[[LayerReport], bool] | None = field(default=None, repr=False)

    def stops_at(self, report: LayerReport) -> bool:
        """Whether nothing is checked after this one."""
        if not self.fail_fast:
            return False
        return report.status is not Status.PASS if self.counts is None else self.counts(report)

    def for_one_layer(self) -> CheckOptions:
        """What of them decides about a layer by itself."""
        return replace(self, fail_fast=False, counts=None)


class Progress(Protocol):
    """What a run tells while it works; all calls come from one thread, in this order per layer."""

    def layer_started(self, name: str, position: int, total: int) -> None:
        """A layer's check begins; `position` counts from 0 among the `total` found so far."""

    def step(self, name: str, what: str) -> None:
        """What is being done now: `draw 2 of 3: finite differences (1,200 evaluations)`."""

    def layer_finished(self, report: LayerReport) -> None:
        """A layer's verdict is known."""


class Silent:
    """Progress that nobody watches."""

    def layer_started(self, name: str, position: int, total: int) -> None:
        """Say nothing."""

    def step(self, name: str, what: str) -> None:
        """Say nothing."""

    def layer_finished(self, report: LayerReport) -> None:
        """Say nothing."""
