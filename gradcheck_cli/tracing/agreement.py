"""Whether a trace has the values of the user's own forward; where it has not, the first line where they part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.layer import BoundLayer
from gradcheck_cli.tracing.forward import STEP_LIMIT, numpys_promotion, program, reference_leaves
from gradcheck_cli.tracing.recorder import Recorder, recording
from gradcheck_cli.tracing.trace import Trace, Untraceable

SHARE_OF_BITS = 0.75
"""Sums in another order differ by many roundings, a wrong trace in the leading digits: this share must agree."""

CONDITION_SAFETY = 4.0
"""Outputs may differ by this times how far they move where the inputs move by a rounding: so may its own rounding."""


def disagreement(
    trace: Trace,
    values: tuple[Any, ...],
    bound: BoundLayer,
    case: Case,
    files: frozenset[str],
    nearby: Callable[[], Sequence[Sequence[Any]]],
    terms: Callable[[], Sequence[Any] | None],
) -> Untraceable | None:
    """Why the traced program's outputs are not the forward's own; None where they agree to rounding.

    Args:
        values: the jaxpr's outputs at the case's inputs.
        bound, files: what the trace was made from, to find the line.
        nearby: the jaxpr's outputs at inputs that are off by roundings; asked only where some differ.
        terms: by output, the sizes of the terms that it is made of, where known; asked only where some still differ.
    """
    for position, (mine, theirs) in enumerate(zip(values, trace.outputs)):
        wrong = _wrong(np.asarray(mine), theirs, trace.narrowest)
        if wrong.any():
            wrong &= ~_rounding(np.asarray(mine), theirs, [outputs[position] for outputs in nearby()])
        if wrong.any() and (sizes := terms()) is not None:
            wrong &= ~(np.abs(np.asarray(mine) - theirs) <= _share(trace.narrowest) * np.asarray(sizes[position]))
        if wrong.any():
            at = _worst(np.asarray(mine), theirs, wrong)
            reason = (
                f"the traced forward gives {np.asarray(mine)[at]:.9g} where the forward itself gives {theirs[at]:.9g}"
                f"{f' (output element {list(at)})' if at else ''}"
            )
            path, line = (None, None) if trace.on_jax else where_they_part(trace, bound, case, files)
            return Untraceable(reason, path, line)
    return None


def where_they_part(
    trace: Trace, bound: BoundLayer, case: Case, files: frozenset[str]
) -> tuple[Path | None, int | None]:
    """The user's line that first makes a value whose tracer is something else; (None, None) where none is found."""
    recorder = Recorder(files, limit=STEP_LIMIT, values=[])
    run = program(bound, case, len(trace.outputs), on_jax=False)

    def everything(*leaves: Any) -> list[Any]:
        run(*leaves)
        return [tracer for tracer, _, _ in recorder.values or []]

    try:
        with recording(recorder), np.errstate(all="ignore"), numpys_promotion():
            found = jax.jit(everything)(*reference_leaves(case))
    except Exception:  # it was traced once; whatever is different now, no line is better than a wrong one
        return None, None
    for tracer, (_, value, place) in zip(found, recorder.values or []):
        if _wrong(np.asarray(tracer), value, trace.narrowest).any():
            return place
    return None, None


def _wrong(mine: NDArray[Any], theirs: NDArray[Any], narrowest: Any) -> NDArray[np.bool_]:
    same = (mine == theirs) | (np.isnan(mine) & np.isnan(theirs))
    scale = np.max(np.abs(theirs[np.isfinite(theirs)]), initial=0.0)
    # Relative to the output's scale, for elements that nearly cancel are as rough as the terms they are made of.
    allowed = _share(narrowest) * np.maximum(np.abs(theirs), scale)
    with np.errstate(invalid="ignore"):
        wrong: NDArray[np.bool_] = ~same & ~(np.abs(mine - theirs) <= allowed)
    return wrong


def _share(narrowest: Any) -> float:
    """Of the terms that an output is made of: how far it may lie off."""
    return float(2.0 ** (-SHARE_OF_BITS * int(jnp.finfo(narrowest).nmant)))


def _rounding(mine: NDArray[Any], theirs: NDArray[Any], nearby: Sequence[NDArray[Any]]) -> NDArray[np.bool_]:
    """Which elements differ by no more than what a rounding of the inputs does to this output."""
    with np.errstate(invalid="ignore"):
        moves = [np.max(np.abs(moved - mine), initial=0.0, where=np.isfinite(moved - mine)) for moved in nearby]
        rounding: NDArray[np.bool_] = np.abs(mine - theirs) <= CONDITION_SAFETY * max(moves, default=0.0)
    return rounding


def _worst(mine: NDArray[Any], theirs: NDArray[Any], wrong: NDArray[np.bool_]) -> tuple[int, ...]:
    with np.errstate(invalid="ignore"):
        size = np.where(wrong, np.nan_to_num(np.abs(mine - theirs), nan=np.inf), -1.0)
    return tuple(int(axis) for axis in np.unravel_index(int(np.argmax(size)), size.shape))
