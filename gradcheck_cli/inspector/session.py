"""What the inspector's screens ask of a run, saved or live: they know nothing else of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from gradcheck_cli.report.model import LayerReport, Report
from gradcheck_cli.saved.model import KeptLayer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Edit:
    """One value of an input that is set by hand.

    Attributes:
        name: of the input, as `KeptInput` has it.
        position: in the flattened input.
    """

    name: str
    position: int
    value: float


@dataclass(frozen=True)
class Question:
    """A layer to be checked again, and what is changed for it.

    Attributes:
        path, layer: as the layer's report has them.
        seed: None for that of the run.
        dimensions: sizes by name that are asked for.
        edits: values set by hand, of inputs and upstream gradients: where there are some, one draw alone is checked.
        draw: the draw that they are made in, as `KeptDraw.index`; None for the one that was shown last.
    """

    path: str
    layer: str
    seed: int | None = None
    dimensions: tuple[tuple[str, int], ...] = ()
    edits: tuple[Edit, ...] = ()
    draw: int | None = None


@dataclass(frozen=True)
class Waiting:
    """A layer that was found and is not checked yet.

    Attributes:
        path, layer: as its report will have them.
    """

    path: str
    layer: str


@dataclass(frozen=True)
class Answer:
    """What a layer came to when it was checked again.

    Attributes:
        report: None where the module could not be checked: then `problem` says why.
        kept: its arrays, None where there are none.
        seconds: that it took.
    """

    question: Question
    report: LayerReport | None = None
    kept: KeptLayer | None = None
    problem: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Curve:
    """Central differences of one element over step sizes, the longest step first.

    Attributes:
        steps, values: one a step; none where only the difference is known.
        reference: the gradient that they are held against.
        chosen: the position of the step that the witness chose, None where it is not known.
        plateau: the first and the last position of the steps whose values agree, None where none do.
        value, bar: the difference that was given, and how far it may be off.
        forward, backward: the slopes on the two sides, None where they are not known.
    """

    steps: NDArray[np.float64]
    values: NDArray[np.float64]
    reference: float
    chosen: int | None = None
    plateau: tuple[int, int] | None = None
    value: float | None = None
    bar: float | None = None
    forward: float | None = None
    backward: float | None = None


@dataclass(frozen=True)
class Contribution:
    """What flows to one element along one path of the forward.

    Attributes:
        expression, line: where the path parts from the others: `x.mean(axis=0)`; None for a line that is not known.
        value: what it adds to the gradient; all contributions add up to autodiff's gradient.
        is_missing: the error of this element is the lack of it.
    """

    expression: str
    line: int | None
    value: float
    is_missing: bool = False


@dataclass(frozen=True)
class Grown:
    """What a layer of a network that is wrong by itself adds to the error of one element.

    Attributes:
        layer: as the network's `Stage` names it.
        value: all of them add up to yours − autodiff.
    """

    layer: str
    value: float


@dataclass(frozen=True)
class Dug:
    """What was found out about one element.

    Attributes:
        curve, contributions: None where they cannot be had; then `why` says so, by `curve` or `contributions`.
        growth: the same of a network, in place of contributions: the first layer on the way back first; `why` says by
            `growth` why there is none.
    """

    curve: Curve | None = None
    contributions: tuple[Contribution, ...] | None = None
    why: dict[str, str] = field(default_factory=dict)
    growth: tuple[Grown, ...] | None = None


class Session(Protocol):
    """A run that is looked at. All that may take long is called in a thread, and can be interrupted by `stop`."""

    @property
    def name(self) -> str:
        """What was opened: `before.npz`, `mylayer.py::affine`."""

    @property
    def folder(self) -> str:
        """Places inside it are shown relative to it."""

    @property
    def report(self) -> Report:
        """What was reported when the run was opened; before `is_open`, of the layers that are known so far."""

    @property
    def is_open(self) -> bool:
        """Whether all layers are known. Else `open` finds out."""

    @property
    def opening(self) -> str:
        """What `open` is doing: `2 of 9, affine · draw 2 of 3`; "" where it is not, or no more."""

    @property
    def waiting(self) -> Sequence[Waiting]:
        """The layers that are found so far and not in `report` yet, in the order in which they are checked."""

    @property
    def doing(self) -> str:
        """What is being done for `ask` or `dig`: `draw 2 of 3`; "" where nothing is."""

    @property
    def is_live(self) -> bool:
        """Whether the module is at hand, so that layers can be checked again."""

    @property
    def why_not_live(self) -> str:
        """Why not, as a sentence; "" where it is."""

    @property
    def at_hand(self) -> str:
        """Of a saved run that can become live: which modules are here, and whether they have changed; "" else."""

    def go_live(self) -> None:
        """Become live, where something is `at_hand`: `report` stays what was saved, and nothing is checked yet.

        Raises:
            UserError: where that cannot be.
        """

    def kept(self, layer: LayerReport) -> KeptLayer | None:
        """The arrays of a layer, None where none were kept. Each is read once, and may not be written to."""

    def files(self) -> Sequence[str]:
        """The user's files whose change makes the run old: to be watched."""

    def open(self, progress: Any = None) -> None:
        """Find out about all layers, where `is_open` is not so; `report` grows meanwhile, at its end alone.

        Args:
            progress: a `checking.options.Progress` that is told, too.

        Raises:
            UserError: where there is nothing to be looked at.
        """

    def stop_opening(self) -> None:
        """End `open`: what is known stays."""

    def ask(self, question: Question) -> Answer:
        """Check one layer again. What goes wrong is the answer's problem; nothing is raised."""

    def dig(self, layer: LayerReport, kept: KeptLayer, leaf: int, position: int) -> Dug:
        """Find out more about one element of a leaf (by position in `kept.leaves`; in the flattened leaf)."""

    def stop(self) -> None:
        """End what is being asked: `ask` and `dig` return soon, with a problem that says so."""

    def close(self) -> None:
        """End all processes and close the file."""
