"""GC214: each backward belongs to its own forward, whatever ran in between or before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.contracts.comparing import apart, each_apart, equal, evenly
from gradcheck_cli.judge.dimensions.receiving import finding
from gradcheck_cli.judge.noise.tolerance import unmeasured_rounding
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.judge.words import number
from gradcheck_cli.layers.case import Leaf
from gradcheck_cli.layers.layer import Convention
from gradcheck_cli.layers.precision import epsilon
from gradcheck_cli.report.model import Finding
from gradcheck_cli.witnesses.conduct.interleaved import Interleaved, Reused
from gradcheck_cli.witnesses.slope import direction_at

Slopes = Callable[[Mapping[str, Any], Leaf, NDArray[Any]], tuple[float | complex, float | complex] | None]

SINGLE = 1e-10
"""In dtypes with a larger epsilon a plain difference says too little."""

SLOPE_APART = 1e-3
"""Slopes that are closer, relative to the terms of the sum, are the same: far above what a difference is off by."""


def stale(verdict: DrawVerdict, seen: Interleaved) -> tuple[Finding, ...]:
    """forward(A), forward(B), backward of A must give A's gradient."""
    case = verdict.case
    several = case.layer.convention is Convention.CLASS
    between = "another instance's forward" if several else "another forward"
    keep = "on the instance" if several else "in the cache that the forward returns"
    mend = f"keep what the backward needs {keep}, not in the module or the class"
    if seen.error is not None:
        said = seen.error.message.partition("; inputs")[0]
        message = f"with {between} before it, the backward failed: {said}"
        return (finding(case, "GC214", message, None, mend),)
    found = []
    for leaf, difference in each_apart(verdict.leaves, seen.mixed, seen.alone):
        position = verdict.leaves.index(leaf)
        other = seen.other[position] if seen.other is not None else None
        mixed = seen.mixed[position] if seen.mixed is not None else None
        whose = ", the gradient of that other call" if equal(mixed, other, leaf) else ""
        message = f"with {between} in between, the backward gave another `{leaf.received.name}`{whose}: "
        found.append(finding(case, "GC214", message + difference.numbers, leaf.received.leaf.name, mend))
    return tuple(found)


def left_behind(verdict: DrawVerdict, seen: Interleaved, slopes: Slopes) -> tuple[Finding, ...]:
    """B's gradient must be B's: where it is exactly A's, and the forward's slope at B is another, A's was kept.

    Args:
        slopes: of the forward at some inputs, on both sides along a direction of one leaf; None where it does not run.
    """
    case = verdict.case
    if seen.other is None or epsilon(case.dtype) > SINGLE:
        return ()
    found = []
    for position, leaf in enumerate(verdict.leaves):
        first, other = seen.alone[position], seen.other[position]
        if leaf.findings or first is None or other is None or not np.any(first) or not np.array_equal(first, other):
            continue
        direction = direction_at(seen.inputs, leaf.received.leaf, (case.seed, case.draw, position))
        if direction.shape != other.shape:
            continue
        told, size = np.sum(other * direction), float(np.sum(np.abs(other * direction)))
        before, after = (slopes(given, leaf.received.leaf, direction) for given in (case.arguments, seen.inputs))
        if before is None or after is None or not np.isfinite(after).all():
            continue
        # Where it is no slope of the forward's even for A, it is not meant to be one (a straight-through estimator).
        # At a kink, of A or of B, it may be one side's for one element and the other's for the next.
        apart_before, apart_after = (np.abs(np.array(both) - told) / size for both in (before, after))
        at_kink = abs(after[1] - after[0]) > SLOPE_APART * size
        if not np.all(apart_before <= SLOPE_APART) or np.any(apart_after <= SLOPE_APART) or at_kink:
            continue
        name, measured = leaf.received.name, (after[0] + after[1]) / 2
        message = (
            f"for other inputs of the same shape the backward gives the same `{name}` as before, though the slope of "
            f"the forward there is another: {number(measured)} along one direction, not {number(told)}"
        )
        mend = "keep nothing from one call to the next: what the backward needs belongs in the cache"
        found.append(finding(case, "GC214", message, leaf.received.leaf.name, mend))
    return tuple(found)


def left_over(verdict: DrawVerdict, seen: Reused) -> tuple[Finding, ...]:
    """An instance that was used before must give the gradient that a new one gives, where its outputs are the same.

    Where they are not, the layer is meant to remember (a recurrent state), and nothing is said. A gradient that is
    the sum of both is `accumulates`' to judge.
    """
    case = verdict.case
    if len(seen.outputs) != len(seen.own_outputs):
        return ()
    for one, other in zip(seen.outputs, seen.own_outputs):
        if (
            one.shape != other.shape
            or apart(one, other, evenly(4 * unmeasured_rounding([case.dtype]) * _size(other))) is not None
        ):
            return ()
    mend = "let the forward replace whatever the backward reads"
    if seen.error is not None:
        return ()
    found = []
    for leaf, difference in each_apart(verdict.leaves, seen.gradients, seen.own, factor=2.0):
        position = verdict.leaves.index(leaf)
        earlier, own = seen.earlier[position], seen.own[position]
        used = seen.gradients[position] if seen.gradients is not None else None
        if earlier is not None and own is not None and earlier.shape == own.shape and equal(used, earlier + own, leaf):
            continue
        same = "inputs and parameters, which were changed in place" if seen.trained else "inputs"
        message = (
            f"an instance that was used before gave another `{leaf.received.name}` than a new one, for the same "
            f"{same}: {difference.numbers}"
        )
        found.append(finding(case, "GC214", message, leaf.received.leaf.name, mend))
    return tuple(found)


def _size(array: NDArray[Any]) -> float:
    values = np.abs(array)
    return float(np.max(values, initial=0.0, where=np.isfinite(values)))
