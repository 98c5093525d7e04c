"""What changed between two runs, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gradcheck_cli.report.model import ArgumentReport, Finding, LayerReport, Status


class Change(StrEnum):
    """What became of something from one run to the other."""

    WORSE = "worse"
    BETTER = "better"
    APPEARED = "appeared"
    VANISHED = "vanished"
    SAME = "same"


@dataclass(frozen=True)
class ElementChanges:
    """The elements of one gradient in a draw that both runs have, of the same inputs.

    Attributes:
        draw: its index.
        total: how many elements.
        mended: wrong before, and not now.
        broken: not wrong before, and wrong now.
        still_wrong: wrong in both.
    """

    draw: int
    total: int
    mended: int
    broken: int
    still_wrong: int


@dataclass(frozen=True)
class ArgumentDifference:
    """One gradient in both runs; None where a run has none of this name.

    Attributes:
        elements: None where they cannot be compared one by one; `why` says it then.
    """

    name: str
    change: Change
    before: ArgumentReport | None
    after: ArgumentReport | None
    elements: ElementChanges | None = None
    why: str = ""


@dataclass(frozen=True)
class LayerDifference:
    """One layer in both runs; a module that does not load takes a layer's place.

    Attributes:
        path: seen from the run's folder, where it is inside it.
        gone, new: the codes of findings that only the run before, and only the run after has.
    """

    name: str
    path: str
    change: Change
    before: LayerReport | None
    after: LayerReport | None
    arguments: tuple[ArgumentDifference, ...] = ()
    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()

    @property
    def is_worse(self) -> bool:
        """Whether somebody should look: it got worse, or it is new and wrong."""
        wrong = self.after is not None and self.after.status in (Status.FAIL, Status.ERROR)
        return self.change is Change.WORSE or (self.change is Change.APPEARED and wrong)


@dataclass(frozen=True)
class RunSummary:
    """One of the two runs."""

    file: str
    version: str
    seed: int
    device: str
    problem: str = ""


@dataclass(frozen=True)
class Difference:
    """What changed between two runs.

    Attributes:
        layers: in the order of the run after; those that vanished last.
        notes: what keeps the two from being compared as they are; sentences.
    """

    before: RunSummary
    after: RunSummary
    layers: tuple[LayerDifference, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_worse(self) -> bool:
        """Whether anything got worse."""
        return any(layer.is_worse for layer in self.layers)

    def count(self, change: Change) -> int:
        """How many layers changed so."""
        return sum(layer.change is change for layer in self.layers)


def first_cause(layer: LayerReport | None) -> Finding | None:
    """The finding that a layer's report begins with."""
    return None if layer is None else next(iter(layer.findings), None)
