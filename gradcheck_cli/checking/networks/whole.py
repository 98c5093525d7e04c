"""The third witness for a whole network: its forwards, one after the other, as a function of all that goes in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.graph.networks.drawing import Forwarded, once_more
from gradcheck_cli.graph.networks.passing import Passed
from gradcheck_cli.layers.case import Case, Leaf
from gradcheck_cli.layers.leaves import fresh, is_floating, rebuild, walk
from gradcheck_cli.layers.networks.network import Source
from gradcheck_cli.layers.precision import epsilon
from gradcheck_cli.witnesses.differences.differencer import Differencer
from gradcheck_cli.witnesses.gradients import Upstream
from gradcheck_cli.witnesses.upstream import widened

Array = NDArray[Any]


@dataclass(frozen=True)
class Entry:
    """An array that goes into the network: `x`, or a layer's parameter `fc.w`.

    Attributes:
        places: the leaves that it is, as (use, position among that use's leaves); a shared parameter is several.
        source: the network's input that it is; None for a parameter.
        gradient_name: what its layer calls the gradient.
    """

    leaf: Leaf
    places: tuple[tuple[int, int], ...]
    source: Source | None
    gradient_name: str


def entries(forwarded: Forwarded) -> tuple[Entry, ...]:
    """All floating arrays that go in: the network's inputs, then each layer's parameters."""
    network = forwarded.network
    found: dict[tuple[str, str, tuple[Any, ...]], Entry] = {}
    for position, (use, ran) in enumerate(zip(network.uses, forwarded.uses)):
        names = {argument.name: argument.gradient_name for argument in ran.case.layer.arguments}
        for number, leaf in enumerate(ran.case.leaves):
            source = use.sources.get(leaf.argument)
            if source is not None and source.use >= 0:
                continue
            inside = leaf.name[len(leaf.argument) :]
            node = network.node_of(use).name
            if source is None:
                key, title = (node, leaf.argument, leaf.path), f"{node}.{leaf.name}"
            else:
                key, title = ("", source.input, leaf.path), source.input + inside
            if key in found:
                found[key] = replace(found[key], places=(*found[key].places, (position, number)))
                continue
            own = (names.get(leaf.argument) or f"d{leaf.argument}") + inside
            called = f"{node}.{own.removeprefix('self.')}" if source is None else f"d{title}"
            found[key] = Entry(
                replace(leaf, name=title, argument=title, path=()), ((position, number),), source, called
            )
    inputs = [entry for entry in found.values() if entry.source is not None]
    return (*inputs, *(entry for entry in found.values() if entry.source is None))


def gradients(passed: Passed, entry: Entry) -> tuple[Array | None, Array | None]:
    """The network's gradient of an entry, summed over its uses: yours, and autodiff's of the whole."""
    yours: Array | None = None
    whole: Array | None = None
    for use, number in entry.places:
        back = passed.uses[use]
        if back is None:
            continue
        mine = back.yours[number]
        if mine is None:
            mine = None if back.local is None else np.zeros_like(back.local[number])
        yours = mine if yours is None else yours if mine is None else yours + mine
        if back.whole is not None:
            whole = back.whole[number] if whole is None else whole + back.whole[number]
    return yours, whole


@dataclass(frozen=True)
class Slope:
    """The derivative along one random direction of all that goes in."""

    autodiff: float
    difference: float
    bar: float
    size: float
    rounding: float

    @property
    def agrees(self) -> bool:
        """Whether autodiff is within the error bar, or off by no more than rounding."""
        return abs(self.autodiff - self.difference) <= self.bar + max(MATERIAL, self.rounding) * self.size


LARGE = 300_000
"""Elements that go in above which finite differences of the whole are not taken."""

MATERIAL = 1e-6
"""A share of the slope's size that is no contradiction: error bars of a long composition are estimates, too."""

ROUNDINGS = 64
"""Of the values between the layers, which autodiff has as they were, and finite differences in float64."""


def slope(forwarded: Forwarded, passed: Passed, going_in: Sequence[Entry], most: int) -> Slope | None:
    """Along a random direction; None where autodiff does not reach all of it, the network does not run there, or is
    large: a few dozen forwards are then more than all the rest."""
    network = forwarded.network
    if sum(entry.leaf.value.size for entry in going_in) > LARGE:
        return None
    wholes = [gradients(passed, entry)[1] for entry in going_in]
    if not going_in or any(whole is None for whole in wholes):
        return None
    upstream = upstream_of_whole(forwarded, passed)
    if upstream is None:
        return None
    case = case_of_whole(forwarded, going_in)
    try:
        differencer = Differencer(evaluator_of_whole(forwarded, going_in), case, upstream, max_evals=most)
        found = differencer.directional(1)[0]
    except Exception:  # the user's forwards, at inputs nearby
        return None
    parts = [part * whole for part, whole in zip(found.direction, wholes) if whole is not None]
    total = sum(float(np.real(np.sum(part))) for part in parts)
    size = float(np.sqrt(sum(float(np.sum(np.abs(part) ** 2)) for part in parts)))
    value = found.difference.value
    narrowest = max(epsilon(leaf.value.dtype) for ran in forwarded.uses for leaf in ran.case.leaves)
    rounding = ROUNDINGS * narrowest * len(network.uses)
    return Slope(total, float(np.real(value)), found.difference.error, size, rounding)


def upstream_of_whole(forwarded: Forwarded, passed: Passed) -> Upstream | None:
    """The upstream gradients of all outputs; None where an output is used inside the network, too."""
    network = forwarded.network
    if any(network.users(source) for source in network.outputs):
        return None
    starts = [passed.whole[source] for source in dict.fromkeys(network.outputs) if source in passed.whole]
    # what flows back along an output's own wire began as the network's upstream gradient
    return Upstream((), tuple(np.asarray(each) for start in starts for each in start))


def case_of_whole(forwarded: Forwarded, going_in: Sequence[Entry]) -> Case:
    """All that goes in, as the inputs of one function."""
    first = forwarded.uses[0].case
    return Case(
        layer=first.layer,
        draw=first.draw,
        seed=first.seed,
        arguments={},
        leaves=tuple(entry.leaf for entry in going_in),
        differentiable=tuple(entry.leaf.name for entry in going_in),
        dimensions={},
    )


def evaluator_of_whole(
    forwarded: Forwarded, going_in: Sequence[Entry]
) -> Callable[[tuple[Array, ...]], tuple[Array, ...]]:
    """The network as a function of all that goes in: its forwards, one after the other, to its outputs."""
    network = forwarded.network
    places = {place: number for number, entry in enumerate(going_in) for place in entry.places}

    def evaluate(leaves: tuple[Array, ...]) -> tuple[Array, ...]:
        outputs: list[tuple[Any, ...]] = []
        first: dict[int, Any] = {}
        for position, (use, ran) in enumerate(zip(network.uses, forwarded.uses)):
            values = {
                (leaf.argument, leaf.path): leaves[places[position, number]]
                for number, leaf in enumerate(ran.case.leaves)
                if (position, number) in places
            }
            arguments: dict[str, Any] = {}
            for name, value in ran.case.arguments.items():
                source = use.sources.get(name)
                if source is not None and source.use >= 0:
                    arguments[name] = fresh(outputs[source.use][source.output])
                else:
                    arguments[name] = rebuild(fresh(value), _put(name, values))
            if use.node in first:
                result = once_more(ran.bound, first[use.node], arguments)
            else:
                result = ran.bound.forward(arguments)
                first.setdefault(use.node, result)
            outputs.append(result.outputs)
        return tuple(
            np.array(widened(leaf))
            for source in dict.fromkeys(network.outputs)
            for _, leaf in walk(outputs[source.use][source.output])
            if is_floating(leaf)
        )

    return evaluate


def _put(name: str, values: Mapping[tuple[str, tuple[Any, ...]], Array]) -> Callable[[Any, Any], Any]:
    def put(path: Any, old: Any) -> Any:
        if (name, path) not in values:
            return old
        value = values[name, path]
        if isinstance(old, np.ndarray):
            return value.copy()
        if isinstance(old, float | complex) and not isinstance(old, np.generic):
            return type(old)(value[()])
        if isinstance(old, np.generic):
            return value[()]
        import jax.numpy as jnp

        return jnp.asarray(value)

    return put
