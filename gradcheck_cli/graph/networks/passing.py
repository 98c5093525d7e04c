"""The backward pass of a network: the user's backwards one after the other, and autodiff beside each.

At each layer two questions are asked of autodiff: what goes back for the upstream gradient that came in, the user's own
with whatever errors it has by then (the layer's own answer), and what would go back if every layer were right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError
from gradcheck_cli.graph.networks.drawing import Forwarded, Ran
from gradcheck_cli.graph.networks.pulling import pull_back
from gradcheck_cli.graph.networks.wires import Wires
from gradcheck_cli.layers.layer import BackwardResult, Convention
from gradcheck_cli.layers.leaves import at, is_floating, walk
from gradcheck_cli.layers.networks.network import Source
from gradcheck_cli.tracing.forward import reference_leaves
from gradcheck_cli.tracing.trace import Trace, Untraceable
from gradcheck_cli.witnesses.analytic import run_backward
from gradcheck_cli.witnesses.gradients import Upstream
from gradcheck_cli.witnesses.upstream import draw_upstream, upstream_from, widened

Array = NDArray[Any]


@dataclass(frozen=True)
class Back:
    """What one use of a layer handed back.

    Attributes:
        upstream: what came in.
        yours: the user's gradient by leaf of the use's case; None where nothing came back that has the right shape.
        local: autodiff's for the same upstream gradient; None where the layer cannot be traced, or its trace gives
            other outputs than the layer.
        whole: autodiff's of the whole network, every layer after this one right; None likewise.
        received: all that the backward returned or stored; None where it raised.
        error: what it raised.
    """

    upstream: Upstream
    yours: tuple[Array | None, ...]
    local: tuple[Array, ...] | None
    whole: tuple[Array, ...] | None
    received: BackwardResult | None = None
    error: UserError | None = None


@dataclass(frozen=True)
class Passed:
    """A backward pass.

    Attributes:
        uses: in the order of `Network.uses`; None where no gradient comes: nothing that the network gives depends on
            it.
        whole: what flows back along each wire by autodiff, summed over all uses of its value; floating leaves inside.
    """

    uses: tuple[Back | None, ...]
    whole: Mapping[Source, tuple[Array, ...]] = field(default_factory=dict)


def pass_back(forwarded: Forwarded, traces: Sequence[Trace | Untraceable], seed: int, *, device: str = "cpu") -> Passed:
    """Run every backward, last first, each with the upstream gradient that the ones after it hand back.

    Where a layer hands back nothing usable, autodiff's answer goes on in its place, so that those before it are still
    judged.

    Args:
        traces: of the uses' forwards.
        seed: of the upstream gradients of the network's outputs; a loss has 1.
    """
    network = forwarded.network
    yours, whole = Wires(), Wires()
    for number, source in enumerate(dict.fromkeys(network.outputs)):
        if source.use >= 0:
            start = _start(forwarded, source, seed + number)
            yours.add(source, start)
            whole.add(source, start)
    done: list[Back | None] = [None] * len(network.uses)
    for position in reversed(range(len(network.uses))):
        ran = forwarded.uses[position]
        if not yours.reach(position):
            continue
        back = _one(
            ran,
            yours.upstream(position, ran.result.outputs),
            whole.upstream(position, ran.result.outputs),
            traces[position],
            device,
        )
        done[position] = back
        count = range(len(ran.case.leaves))
        yours.hand_back(network.uses[position], ran.case, [_usable(ran, back, number) for number in count])
        whole.hand_back(network.uses[position], ran.case, [_right(ran, back, number) for number in count])
    return Passed(tuple(done), {source: tuple(values) for source, values in whole.sums.items()})


def _start(forwarded: Forwarded, source: Source, seed: int) -> list[Array]:
    ran = forwarded.uses[source.use]
    output = ran.result.outputs[source.output]
    # a number at the end is a loss: e depends on it as on itself
    unit = (np.ndim(output) == 0 and is_floating(output)) or ran.case.layer.convention is Convention.LOSS
    if unit:
        return [np.ones_like(widened(leaf)) for _, leaf in walk(output) if is_floating(leaf)]
    return list(draw_upstream(ran.case.layer, replace(ran.case, seed=seed), (output,)).flat)


def _one(ran: Ran, yours: list[Array], whole: list[Array], trace: Trace | Untraceable, device: str) -> Back:
    case, outputs = ran.case, ran.result.outputs
    upstream = upstream_from(case.layer, outputs, yours)
    local = exact = None
    if isinstance(trace, Trace):
        values, rows = pull_back(trace, reference_leaves(case), [upstream.flat, whole], device=device)
        local, exact = rows if _follows(trace, values) else (None, None)
    try:
        received = run_backward(ran.bound, case, ran.result, upstream).backward
    except UserError as error:
        return Back(upstream, (None,) * len(case.leaves), local, exact, error=error)
    found = tuple(_array(received.gradients.get(leaf.argument), leaf.path, leaf.value.shape) for leaf in case.leaves)
    return Back(upstream, found, local, exact, received)


FOLLOWS = 1e-3
"""A trace whose outputs are off by more, relative to the largest, is of another function: another branch, other random
numbers. What is off by less is judged where that matters."""


def _follows(trace: Trace, values: Sequence[Array]) -> bool:
    for own, value in zip(trace.outputs, values):
        with np.errstate(all="ignore"):
            size, off = np.max(np.abs(own), initial=0.0), np.max(np.abs(own - value), initial=0.0)
        if np.isfinite(own).all() and not off <= FOLLOWS * size:
            return False
    return True


def _array(gradient: Any, path: tuple[Any, ...], shape: tuple[int, ...]) -> Array | None:
    """A gradient as an array of this shape, float64; None where it is not one."""
    if gradient is None:
        return None
    try:
        array = np.asarray(at(gradient, path) if path else gradient)
    except Exception:
        return None
    if array.shape != shape or not (is_floating(array) or array.dtype.kind in "iu"):
        return None
    return np.array(widened(array))


def _usable(ran: Ran, back: Back, number: int) -> Array:
    mine = back.yours[number]
    if mine is not None:
        return mine
    return np.zeros_like(widened(ran.case.leaves[number].value)) if back.local is None else back.local[number]


def _right(ran: Ran, back: Back, number: int) -> Array:
    return _usable(ran, back, number) if back.whole is None else back.whole[number]
