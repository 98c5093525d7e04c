"""The step of a forward at which its own dtype runs out: the primitive, the user's line, and what usually mends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.layers.case import Case
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.extended.arithmetic import EXTENDED, Arithmetic
from gradcheck_cli.witnesses.extended.interpreter import BeyondEvaluation, Watched, evaluate, watched
from gradcheck_cli.witnesses.upstream import widened


@dataclass(frozen=True)
class Culprit:
    """The first step that is far off in the layer's own dtype though its operands are not.

    Attributes:
        step: JAX's name of it: `exp`, `log`, `div`, `sub`.
        line: in the user's file, None where unknown.
        mend: what usually mends it, "" where that is not clear.
    """

    step: str
    line: int | None
    mend: str


_MENDS = {
    "sum": "subtract the row's maximum before `exp`: nothing changes but the overflow",
    "exp": "write it with `exp(-abs(x))`, which never overflows",
    "log1p": "use `logaddexp(0, x)` in place of `log(1 + exp(x))`",
    "log": "work with logarithms from the start: subtract the maximum, then `x - log(sum(exp(x)))`",
    "variance": "take the variance from the differences to the mean, not as a difference of two means",
}


def culprit(trace: Trace, case: Case) -> Culprit | None:
    """Evaluate the forward twice, in its own dtype and in extended precision, and see where they part."""
    leaves = [np.asarray(widened(leaf.value)) for leaf in case.leaves]
    constants = [np.asarray(constant) for constant in trace.jaxpr.consts]
    runs: list[list[Watched]] = []
    for arithmetic in (Arithmetic(np.dtype(trace.narrowest), narrow=True), Arithmetic(EXTENDED)):
        try:
            with np.errstate(all="ignore"), watched() as steps:
                evaluate(trace.jaxpr.jaxpr, constants, leaves, arithmetic)
        except BeyondEvaluation:
            return None
        runs.append(steps)
    own, true = runs
    if len(own) != len(true):
        return None
    for position, (mine, theirs) in enumerate(zip(own, true)):
        if _parted(mine.value, theirs.value):
            return Culprit(mine.step, _line(mine.equation, str(case.layer.path)), _mend(own, position))
    return None


def _parted(own: Any, true: Any) -> bool:
    """Overflow, underflow to zero, or fewer than a tenth of the digits left."""
    if np.shape(own) != np.shape(true) or not np.issubdtype(np.asarray(true).dtype, np.inexact):
        return False
    with np.errstate(all="ignore"):
        lost = ~np.isfinite(own) & np.isfinite(true)
        wrong = np.isfinite(true) & (np.abs(own - true) > 1e-2 * np.abs(true))
    return bool(np.any(lost | wrong))


def _mend(steps: Sequence[Watched], position: int) -> str:
    """Only where what comes before and after leaves no doubt."""
    name = steps[position].step
    before = {one.step for one in steps[:position]}
    after = [one.step for one in steps[position + 1 :]]
    if name == "exp":
        if "reduce_sum" in after or "dot_general" in after:
            return _MENDS["sum"]
        return _MENDS["log1p"] if "log" in after else _MENDS["exp"]
    if name == "log" and "exp" in before:
        return _MENDS["log"]
    if name == "sub" and before >= {"reduce_sum"} and before & {"square", "integer_pow", "mul"}:
        return _MENDS["variance"]
    return ""


def _line(equation: Any, path: str) -> int | None:
    """The user's line that the step comes from, by the traceback that JAX keeps with it."""
    traceback = getattr(getattr(equation, "source_info", None), "traceback", None)
    for frame in getattr(traceback, "frames", ()):
        if frame.file_name == path:
            return int(frame.line_num)
    return None
