"""The report as plain data. Any stage may build it; every renderer shows it; it knows neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from gradcheck_cli.report.codes import RULES

if TYPE_CHECKING:  # a verdict from the cache is shown without NumPy
    import numpy as np
    from numpy.typing import NDArray

    from gradcheck_cli.report.network.model import NetworkReport


class Status(StrEnum):
    """A verdict. `ERROR` is for what could not be judged at all (GC5xx)."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


@dataclass(frozen=True)
class NamedArray:
    """An array to show: the input, upstream gradient or configuration that reproduces a failure."""

    name: str
    value: object
    dimensions: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class Blame:
    """The use of a value in the forward whose contribution to the gradients is wrong.

    Attributes:
        path, line, end_line: of the expression that uses it, in the user's source.
        expression: as it is written there, on one line: `h + x`.
        operand: what it uses, where that can be told: `x`; else "".
        factor: α: what flows along this use enters the gradients 1 + α times. −1: not at all. None where it is no
            number that is wrong there, but the local derivative.
        explains: how much of the error this explains, as a share of it; 1 is all.
        source: the lines of the source from `line` to `end_line`.
        forward: the numbered lines of the function that it stands in, without its docstring; () where not known.
        is_part: the expression uses the value more than once, and this is one of the uses: `np.pad` copies what it
            mirrors, too.
    """

    path: str
    line: int
    end_line: int
    expression: str
    operand: str
    factor: float | None
    explains: float
    source: str = ""
    is_part: bool = False
    forward: tuple[tuple[int, str], ...] = ()

    @property
    def what(self) -> str:
        """What is to blame: a path whose contribution is wrong, or a gate whose local derivative is."""
        return "gate" if self.factor is None else "path"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: a code, a sentence, its numbers and its place.

    Attributes:
        code: of `gradcheck_cli.report.codes.RULES`.
        message: one sentence that names what, and the mend where there is one.
        path, line: the user's source (the backward's definition unless a better line is known).
        argument: the leaf it concerns, such as `dw`'s argument `w` or `params['w']`.
        index: the worst element, in that leaf.
        yours, autodiff, finite_difference, error_bar: the three witnesses at that element; None where one is missing.
        mend: what to write instead, where known.
        inputs: the smallest inputs that show it, where they are not those of `LayerReport.failing_draw`.
        blame: the path through the forward that is wrong, where one explains it.
    """

    code: str
    message: str
    path: str
    line: int | None = None
    argument: str | None = None
    index: tuple[int, ...] | None = None
    yours: float | complex | None = None
    autodiff: float | complex | None = None
    finite_difference: float | complex | None = None
    error_bar: float | None = None
    mend: str | None = None
    inputs: tuple[NamedArray, ...] = ()
    blame: Blame | None = None

    @property
    def rule(self) -> str:
        """The code's name, such as `wrong-shape`."""
        return RULES[self.code]


@dataclass(frozen=True)
class Suppressed:
    """A finding that was made and does not count.

    Attributes:
        by: what says so: `comment line 12`, `per-file-ignores`, `--ignore`, `--select`, or `baseline`.
    """

    finding: Finding
    by: str


@dataclass(frozen=True)
class UnusedIgnore:
    """Something that was to hide findings and hides none, or that says nothing known.

    Attributes:
        path, line: the module, the configuration or the baseline file that holds it.
        ignore: as it is written there.
        message: one sentence, without the place.
        mend: what to do about it.
    """

    path: str
    line: int | None
    ignore: str
    message: str
    mend: str


@dataclass(frozen=True)
class Element:
    """One element of a gradient, as the three witnesses see it.

    `ratio` is yours / reference, or None where the reference is zero or not finite.
    """

    index: tuple[int, ...]
    yours: float | complex
    autodiff: float | complex | None
    finite_difference: float | complex | None
    error_bar: float | None
    tolerance: float
    ratio: float | complex | None


