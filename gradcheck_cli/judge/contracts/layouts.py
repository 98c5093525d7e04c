"""Gradients do not depend on how the arrays lie in memory, nor on how wide the upstream gradient's dtype is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.contracts.comparing import Apart, apart, at_least, evenly, rounding
from gradcheck_cli.judge.contracts.mutation import upstream_name
from gradcheck_cli.judge.contracts.overflow import held, held_in
from gradcheck_cli.judge.dimensions.receiving import finding
from gradcheck_cli.judge.noise.tolerance import ROUNDINGS, largest_epsilon, unmeasured_rounding
from gradcheck_cli.judge.verdict import DrawVerdict, LeafVerdict
from gradcheck_cli.judge.words import argument_gradient_name, listing
from gradcheck_cli.layers.layer import BackwardResult
from gradcheck_cli.report.model import Finding
from gradcheck_cli.witnesses.conduct.rearranged import Empty, Rearranged
from gradcheck_cli.witnesses.conduct.repeated import Repeated
from gradcheck_cli.witnesses.conduct.situations import Gradients

Parted = list[tuple[LeafVerdict, Apart]]


def outputs_part(
    verdict: DrawVerdict, seen: Rearranged, plain: Repeated, moves: Sequence[NDArray[np.float64]] = ()
) -> Apart | None:
    """Where the forward gives other outputs in this memory than in plain memory.

    `moves`: by output, how far roundings of the inputs move its elements, where known.
    """
    for one, other, own in zip_longest(plain.outputs, seen.outputs or (), moves):
        if one is None or other is None:
            continue
        size = float(np.max(np.abs(one), initial=0.0, where=np.isfinite(one)))
        allowed = evenly(4 * unmeasured_rounding([verdict.case.dtype]) * size)
        if own is not None and own.shape == one.shape:
            allowed = at_least(allowed, own)
        difference = apart(other, held_in(verdict.case.dtype, other, one), allowed)
        if difference is not None:
            return difference
    return None


def gradients_part(verdict: DrawVerdict, seen: Rearranged, plain: Gradients) -> Parted:
    """The leaves whose gradient is another one in this memory, and right in plain memory."""
    parted = []
    for leaf, got, wanted in zip(verdict.leaves, seen.gradients or (), plain):
        if got is None or wanted is None or leaf.findings or leaf.is_noise:
            continue
        difference = apart(got, held(leaf, got, wanted), 2 * rounding(leaf, wanted))
        if difference is not None:
            parted.append((leaf, difference))
    return parted


def wrong_forward(verdict: DrawVerdict, what: str, difference: Apart) -> Finding:
    """GC201 without an argument: it is the forward that reads memory in place of elements."""
    message = f"the forward gives other outputs where {what}: {difference.numbers}"
    return finding(verdict.case, "GC201", message, None, _MEND)


def wrong_gradients(verdict: DrawVerdict, what: str, parted: Parted) -> tuple[Finding, ...]:
    """GC201, one for all gradients that are right in plain memory only."""
    if not parted:
        return ()
    (leaf, difference), *rest = parted
    others = f"; so are {listing([other.received.name for other, _ in rest])}" if len(rest) > 1 else ""
    others = f"; so is `{rest[0][0].received.name}`" if len(rest) == 1 else others
    message = (
        f"`{leaf.received.name}` is wrong where {what}, and right where all arrays are contiguous: "
        f"{difference.numbers}{others}"
    )
    return (finding(verdict.case, "GC201", message, leaf.received.leaf.name, _MEND),)


def what_is(layout: str, *, arguments: bool, upstream: bool, verdict: DrawVerdict) -> str:
    """`the inputs are Fortran-ordered`."""
    dout = f"`{upstream_name(verdict.case)}`"
    if arguments and upstream:
        return f"the inputs and {dout} are {layout}"
    return f"the inputs are {layout}" if arguments else f"{dout} is {layout}"


def of_another_dtype(
    verdict: DrawVerdict,
    dtype: str,
    seen: Rearranged,
    plain: Gradients,
    terms: Sequence[NDArray[np.float64]] | None = None,
) -> tuple[Finding, ...]:
    """GC201 for gradients that an upstream gradient of another dtype changes by more than its rounding.

    `terms`: by leaf, the sizes of what each element is made of, where known: rounded, they may leave nothing.
    """
    found = []
    dtypes = [np.dtype(dtype), verdict.case.dtype]
    relative = 16 * unmeasured_rounding(dtypes)
    for position, (leaf, got, wanted) in enumerate(zip(verdict.leaves, seen.gradients or (), plain)):
        if got is None or wanted is None or leaf.findings or leaf.is_noise or got.shape != wanted.shape:
            continue
        scale = leaf.tolerance.scale if leaf.tolerance is not None else None
        size = float(np.max(np.abs(wanted), initial=0.0, where=np.isfinite(wanted)))
        if scale is not None and scale.size:
            size = max(size, float(np.max(scale, initial=0.0, where=np.isfinite(scale))))
        kept = held_in(np.dtype(dtype), got, held(leaf, got, wanted))
        allowed = evenly(relative * size) + rounding(leaf, wanted)
        if terms is not None and terms[position].shape == got.shape:
            allowed = at_least(allowed, ROUNDINGS * largest_epsilon(dtypes) * terms[position])
        difference = apart(got, kept, allowed)
        if difference is not None:
            where = f"where `{upstream_name(verdict.case)}` is {dtype}"
            message = f"`{leaf.received.name}` is wrong {where}: {difference.numbers}"
            mend = "allocate in the argument's dtype, not in the upstream gradient's"
            found.append(finding(verdict.case, "GC201", message, leaf.received.leaf.name, mend))
    return tuple(found)


def of_integers(verdict: DrawVerdict, backward: BackwardResult) -> tuple[str, ...]:
    """Notes on gradients of integer arguments: None, zeros and float0 are all right, and a number is not."""
    notes = []
    for name, value in verdict.case.arguments.items():
        gradient = backward.gradients.get(name)
        integer = getattr(getattr(value, "dtype", None), "kind", "") in "iu"
        kind = getattr(getattr(gradient, "dtype", None), "kind", "")
        if integer and name not in verdict.case.differentiable and kind in ("f", "c", "i", "u") and np.any(gradient):
            notes.append(
                f"`{argument_gradient_name(verdict.case.layer, name)}` is not zero, but `{name}` holds integers, which "
                "have no gradient."
            )
    return tuple(notes)


def on_an_empty_batch(verdict: DrawVerdict, seen: Empty) -> tuple[str, ...]:
    """Notes on a batch of zero: it is rarely meant, so that nothing here is a finding."""
    where = f"with an empty batch ({seen.dimension}=0)"
    if seen.rearranged.error is not None:
        return (f"{where} the forward runs and the backward does not.".capitalize(),)
    notes = []
    for leaf, value, got in zip(verdict.leaves, seen.case.leaves, seen.rearranged.gradients or ()):
        if got is None or leaf.findings:
            continue
        name = leaf.received.name
        if got.shape != value.value.shape:
            notes.append(f"W{where[1:]} `{name}` has the shape {got.shape}, not {value.value.shape}.")
        elif got.size and (not np.isfinite(got).all() or np.any(got)):
            notes.append(f"W{where[1:]} `{name}` is not zero: its sum over the batch has no terms.")
    return tuple(notes)


_MEND = (
    "do not write through `.reshape(-1)` or `.ravel()`, which copy such arrays, nor read their memory as if contiguous"
)
