"""Traces of a network's uses: those of one kind are the same but for their values, and a few are made for all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.graph.networks.drawing import Forwarded
from gradcheck_cli.graph.networks.passing import Passed
from gradcheck_cli.layers.case import Case
from gradcheck_cli.tracing.forward import floating_leaves
from gradcheck_cli.tracing.trace import Trace, Untraceable


class Kinds:
    """Traces the uses of one draw; each by itself unless they `may_borrow`.

    A forward may take another way at other values. One that was the same program at both of the first is taken to be it
    further on, and lends its trace; that it is shows when it runs: its outputs are then the forward's own (`misfits`).
    """

    def __init__(self, traces: Traces, *, may_borrow: bool) -> None:
        self._traces = traces
        self._may_borrow = may_borrow
        self._first: dict[Any, Trace] = {}
        self._shared: dict[Any, Trace | None] = {}
        self._borrowed: set[int] = set()

    def trace(self, forwarded: Forwarded, position: int) -> Trace | Untraceable:
        """The trace of the use at `position`."""
        ran = forwarded.uses[position]
        key = _key(ran.case) if self._may_borrow else None
        if (shared := self._shared.get(key)) is not None:
            self._borrowed.add(position)
            return replace(shared, outputs=floating_leaves(ran.result.outputs))
        module = forwarded.network.node_of(forwarded.network.uses[position]).module
        traced = self._traces.trace(module, ran.case, ran.result)
        if key is not None and isinstance(traced, Trace):
            first = self._first.setdefault(key, traced)
            if first is not traced and key not in self._shared:  # compared once: their text is long
                self._shared[key] = first if _is_same(first, traced) else None
        return traced

    def misfits(self, passed: Passed) -> bool:
        """Whether some borrowed trace was another function than its use's forward."""
        return any(
            back is not None and back.local is None and at in self._borrowed for at, back in enumerate(passed.uses)
        )


def _key(case: Case) -> Any:
    """Equal for uses of one layer at arrays of the same shapes; None where other values might choose the way."""
    if set(case.arguments) - {leaf.argument for leaf in case.leaves}:
        return None
    shapes = tuple((leaf.argument, leaf.path, leaf.value.shape, str(leaf.value.dtype)) for leaf in case.leaves)
    return case.layer.bind, shapes


def _is_same(one: Trace, other: Trace) -> bool:
    first, second = one.jaxpr, other.jaxpr
    return (
        str(first.jaxpr) == str(second.jaxpr)
        and len(first.consts) == len(second.consts)
        and all(np.array_equal(a, b) for a, b in zip(first.consts, second.consts))
        and one.narrowest == other.narrowest
    )
