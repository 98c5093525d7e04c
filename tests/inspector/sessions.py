"""Sessions made by hand: layers that fail in every way that a screen shows, and answers that come at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.session import Answer, Contribution, Curve, Dug, Question, Waiting
from gradcheck_cli.report.model import ArgumentReport, Blame, Finding, LayerReport, Report, Status
from gradcheck_cli.saved.model import (
    EXCUSED,
    RIGHT,
    UNKNOWN,
    WRONG,
    Held,
    KeptDraw,
    KeptInput,
    KeptLayer,
    KeptLeaf,
    KeptSource,
    Stored,
)

PATH = "/home/you/project/mylayer.py"
FOLDER = "/home/you/project"

FORWARD = """\
def norm_forward(x, gamma):
    mean = x.mean(axis=1, keepdims=True)
    std = np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    return gamma * (x - mean) / std, (x, gamma, std)"""
BACKWARD = """\
def norm_backward(dout, cache):
    x, gamma, std = cache
    dx = dout * gamma / std
    return dx, (dout * x).sum(axis=0)"""


class Damaged:
    """An array in a file that is damaged."""

    dtype = np.dtype(np.float64)

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def read(self) -> NDArray[Any]:
        raise UserError("`run.npz` cannot be read as a saved run: `layer0.gradient0.yours.npy` is damaged")


def leaf(
    name: str,
    yours: NDArray[Any],
    autodiff: NDArray[Any],
    dimensions: tuple[str, ...] = (),
    **arrays: Stored,
) -> KeptLeaf:
    """A gradient with a tolerance of 1e-12."""
    return KeptLeaf(
        name,
        f"d{name}",
        autodiff.shape,
        dimensions,
        "float64",
        "float64",
        {"yours": Held(yours), "autodiff": Held(autodiff), "tolerance": Held(np.array(1e-12)), **arrays},
    )


def marks_of(kept: KeptLeaf) -> NDArray[np.uint8]:
    """By the tolerance."""
    yours, autodiff = kept.read("yours"), kept.read("autodiff")
    assert yours is not None and autodiff is not None
    with np.errstate(all="ignore"):
        wrong = ~(np.abs(yours - autodiff) <= 1e-12)
    return np.where(wrong, WRONG, RIGHT).astype(np.uint8)


def layer(
    name: str, leaves: Sequence[KeptLeaf], marks: Sequence[NDArray[np.uint8] | None] | None = None, **changes: Any
) -> tuple[LayerReport, KeptLayer]:
    """The report of a layer and its arrays; it fails where an element does."""
    found = [marks_of(each) for each in leaves] if marks is None else marks
    arguments = tuple(_argument(each, marked) for each, marked in zip(leaves, found))
    status = Status.FAIL if any(each.status is Status.FAIL for each in arguments) else Status.PASS
    report = LayerReport(
        name=name,
        path=PATH,
        line=11,
        convention="function pair",
        status=status,
        arguments=arguments,
        draws=2,
        sensitivity=2e-11,
        reproduce=f"gradcheck run mylayer.py::{name} --seed 0",
        forward_line=1,
        **changes,
    )
    kept = KeptLayer(
        name=name,
        path=PATH,
        shown=0,
        draws=(
            KeptDraw(0, 0, status.value, "a0", (("N", 4), ("D", 3)), tuple(_held(each) for each in found)),
            KeptDraw(1, 0, "pass", "a1", (("N", 2), ("D", 3)), tuple(None for _ in found)),
        ),
        leaves=tuple(leaves),
        arguments=tuple(KeptInput(each.name, each.dimensions, "", Held(np.full(each.shape, 0.5))) for each in leaves),
        upstream=(KeptInput("dout", (), "", Held(np.ones((4, 3)))),),
        sources=(KeptSource(PATH, 1, FORWARD), KeptSource(PATH, 11, BACKWARD)),
        forward_line=1,
    )
    return report, kept


def norm(share: float = 1.0, seed: int = 3) -> tuple[LayerReport, KeptLayer]:
    """`dx` of 4 by 3 is wrong in all elements (or right, where `share` is 0), and `dgamma` is right."""
    rng = np.random.default_rng(seed)
    x, gamma = np.round(rng.standard_normal((4, 3)), 3), np.round(rng.standard_normal(3), 3)
    error = np.round(rng.standard_normal((4, 3)), 2) * share
    positions = np.arange(12)
    differenced = {
        "difference_positions": Held(positions),
        "difference_values": Held(x.reshape(-1) + 1e-11),
        "difference_bars": Held(np.full(12, 1e-9)),
        "difference_forward": Held(x.reshape(-1)),
        "difference_backward": Held(x.reshape(-1)),
    }
    leaves = [leaf("x", x + error, x, ("N", "D"), **differenced), leaf("gamma", gamma, gamma, ("D",))]
    blame = Blame(PATH, 3, 3, "x.var(axis=1, keepdims=True)", "x", -1.0, 1.0, "    std = ...")
    finding = Finding(
        "GC209",
        "your `dx` has no contribution through `x` in `x.var(axis=1, keepdims=True)` (line 3)",
        PATH,
        line=11,
        argument="x",
        blame=blame,
    )
    told = {"findings": (finding,), "script": "import numpy as np\nassert False"} if share else {}
    return layer("norm", leaves, **told)


def conv() -> tuple[LayerReport, KeptLayer]:
    """`dw` of rank 4 is wrong in one slice; `db` came back in another shape."""
    rng = np.random.default_rng(1)
    w = np.round(rng.standard_normal((2, 3, 4, 5)), 2)
    yours = w.copy()
    yours[1, 2] *= 2
    wrong_shape = replace(
        leaf("b", np.ones((1, 2)), np.ones(2), ("F",)),
        arrays={"yours": Held(np.ones((1, 2))), "autodiff": Held(np.ones(2))},
    )
    leaves = [leaf("w", yours, w, ("F", "C", "H", "W")), wrong_shape]
    report, kept = layer("conv", leaves, [marks_of(leaves[0]), None])
    shape = replace(report.arguments[1], status=Status.FAIL, gradient_shape=(1, 2))
    finding = Finding("GC101", "your `db` has the shape (1, 2), not (2,)", PATH, line=11, argument="b", mend="sum it")
    return replace(report, arguments=(report.arguments[0], shape), findings=(finding,)), kept


def kinked() -> tuple[LayerReport, KeptLayer]:
    """Elements at kinks, unknown ones, and one that is not finite."""
    autodiff = np.arange(1.0, 9.0).reshape(2, 4)
    yours = autodiff.copy()
    yours[0, 1] = np.nan
    yours[1, 0] -= 3
    each = leaf("x", yours, autodiff)
    marks = marks_of(each)
    marks[0, 2], marks[1, 2] = EXCUSED, UNKNOWN
    return layer("kinked", [each], [marks])


def unkept() -> LayerReport:
    """A layer that could not be run."""
    finding = Finding("GC502", "`broken_forward` raises: boom", PATH, line=30)
    return LayerReport("broken", PATH, 30, "function pair", Status.ERROR, findings=(finding,))


@dataclass
class FakeSession:
    """A session in memory. A live one answers what `answer` says, and waits for `gate` before.

    One that is not open gets its `layers` from the test, and waits for `all_known`; `failure` ends it then.
    """

    layers: Sequence[tuple[LayerReport, KeptLayer | None]]
    is_live: bool = False
    name: str = "run.npz"
    folder: str = FOLDER
    doing: str = ""
    errors: tuple[Finding, ...] = ()
    answer: Callable[[Question], Answer] | None = None
    dug: Dug | None = None
    watched: Sequence[str] = ()
    asked: list[Question] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    stops: int = 0
    is_closed: bool = False
    is_open: bool = True
    opening: str = ""
    waiting: Sequence[Waiting] = ()
    at_hand: str = ""
    failure: Exception | None = None
    all_known: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    @property
    def report(self) -> Report:
        return Report("1.0", 0, "cpu", tuple(report for report, _ in self.layers), self.errors)

    @property
    def why_not_live(self) -> str:
        if self.at_hand:
            return f"`run.npz` is a saved run; {self.at_hand}"
        return "" if self.is_live else "`run.npz` is a saved run, without the module"

    def kept(self, layer: LayerReport) -> KeptLayer | None:
        return next((kept for report, kept in self.layers if report.name == layer.name), None)

    def files(self) -> Sequence[str]:
        return self.watched

    def open(self, progress: Any = None) -> None:
        self.all_known.wait(10)
        self.opening = ""
        if self.failure is not None:
            raise self.failure
        self.is_open = not self.stops

    def stop_opening(self) -> None:
        if not self.is_open:
            self.stops += 1
            self.all_known.set()

    def ask(self, question: Question) -> Answer:
        self.asked.append(question)
        self.gate.wait(5)
        if self.stops or self.answer is None:
            return Answer(question, problem="It was stopped.")
        return self.answer(question)

    def dig(self, layer: LayerReport, kept: KeptLayer, leaf: int, position: int) -> Dug:
        self.gate.wait(5)
        return self.dug or Dug(None, None, {"curve": "It was not kept.", "contributions": "The forward is needed."})

    def go_live(self) -> None:
        self.at_hand, self.is_live = "", True

    def stop(self) -> None:
        self.stops += 1
        self.gate.set()

    def close(self) -> None:
        self.is_closed = True


def curve() -> Curve:
    """Truncation falls with the step, rounding rises."""
    steps = np.logspace(-1, -11, 21)
    return Curve(
        steps,
        1.0 + steps**2 + 1e-16 / steps,
        1.0,
        chosen=9,
        plateau=(6, 12),
        value=1.0,
        bar=1e-9,
        forward=1.0,
        backward=1.0,
    )


def dug() -> Dug:
    """A curve, and three paths of which one is missing."""
    paths = (
        Contribution("x.mean(axis=1, keepdims=True)", 2, 3.25),
        Contribution("x.var(axis=1, keepdims=True)", 3, 2.5, is_missing=True),
        Contribution("x - mean", 4, -5.5),
    )
    return Dug(curve(), paths)


def _argument(kept: KeptLeaf, marked: NDArray[np.uint8] | None) -> ArgumentReport:
    wrong = 0 if marked is None else int((marked == WRONG).sum())
    return ArgumentReport(
        name=kept.name,
        gradient_name=kept.gradient_name,
        status=Status.FAIL if wrong else Status.PASS,
        shape=kept.shape,
        dimensions=kept.dimensions,
        wrong=wrong,
        total=int(np.prod(kept.shape)),
        decided_by="autodiff",
    )


def _held(marked: NDArray[np.uint8] | None) -> Held | None:
    return None if marked is None else Held(marked)


def run(**changes: Any) -> FakeSession:
    """A saved run of all of these."""
    return FakeSession([(unkept(), None), norm(), conv(), kinked()], **changes)


def live(mended: bool = True, **changes: Any) -> FakeSession:
    """A module whose `norm` comes out right when it is checked again."""

    def answer(question: Question) -> Answer:
        report, kept = norm(0.0 if mended else 0.5)
        return Answer(question, report, kept, seconds=0.1)

    return FakeSession([norm()], is_live=True, name="mylayer.py", answer=answer, dug=dug(), **changes)