@dataclass(frozen=True)
class ArgumentReport:
    """The verdict for one leaf's gradient, taken over all draws (numbers are from the worst draw).

    Attributes:
        name: the leaf: `x`, or `params['w']`.
        gradient_name: what the user calls its gradient where known (`dx`, `self.dW`), else `d` + name.
        shape: of the argument in the worst draw.
        dimensions: a name for each axis (`N`), "" where an axis has none.
        max_abs_error, max_rel_error: of |yours − reference|; relative where that is not zero; None: not judged.
        wrong, total: elements outside the tolerance, and all, in the worst draw.
        decided_by: `autodiff`, `finite differences`, `dimensions`, or "" where nothing was judged.
        worst: the worst elements, worst first; at most a few dozen.
        wrong_map: True where an element is wrong, in the leaf's shape; None where shapes differ or nothing is wrong.
        draw: which draw these numbers are from.
        why: why the status is what it is, where the numbers do not say it (a kink, noise above the signal).
        gradient_shape: of the gradient that came back, where it is not the argument's own; else None.
    """

    name: str
    gradient_name: str
    status: Status
    shape: tuple[int, ...]
    dimensions: tuple[str, ...] = ()
    max_abs_error: float | None = None
    max_rel_error: float | None = None
    wrong: int = 0
    total: int = 0
    decided_by: str = ""
    worst: tuple[Element, ...] = ()
    wrong_map: NDArray[np.bool_] | None = field(default=None, compare=False)
    draw: int = 0
    why: str = ""
    gradient_shape: tuple[int, ...] | None = None


@dataclass(frozen=True)
class DrawReport:
    """What one draw used: enough to reproduce it. `upstream` has one entry an output."""

    index: int
    seed: int
    arguments: tuple[NamedArray, ...]
    upstream: tuple[NamedArray, ...]
    dimensions: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class LayerReport:
    """The verdict on one layer.

    Attributes:
        name: as `PATH::NAME` selects it.
        sensitivity: the relative error that would have been caught in any one element that is distinguishable from
            zero (its gradient is above its tolerance), of any argument, in any draw; None if not judged.
        typical_sensitivity: the same in 19 of 20 of those elements.
        witnesses: which of `yours`, `autodiff`, `finite differences` spoke.
        notes: what was assumed or inferred, and what one witness could not do and why; sentences.
        failing_draw: the inputs of the worst failing draw, None when nothing failed.
        checked: what was examined beside the values (`linear in the upstream gradient`), a few words each.
        script: a short Python script that reproduces the failure without gradcheck, on the smallest inputs found; "".
        seconds: engine time.
        equations: in the forward's jaxpr, 0 where there is none.
        cached: it is the verdict of an earlier run, and nothing that it depends on has changed since.
        forward_line: the forward's definition, where known; `line` is the backward's.
        suppressed: what was found and does not count. `status` is without it; `arguments` are as they were judged.
        network: the backward pass layer by layer, where it is a network.
    """

    name: str
    path: str
    line: int
    convention: str
    status: Status
    arguments: tuple[ArgumentReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    sensitivity: float | None = None
    typical_sensitivity: float | None = None
    witnesses: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    failing_draw: DrawReport | None = None
    reproduce: str = ""
    checked: tuple[str, ...] = ()
    script: str = ""
    draws: int = 0
    seconds: float = 0.0
    equations: int = 0
    cached: bool = False
    forward_line: int | None = None
    suppressed: tuple[Suppressed, ...] = ()
    network: NetworkReport | None = None


@dataclass(frozen=True)
class Report:
    """Everything one run found.

    Attributes:
        errors: problems that belong to no layer (a module that does not import).
        suppressed: those of them that do not count. They were not checked all the same.
        unused_ignores: what was to hide findings of what was checked, and hides none.
    """

    version: str
    seed: int
    device: str
    layers: tuple[LayerReport, ...] = ()
    errors: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    suppressed: tuple[Suppressed, ...] = ()
    unused_ignores: tuple[UnusedIgnore, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every layer passed, and there was one."""
        unchecked = self.errors or self.suppressed
        return bool(self.layers) and not unchecked and all(layer.status is Status.PASS for layer in self.layers)

    def count(self, status: Status) -> int:
        """How many layers have this status.

        Errors that belong to no layer count as `ERROR`, and those that do not count as `INCONCLUSIVE`: nobody knows.
        """
        extra = {Status.ERROR: len(self.errors), Status.INCONCLUSIVE: len(self.suppressed)}
        return sum(layer.status is status for layer in self.layers) + extra.get(status, 0)

    @property
    def findings(self) -> Sequence[Finding]:
        """All findings that count, those of no layer first."""
        return [*self.errors, *(finding for layer in self.layers for finding in layer.findings)]

    @property
    def ignored(self) -> Sequence[Suppressed]:
        """All findings that do not count, those of no layer first."""
        return [*self.suppressed, *(one for layer in self.layers for one in layer.suppressed)]
