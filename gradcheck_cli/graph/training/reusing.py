"""Traces that hold at other values too: a training step need not follow every forward anew.

The trace of a NumPy forward holds where it was made: what the forward looked at (`x > 0`, an index) is a constant in
it. A forward that looks at nothing has the same trace everywhere. Whether it does is found out by tracing it once more
at quite other values (the same ones in another order, with other signs): same text, same constants? Wherever such a
trace is used again, its outputs are compared with the forward's own (`differentiating`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.graph.networks.drawing import Ran
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.inputs.extremes import with_values
from gradcheck_cli.layers.leaves import walk
from gradcheck_cli.tracing.trace import Trace, Untraceable
from gradcheck_cli.witnesses.analytic import run_forward

REMEMBERED = 256
"""Traces that are kept: of each layer, and of each batch of labels."""

Traced = Trace | Untraceable


class ReusedTraces:
    """Traces the uses of a network's layers, anew only where that may make a difference.

    Args:
        trace: traces one use.
    """

    def __init__(self, trace: Callable[[int, Ran], Traced]) -> None:
        self._trace = trace
        self._steady: OrderedDict[Any, Trace] = OrderedDict()
        self._looked_at: dict[Any, bool] = {}
        self.followed = 0
        """How many forwards were traced."""

    def trace(self, position: int, ran: Ran, *, anew: bool = False) -> tuple[Traced, bool]:
        """The trace of one use, and whether it was made at other values; `anew`: it must not be."""
        key = _key(ran.case)
        if not anew and (known := self._steady.get(key)) is not None:
            self._steady.move_to_end(key)
            return known, True
        found = self._followed(position, ran)
        if anew:
            self._steady.pop(key, None)
            self._looked_at[key[:2]] = True
        elif isinstance(found, Trace) and not self._looks_at_values(position, ran, found, key[:2]):
            self._steady[key] = found
            if len(self._steady) > REMEMBERED:
                self._steady.popitem(last=False)
        return found, False

    def _followed(self, position: int, ran: Ran) -> Traced:
        self.followed += 1
        return self._trace(position, ran)

    def _looks_at_values(self, position: int, ran: Ran, found: Trace, key: Any) -> bool:
        if key not in self._looked_at:
            self._looked_at[key] = not self._is_same_elsewhere(position, ran, found)
        return self._looked_at[key]

    def _is_same_elsewhere(self, position: int, ran: Ran, found: Trace) -> bool:
        try:
            case = _elsewhere(ran.case)
            other = self._followed(position, Ran(ran.bound, case, run_forward(ran.bound, case)))
        except UserError:
            return False
        return isinstance(other, Trace) and _are_alike(found, other)


def _elsewhere(case: Case) -> Case:
    """The case with the elements of each array in another order and with other signs."""
    rng = np.random.default_rng(0)
    values = {}
    for leaf in case.leaves:
        shuffled = rng.permutation(leaf.value.reshape(-1)).reshape(leaf.value.shape)
        values[leaf.argument, leaf.path] = shuffled * rng.choice([-1.5, 1.5], leaf.value.shape) + rng.choice(
            [-0.5, 0.5]
        )
    return with_values(case, values)


def _are_alike(one: Trace, other: Trace) -> bool:
    if f"{one.jaxpr.jaxpr}" != f"{other.jaxpr.jaxpr}" or len(one.jaxpr.consts) != len(other.jaxpr.consts):
        return False
    pairs = zip(one.jaxpr.consts, other.jaxpr.consts)
    return all(np.array_equal(np.asarray(mine), np.asarray(its), equal_nan=True) for mine, its in pairs)


def _key(case: Case) -> tuple[Any, Any, Any]:
    """The layer, the shapes of what is differentiated, and all other arguments: labels, settings."""
    inside = {(leaf.argument, leaf.path) for leaf in case.leaves}
    rest = tuple(
        (name, path, _digest(leaf))
        for name, value in case.arguments.items()
        for path, leaf in walk(value)
        if (name, path) not in inside
    )
    shapes = tuple((leaf.name, leaf.value.shape, str(leaf.value.dtype)) for leaf in case.leaves)
    # by its `bind`, which is one object for each layer: a layer of the same name may be another one
    return id(case.layer.bind), shapes, rest


def _digest(value: Any) -> Any:
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        array = np.asarray(value)
        return array.shape, str(array.dtype), array.tobytes() if array.dtype.kind in "biuf" else repr(array)
    return repr(value)
