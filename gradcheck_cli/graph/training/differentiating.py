"""The gradients of a network's loss by its parameters: by the user's backwards, and by autodiff."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.graph.networks.drawing import Forwarded, Ran
from gradcheck_cli.graph.networks.passing import pass_back
from gradcheck_cli.graph.networks.pulling import pull_back
from gradcheck_cli.graph.networks.wires import Wires
from gradcheck_cli.graph.training.parameters import Array
from gradcheck_cli.layers.leaves import walk
from gradcheck_cli.layers.precision import epsilon
from gradcheck_cli.tracing.forward import floating_leaves, reference_leaves
from gradcheck_cli.tracing.trace import Trace, Untraceable
from gradcheck_cli.witnesses.upstream import widened

ByUse = Sequence[Sequence[Array | None] | None]
"""For each use of a layer the gradients of its leaves; None where no gradient comes to it."""

_NOT_TRACED = Untraceable("the user's backward alone is asked for")

AGREES = 1e3
"""Roundings within which a trace that was made at other values gives the forward's own outputs."""


class Tracer(Protocol):
    """Gives the traces of a network's forwards."""

    def trace(self, position: int, ran: Ran, *, anew: bool = False) -> tuple[Trace | Untraceable, bool]:
        """The trace of one use, and whether it was made at other values; `anew`: it must not be."""


def by_hand(forwarded: Forwarded) -> ByUse:
    """By the user's backwards, one after the other, errors and all.

    Raises:
        UserError: what a backward raises.
    """
    passed = pass_back(forwarded, [_NOT_TRACED] * len(forwarded.uses), 0)
    for back in reversed(passed.uses):
        if back is not None and back.error is not None:
            raise back.error
    return [None if back is None else back.yours for back in passed.uses]


def by_autodiff(forwarded: Forwarded, tracer: Tracer, *, device: str = "cpu") -> ByUse:
    """By autodiff of every layer's forward; the network's outputs are losses.

    Raises:
        UserError: for a layer that cannot be traced.
    """
    network = forwarded.network
    wires = Wires()
    for source in network.outputs:
        wires.add(source, [np.ones_like(widened(leaf)) for _, leaf in walk(forwarded.value(source))])
    found: list[Sequence[Array] | None] = [None] * len(network.uses)
    for position in reversed(range(len(network.uses))):
        if not wires.reach(position):
            continue
        ran = forwarded.uses[position]
        upstream = wires.upstream(position, ran.result.outputs)
        gradients = found[position] = _pulled(forwarded, position, tracer, upstream, device)
        wires.hand_back(network.uses[position], ran.case, gradients)
    return found


def _pulled(
    forwarded: Forwarded, position: int, tracer: Tracer, upstream: list[Array], device: str
) -> tuple[Array, ...]:
    ran = forwarded.uses[position]
    leaves = reference_leaves(ran.case)
    for anew in (False, True):
        trace, is_reused = tracer.trace(position, ran, anew=anew)
        if isinstance(trace, Untraceable):
            use = forwarded.network.uses[position]
            raise UserError(
                f"`{use.name}` cannot be traced, so that there is no gradient by autodiff: {trace.reason}",
                path=trace.path or ran.case.layer.path,
                line=trace.line or ran.case.layer.forward_line,
                mend="write the step with NumPy's or JAX's functions",
            )
        outputs, rows = pull_back(trace, leaves, [upstream], device=device)
        if not is_reused or _are_close(outputs, floating_leaves(ran.result.outputs), trace):
            break
    return rows[0]


def _are_close(traced: Sequence[Array], own: Sequence[Array], trace: Trace) -> bool:
    allowed = AGREES * epsilon(trace.narrowest)
    for mine, other in zip(traced, own):
        size = np.max(np.abs(other), initial=0.0)
        if not np.all(np.abs(mine - other) <= allowed * size):
            return False
    return True


def broken(by_use: ByUse) -> int | None:
    """The first use on the way back that hands back something that is not finite; None where none does."""
    for position in reversed(range(len(by_use))):
        rows = by_use[position]
        if rows is not None and any(row is not None and not np.isfinite(row).all() for row in rows):
            return position
    return None


def narrowest(traces: Sequence[Any]) -> float:
    """One rounding of the narrowest dtype that any of the traced layers computes in."""
    return max(
        (epsilon(trace.narrowest) for trace in traces if isinstance(trace, Trace)), default=epsilon(np.dtype(float))
    )
