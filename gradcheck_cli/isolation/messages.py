"""What the command and its workers say to each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gradcheck_cli.checking.graph_options import GraphOptions
from gradcheck_cli.checking.jacobian_options import JacobianOptions
from gradcheck_cli.checking.options import CheckOptions, EditedDraw
from gradcheck_cli.checking.training_options import TrainingOptions
from gradcheck_cli.inspector.session import Contribution, Curve, Dug, Edit, Grown
from gradcheck_cli.isolation.codec import Codec
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.graph.model import Gate, Graph, Port, Wire
from gradcheck_cli.report.jacobian.model import Block, Jacobian, Jacobians, Side, Structure
from gradcheck_cli.report.listed import ListedArgument, ListedLayer
from gradcheck_cli.report.model import (
    ArgumentReport,
    Blame,
    DrawReport,
    Element,
    Finding,
    LayerReport,
    NamedArray,
    Status,
    Suppressed,
)
from gradcheck_cli.report.network.model import Flow, NetworkReport, Stage
from gradcheck_cli.report.training.model import (
    LayerNorms,
    OverfitReport,
    OverfitTry,
    RunEnd,
    TrainedParameter,
    Training,
    TrainingCause,
    UpdateRule,
)
from gradcheck_cli.saved.model import Held, KeptDraw, KeptInput, KeptLayer, KeptLeaf, KeptSource


@dataclass(frozen=True)
class Find:
    """Load the module at `path`, whose text is `source`, and say which layers it has. Answered by `Found`."""

    path: Path
    source: str


@dataclass(frozen=True)
class FoundLayer:
    """One layer of a module: what the user picks it by, where and how it is written, its arguments' names."""

    name: str
    line: int
    forward_line: int | None
    convention: str
    aliases: tuple[str, ...]
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """Check one layer. Answered by `Began` and `Step`s, then `Checked`.

    Attributes:
        keeps: send what a saved run keeps of it along.
        edited: check this draw alone.
    """

    path: Path
    source: str
    layer: FoundLayer
    options: CheckOptions
    keeps: bool = False
    edited: EditedDraw | None = None


@dataclass(frozen=True)
class Specify:
    """Say what one layer's inputs are. Answered by `Listed`."""

    path: Path
    source: str
    layer: FoundLayer
    inputs: InputOptions


@dataclass(frozen=True)
class Draw:
    """The graph or the Jacobians of the function or layer of this name, or a network's training: `Step`s, `Drawn`."""

    path: Path
    source: str
    name: str
    options: GraphOptions | JacobianOptions | TrainingOptions


@dataclass(frozen=True)
class Dig:
    """Find out more about one element of a gradient. Answered by `Looked`.

    Attributes:
        inputs: which decide the draw.
        draw: its number, and the values in it that were set by hand.
        digest: of the draw's inputs, as `KeptDraw` has it.
        leaf, position: the gradient, by its position, and the element in it, flattened.
        yours, autodiff, tolerance: of this element; None where they are not known.
    """

    path: Path
    source: str
    layer: FoundLayer
    inputs: InputOptions
    device: str
    draw: EditedDraw
    digest: str
    leaf: int
    position: int
    yours: float | None = None
    autodiff: float | None = None
    tolerance: float | None = None


Request = Find | Check | Specify | Draw | Dig


LOADING = "loading the module"
"""What a process says that it does before it has a layer."""


@dataclass(frozen=True)
class Began:
    """The clock starts anew: the worker is ready and begins with `what` (`loading the module`, ...)."""

    what: str


@dataclass(frozen=True)
class Step:
    """What is being done now."""

    what: str


@dataclass(frozen=True)
class Dependencies:
    """What the verdicts on a module's layers depend on.

    Attributes:
        files: read or imported, absolute; some may not exist.
        folders: whose names were listed.
        distributions: folders that name an installed package and its version.
        outside: why more than that decides (`uses the network`); "" where nothing is known to.
    """

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    distributions: tuple[str, ...] = ()
    outside: str = ""


@dataclass(frozen=True, kw_only=True)
class Traces:
    """What the user's code left changed in the worker, a few words each (`replaced numpy.sum`).

    Attributes:
        touched: by what was just done: nothing else is done in this worker.
        confined: by loading the module: this worker goes on, but only for this module.
    """

    touched: tuple[str, ...] = ()
    confined: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found(Traces):
    """The layers of a module; `problems` stood in the way of others, or of all where it was not `loaded`.

    Attributes:
        depends: what this depends on; None where that is not known.
    """

    loaded: bool = True
    depends: Dependencies | None = None
    layers: tuple[FoundLayer, ...] = ()
    problems: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checked(Traces):
    """The verdict on a layer, and what it depends on; None where that is not known.

    Attributes:
        kept: what a saved run keeps of it, where that was asked for.
    """

    report: LayerReport
    depends: Dependencies | None = None
    kept: KeptLayer | None = None


@dataclass(frozen=True)
class Listed(Traces):
    """What is known about a layer's inputs."""

    layer: ListedLayer


@dataclass(frozen=True)
class Drawn(Traces):
    """What was asked for of a function."""

    shown: Graph | Jacobians | Training


@dataclass(frozen=True)
class Looked(Traces):
    """What was found out about an element."""

    dug: Dug


@dataclass(frozen=True)
class Refused(Traces):
    """The command cannot do its work: a `UserError` without a code, such as for a device that is not there."""

    message: str
    path: Path | None = None
    line: int | None = None
    mend: str | None = None


@dataclass(frozen=True)
class Broke(Traces):
    """A fault of gradcheck's own: what was raised, and the traceback as text."""

    what: str
    traceback: str


Answer = Found | Checked | Listed | Drawn | Looked | Refused | Broke


TYPES: tuple[type, ...] = (
    *(ArgumentReport, Blame, DrawReport, Element, Finding, LayerReport, NamedArray, Status, Suppressed),
    *(ListedArgument, ListedLayer),
    *(CheckOptions, GraphOptions, InputOptions, JacobianOptions, Settings),
    *(Graph, Gate, Port, Wire),
    *(NetworkReport, Stage, Flow),
    *(Jacobians, Jacobian, Block, Side, Structure),
    *(TrainingOptions, Training, TrainingCause, TrainedParameter, LayerNorms, RunEnd, UpdateRule),
    *(OverfitReport, OverfitTry),
    *(KeptLayer, KeptLeaf, KeptDraw, KeptInput, KeptSource, Held),
    *(Dig, EditedDraw, Edit, Looked, Dug, Curve, Contribution, Grown),
    *(Find, Check, Specify, Draw, FoundLayer, Dependencies, Began, Step, Found, Checked, Listed, Drawn, Refused, Broke),
)

CODEC = Codec(TYPES)
