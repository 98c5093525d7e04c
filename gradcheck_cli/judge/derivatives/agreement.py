"""The user's own gradients, computed in two ways that must agree: where they do not, the worst element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.noise.tolerance import FLOOR_SHARE, Tolerance, unmeasured_rounding
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.judge.words import index_text, pair, plural
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.precision import DOUBLE_EPSILON, epsilon, is_floating_dtype
from gradcheck_cli.report.model import Finding, Status

SAFETY = 4.0
"""Times the tolerance of the judge: both ways round, each in its own order of operations."""


@dataclass(frozen=True)
class Words:
    """How a disagreement is said: `under jax.vmap`, `in the batch`, `one by one`, and what to do."""

    situation: str
    one: str
    other: str
    mend: str


def disagreement(
    case: Case,
    verdict: DrawVerdict,
    ones: Sequence[Any],
    others: Sequence[Any],
    words: Words,
) -> Finding | None:
    """GC201 for the first leaf whose gradients are not the same in both ways; None where all are.

    Args:
        case, verdict: the draw; the tolerance of its elements is taken from the verdict.
        ones, others: a gradient for each leaf; others may have a batch axis in front, and so must ones then.
    """
    for leaf, first, second in zip(verdict.leaves, map(_wide, ones), map(_wide, others)):
        if leaf.status is Status.INCONCLUSIVE and epsilon(leaf.received.leaf.value.dtype) > DOUBLE_EPSILON:
            continue  # a narrow dtype does not hold it, in either order of operations
        name = leaf.received.name
        if first.shape != second.shape:
            message = f"{words.situation} `{name}` has shape {first.shape}, {words.other} {second.shape}"
            return _finding(case, message, leaf.received.leaf.name, words)
        dtypes = [np.asarray(ones[0]).dtype] + ([leaf.received.dtype] if leaf.received.dtype is not None else [])
        tolerance = leaf.tolerance if leaf.tolerance is not None and leaf.received.has_right_shape else None
        allowed = SAFETY * _allowed(tolerance, second, [dtype for dtype in dtypes if is_floating_dtype(dtype)])
        with np.errstate(invalid="ignore"):
            error = np.abs(first - second)
        same = (error <= allowed) | (first == second) | (np.isnan(first) & np.isnan(second))
        if same.all():
            continue
        error = np.where(same, -1.0, np.where(np.isfinite(error), error, np.inf))
        index = tuple(int(axis) for axis in np.unravel_index(int(np.argmax(error)), error.shape))
        mine, theirs = pair(first[index].item(), second[index].item())
        at = f"worst at {index_text(index)}: " if index else ""
        count = int(np.sum(~same))
        message = (
            f"{words.situation} `{name}` differs in {count:,} of {plural(same.size, 'element')}; "
            f"{at}{words.one} {mine}, {words.other} {theirs}"
        )
        return _finding(case, message, leaf.received.leaf.name, words)
    return None


def _allowed(tolerance: Tolerance | None, values: NDArray[Any], dtypes: Sequence[np.dtype[Any]]) -> NDArray[np.float64]:
    """The tolerance of each element: a verdict's own holds for each row of a batch, and a little way around.

    What compilers reorder is not measured, so that none is below the usual one where nothing is.
    """
    magnitude = np.abs(values).astype(np.float64)
    magnitude = np.where(np.isfinite(magnitude), magnitude, 0.0)
    relative = unmeasured_rounding(dtypes)
    typical = float(np.mean(magnitude)) if magnitude.size else 0.0
    least: NDArray[np.float64] = relative * (magnitude + FLOOR_SHARE * typical)
    if tolerance is None:
        return least
    size = magnitude.size if tolerance.scale is None else tolerance.scale.size
    rows = magnitude.reshape(-1, size) if size else magnitude.reshape(1, -1)
    measured = np.stack([tolerance.at(row, slice(None)) for row in rows]).reshape(magnitude.shape)
    return least + measured


def _wide(value: Any) -> NDArray[Any]:
    array = np.asarray(value)
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _finding(case: Case, message: str, argument: str, words: Words) -> Finding:
    return Finding("GC201", message, str(case.layer.path), case.layer.line, argument, mend=words.mend)
