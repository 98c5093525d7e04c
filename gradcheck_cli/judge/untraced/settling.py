"""One leaf after its suspicious elements were looked into: what is wrong in it, and what stays open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.judge.dimensions.receiving import Received
from gradcheck_cli.judge.elements import compare
from gradcheck_cli.judge.evidence.differencer import Place
from gradcheck_cli.judge.evidence.table import TELLING, Verdict
from gradcheck_cli.judge.kinks.joint import Fault
from gradcheck_cli.judge.kinks.words import accepted_text, jump_text, remarks, several_text
from gradcheck_cli.judge.leaf import Judged, scalar
from gradcheck_cli.judge.untraced.looking import Looked
from gradcheck_cli.judge.untraced.reference import Reference, noisy
from gradcheck_cli.judge.verdict import DIFFERENCES
from gradcheck_cli.judge.words import index_text, number, plural


def settle(looked: Looked, wrong_together: Mapping[Place, Fault]) -> Judged:
    """One leaf's values, held against its finite differences and its kinks."""
    reference, yours = looked.reference, looked.yours
    values, bars = reference.values.copy(), reference.bars.copy()
    jumps = []
    for at, verdict in looked.verdicts.items():
        slopes, mine = looked.slopes.get(at), scalar(yours, at)
        fault = wrong_together.get(looked.place(at))
        if verdict in (Verdict.UNKNOWN, Verdict.JUMP) or (fault is not None and fault.several):
            values.reshape(-1)[at] = np.nan
            jumps.extend([at] if verdict is Verdict.JUMP else [])
        elif fault is not None:
            values.reshape(-1)[at] = mine - fault.excess / len(fault.places)
            bars.reshape(-1)[at] = 0.0
        elif slopes is not None:
            values.reshape(-1)[at] = slopes.nearest(float(np.real(mine)))
            bars.reshape(-1)[at] = slopes.error
    comparison = looked.comparison
    if looked.verdicts:
        comparison = compare(yours, values, reference.tolerance, bars)
    why = _why(looked.received, yours, reference, values, bars)
    name = looked.received.name
    if jumps:
        at = jumps[0]
        why = jump_text(name, looked.place(at), looked.slopes[at], len(jumps), scalar(yours, at))
    undecided = [at for at in looked.verdicts if not np.isfinite(values.reshape(-1)[at])]
    if not jumps and any(_several(looked, at, wrong_together) for at in undecided):
        why = several_text(name)
    faulted = {at: wrong_together[looked.place(at)] for at in looked.verdicts if looked.place(at) in wrong_together}
    met = [at for at, verdict in looked.verdicts.items() if verdict is Verdict.KINK and at not in faulted]
    return Judged(
        looked.position,
        looked.received,
        None,
        values,
        bars,
        reference.tolerance,
        comparison,
        DIFFERENCES,
        why,
        accepted_text(name, [(looked.place(at)[1], looked.slopes[at], float(yours.reshape(-1)[at])) for at in met]),
        _notes(looked.received, reference),
        remarks(looked.slopes, faulted, comparison.wrong.tolist()),
    )


def _several(looked: Looked, at: int, wrong_together: Mapping[Place, Fault]) -> bool:
    """Whether several kinks meet inside one output there."""
    found, fault = looked.slopes.get(at), wrong_together.get(looked.place(at))
    return (found is not None and found.several) or (fault is not None and fault.several)


def _why(
    received: Received,
    yours: NDArray[Any],
    reference: Reference,
    values: NDArray[Any],
    bars: NDArray[np.float64],
) -> str:
    """Why the finite differences that were taken do not decide; "" where they do."""
    lost = reference.seen & ~np.isfinite(values)
    if lost.any():
        index = tuple(int(axis) for axis in np.argwhere(lost)[0])
        where = index_text(index) or "its one element"
        count = plural(int(lost.sum()), "element")
        return f"finite differences do not settle in {count} of `{received.name}`, first at {where}"
    unclear = noisy(yours, reference, values, bars)
    if unclear.sum() * 2 > reference.seen.sum():
        bar = number(float(np.median(bars[unclear])), 2)
        return (
            f"the forward is too noisy for finite differences: in {plural(int(unclear.sum()), 'element')} of "
            f"`{received.name}` the error bar (typically {bar}) is above {TELLING:g} of the gradient"
        )
    if not reference.seen.any() and values.size:
        return f"no finite difference of `{received.name}` was taken, and autodiff is missing"
    return ""


def _notes(received: Received, reference: Reference) -> tuple[str, ...]:
    unseen = int(reference.seen.size - reference.seen.sum())
    if not unseen:
        return ()
    return (
        f"{unseen:,} of {plural(reference.seen.size, 'element')} of `{received.name}` were not checked one by one "
        "(`--max-evals`), only together along random directions.",
    )
