"""GC402: a gradient, or a forward, that is right to the precision of a narrower dtype than the layer's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.evidence.inquiry import LeafCase
from gradcheck_cli.judge.examination import NOTHING, Examination
from gradcheck_cli.judge.noise.replays import Repeats, Replays
from gradcheck_cli.judge.noise.tolerance import largest_epsilon
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.verdict import DrawVerdict, LeafVerdict
from gradcheck_cli.judge.words import number
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.leaves import is_floating, walk
from gradcheck_cli.layers.precision import epsilon
from gradcheck_cli.report.model import Finding
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.gradients import Autodiff
from gradcheck_cli.witnesses.subject import Subject

NARROWER = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
"""Epsilons of the dtypes that code casts to."""

TYPICAL_ROUNDING = 0.25
"""The typical error, in epsilons, of a value that was rounded once or twice."""

SMALLEST, LARGEST = 2.0**-8, 2.0**5
"""Typical errors between these many epsilons of a dtype are its rounding."""

MOST_ELEMENTS = 0.5
"""A cast rounds nearly every element: in at least this share the error must be outside the tolerance."""

REPEATS = 12
FEW = 4
"""So many repeats must do where the error is nearly the same in all of them: a large layer takes long for each."""

DISTANCES = {"float32": 16.0, "float16": 4.0, "bfloat16": 4.0}
"""Inputs are moved by so many epsilons of the narrower dtype, so that its rounding is drawn anew."""

OWN_DISTANCE = 4.0
"""Own epsilons by which inputs are moved so that the layer's own rounding is drawn anew, and a cast's is not."""

COHERENT = 0.7
"""The mean of rounding that is drawn thirteen times is some 0.3 of its size; that of a mistake, its whole size."""


STAYS = 0.95
"""Rounding to a narrower dtype is the same at inputs that are a few own epsilons away, in nearly all elements."""

ALIKE = 8.0
"""Typical errors within this factor of `TYPICAL_ROUNDING` are a cast's, where their size alone must tell."""


@dataclass(frozen=True)
class Loss:
    """A gradient that is right to the precision of `dtype`; `typical`, `largest`: its relative errors."""

    dtype: str
    typical: float
    largest: float


def precision_losses(
    leaves: Sequence[LeafCase], dtypes: Sequence[Sequence[np.dtype[Any]]], again: Repeats
) -> dict[int, Loss]:
    """The leaves whose errors are the rounding of a narrower dtype, by position.

    Three things must hold: the errors have the size of that dtype's rounding; nearly all elements have one; and they
    are drawn anew where the inputs move by a rounding of that dtype. A wrong constant or a dropped small term gives
    errors as small, which stay what they are.

    Args:
        leaves: after the second look.
        dtypes: by leaf position, in which the layer computed this gradient by all that is known.
        again: `REPEATS` at each distance.
    """
    found: dict[int, Loss] = {}
    for leaf in leaves:
        loss = _by_size(leaf, largest_epsilon(dtypes[leaf.position]))
        if loss is not None:
            found[leaf.position] = loss
    if not found:
        return {}
    far = again.at(max(DISTANCES[loss.dtype] * NARROWER[loss.dtype] for loss in found.values()))
    random = {leaf.position for leaf in leaves if leaf.position in found and _is_random(leaf, far)}
    return {position: loss for position, loss in found.items() if position in random}


def is_narrowed(leaf: LeafCase, dtypes: Sequence[np.dtype[Any]], again: Repeats) -> bool:
    """Whether a leaf's errors are a narrower dtype's rounding, though a second look has taken them for its own.

    A few own epsilons away some elements cross to that dtype's next number, which looks like noise of that size. All
    others stay as they are there, and are drawn anew farther away; own noise is drawn anew next door already.

    Args:
        leaf: before the second look.
        dtypes: in which the layer computed this gradient by all that is known.
        again: `REPEATS` at each distance.
    """
    own = largest_epsilon(dtypes)
    loss = _by_size(leaf, own)
    if loss is None:
        return False
    expected = TYPICAL_ROUNDING * NARROWER[loss.dtype]
    if not expected / ALIKE <= loss.typical <= expected * ALIKE:
        return False
    far = again.at(DISTANCES[loss.dtype] * NARROWER[loss.dtype])  # first: that a mistake stays is seen soonest
    return _is_random(leaf, far) and _coherence(leaf, again.at(OWN_DISTANCE * own)) > STAYS


def worded(judged: LeafVerdict, loss: Loss, case: Case) -> LeafVerdict:
    """The verdict with its GC201 replaced by GC402."""
    findings = []
    for finding in judged.findings:
        if finding.code == "GC201":
            message = (
                f"`{judged.received.name}` is right to about {loss.dtype} only: relative error "
                f"{number(loss.typical, 1)} in typical elements, {number(loss.largest, 1)} in the worst, while the "
                f"layer is {judged.received.leaf.value.dtype}"
            )
            finding = replace(finding, code="GC402", message=message, mend=_mend("backward", loss.dtype, case))
        findings.append(finding)
    return replace(judged, findings=tuple(findings))


