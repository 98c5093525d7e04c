"""The step of a forward at which its own dtype runs out: the primitive, the user's line, and what usually mends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.inputs.patterns import limits
from gradcheck_cli.tracing.trace import Trace, primitive_names
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
    "log": "take no logarithm of what has underflowed: for a softmax, `x - max - log(sum(exp(x - max)))`",
    "variance": "take the variance from the differences to the mean, not as a difference of two means",
    "backward exp": "its `exp` overflows: use `exp(-abs(x))`, or what the forward has computed already",
    "backward zero": "keep what it divides by off zero, as with a small eps inside the square root",
}

HALF = 1e5
"""Above what float16 holds."""

_SUMS = ("reduce_sum", "dot_general")
_SATURATING = frozenset({"exp", "logistic", "tanh", "log1p", "expm1"})
_ROOTS = frozenset({"sqrt", "rsqrt", "pow", "cbrt"})


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
            mend = _mend(own, position) or _wider(mine.value, np.dtype(trace.narrowest))
            return Culprit(mine.step, _line(mine.equation, str(case.layer.path)), mend)
    return None


def _parted(own: Any, true: Any) -> bool:
    """Overflow, underflow to zero, or fewer than a tenth of the digits left."""
    if np.shape(own) != np.shape(true) or not np.issubdtype(np.asarray(true).dtype, np.inexact):
        return False
    with np.errstate(all="ignore"):
        lost = ~np.isfinite(own) & np.isfinite(true)
        wrong = np.isfinite(true) & (np.abs(own - true) > 1e-2 * np.abs(true))
    return bool(np.any(lost | wrong))


def _wider(value: Any, dtype: Any) -> str:
    if np.all(np.isfinite(value)) or limits(dtype).largest > HALF:
        return ""
    return f"{dtype} ends at {limits(dtype).largest:,.0f}: do this step in float32"


def backward_mend(trace: Trace, *, grows: bool) -> str:
    """What usually mends a backward that is not finite though its forward is; "" where that is not clear."""
    names = set(primitive_names(trace.jaxpr.jaxpr))
    if grows:
        return _MENDS["backward exp"] if names & _SATURATING else ""
    return _MENDS["backward zero"] if names & _ROOTS else ""


def _mend(steps: Sequence[Watched], position: int) -> str:
    """Only where what comes before and after leaves no doubt."""
    step = steps[position]
    after = steps[position + 1 :]
    if step.step == "exp":
        if np.all(np.isfinite(step.value)):  # it has underflowed
            return _MENDS["log"] if any(one.step == "log" for one in after) else ""
        if _feeds(step, after, _SUMS):
            return _MENDS["sum"]
        plus_one = _feeds(step, after, ("add",))
        return _MENDS["log1p"] if plus_one and _feeds(plus_one, after, ("log",)) else _MENDS["exp"]
    before = {one.step for one in steps[:position]}
    if step.step == "log" and "exp" in before:
        return _MENDS["log"]
    if step.step == "sub" and "reduce_sum" in before and before & {"square", "integer_pow", "mul"}:
        return _MENDS["variance"]
    return ""


def _feeds(step: Watched, after: Sequence[Watched], names: Sequence[str]) -> Watched | None:
    """The step of one of these names that the result goes into, None where there is none."""
    made = step.equation.outvars[0]
    for one in after:
        if one.step in names and any(operand is made for operand in one.equation.invars):
            return one
    return None


def _line(equation: Any, path: str) -> int | None:
    """The user's line that the step comes from, by the traceback that JAX keeps with it."""
    traceback = getattr(getattr(equation, "source_info", None), "traceback", None)
    for frame in getattr(traceback, "frames", ()):
        if frame.file_name == path:
            return int(frame.line_num)
    return None