def examine(subject: Subject, _: DrawVerdict, settings: Settings) -> Examination:
    """GC402 for a forward that computes in a narrower dtype than its inputs and its output have.

    A forward that returns the narrower dtype says openly what it is. A layer written for JAX is made for float32, which
    JAX computes in unless told otherwise: there a cast to float32 is none of its faults.
    """
    case, traced, autodiff = subject.case, subject.traced, subject.autodiff
    if not isinstance(traced, Trace) or not isinstance(autodiff, Autodiff) or settings.rtol or settings.atol:
        return NOTHING
    if not case.leaves:
        return NOTHING
    inside = str(traced.narrowest)
    own = max(epsilon(leaf.value.dtype) for leaf in case.leaves)
    if inside not in NARROWER or NARROWER[inside] <= own or (case.layer.uses_jax and inside == "float32"):
        return NOTHING
    outputs = [np.asarray(leaf) for output in subject.result.outputs for _, leaf in walk(output) if is_floating(leaf)]
    errors = [
        _relative(np.abs(given - exact), np.abs(exact))
        for output, given, exact in zip(outputs, traced.outputs, autodiff.outputs)
        if epsilon(output.dtype) <= own
    ]
    rounded = [each for each in errors if each.size and np.median(each) >= SMALLEST * NARROWER[inside]]
    if not rounded:
        return NOTHING
    typical = max(float(np.median(each)) for each in rounded)
    message = (
        f"the forward of `{case.layer.name}` computes in {inside} inside: its output has a relative error of "
        f"{number(typical, 1)} in typical elements, while the layer is {case.dtype}; its gradient is held to {inside}"
    )
    line = case.layer.forward_line
    mend = _mend("forward", inside, case)
    return Examination((Finding("GC402", message, str(case.layer.path), line, mend=mend),))


def _by_size(leaf: LeafCase, own: float) -> Loss | None:
    """The narrower dtype whose rounding has the size of this leaf's errors, and which nearly all elements have."""
    yours, comparison = leaf.received.usable, leaf.comparison
    if yours is None or comparison is None or not comparison.wrong.size or leaf.tolerance.scale is None:
        return None
    relative = _errors(leaf, yours - leaf.autodiff)
    if not relative.size or comparison.wrong.size < MOST_ELEMENTS * relative.size:
        return None
    typical, largest = float(np.median(relative)), float(np.max(relative))
    candidates = {name: each for name, each in NARROWER.items() if each > own}
    if not candidates or typical <= 0:
        return None
    dtype = min(candidates, key=lambda name: abs(np.log(typical / (TYPICAL_ROUNDING * candidates[name]))))
    if not SMALLEST * candidates[dtype] <= typical <= LARGEST * candidates[dtype]:
        return None
    return Loss(dtype, typical, largest)


def _errors(leaf: LeafCase, errors: NDArray[Any]) -> NDArray[np.float64]:
    """Errors of the elements that are not zero by structure, relative to max(|reference|, scale)."""
    assert leaf.tolerance.scale is not None
    size = np.fmax(np.abs(leaf.autodiff), leaf.tolerance.scale).reshape(-1)
    flat = np.abs(errors).reshape(-1)
    known = (size > 0) & np.isfinite(size) & np.isfinite(flat)
    return np.asarray(flat[known] / size[known], dtype=np.float64)


def _is_random(leaf: LeafCase, again: Replays) -> bool:
    """Whether the leaf's errors are drawn anew at each of the inputs, about zero."""
    return 0 <= _coherence(leaf, again) < COHERENT


def _coherence(leaf: LeafCase, again: Replays) -> float:
    """How alike a wrong element's error is at all of the inputs, in the middle: 1 is the same; -1 where not known."""
    yours = leaf.received.usable
    if yours is None or leaf.comparison is None:
        return -1.0
    coherence = -1.0
    for count in (FEW, REPEATS):
        errors = again.errors(count, leaf.position)
        if len(errors) < count:
            return -1.0
        stacked = np.stack([yours - leaf.autodiff, *errors]).reshape(count + 1, -1)[:, leaf.comparison.wrong]
        with np.errstate(invalid="ignore", divide="ignore"):
            each = np.abs(stacked.mean(axis=0)) / np.sqrt(np.mean(np.abs(stacked) ** 2, axis=0))
        coherence = float(np.median(each[np.isfinite(each)])) if np.isfinite(each).any() else -1.0
        if coherence > STAYS:
            break
    return coherence


def _relative(errors: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Errors relative to the values, or to their root mean square where that is more."""
    finite = np.isfinite(errors) & np.isfinite(values)
    errors, values = errors[finite], values[finite]
    typical = float(np.sqrt(np.mean(values**2))) if values.size else 0.0
    sizes = np.fmax(values, typical)
    return np.asarray(errors[sizes > 0] / sizes[sizes > 0])


def _mend(where: str, dtype: str, case: Case) -> str:
    wide = case.dtype
    return f"keep the {where} in {wide}: look for a cast to {dtype}, or an array that is made in it"
