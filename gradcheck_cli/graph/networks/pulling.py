"""Autodiff of one layer inside a network: several upstream gradients pulled back at once, compiled once a kind."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.reference.compiling import compile_program
from gradcheck_cli.witnesses.reference.shared_steps import shared
from gradcheck_cli.witnesses.upstream import widened

REMEMBERED = 64

_programs: OrderedDict[tuple[str, str, int], Any] = OrderedDict()
_prepared: OrderedDict[tuple[int, str, int], _Prepared] = OrderedDict()


@dataclass(frozen=True)
class _Prepared:
    """A trace on its way into a program, for those that come again: `jaxpr` is held so that its id stays its own."""

    jaxpr: Any
    closed: Any
    constants: list[NDArray[Any]]
    program: Any


def pull_back(
    trace: Trace, leaves: Sequence[Any], upstreams: Sequence[Sequence[NDArray[Any]]], *, device: str = "cpu"
) -> tuple[tuple[NDArray[Any], ...], list[tuple[NDArray[Any], ...]]]:
    """The trace's outputs, and for each of several upstream gradients the gradients of its inputs, in float64.

    Layers of one kind share one program: the text of their traces is the same, and constants are its arguments.
    """
    key = (id(trace.jaxpr), device, len(upstreams))
    held = _prepared.get(key)
    known = held if held is not None and held.jaxpr is trace.jaxpr else None
    closed = shared(trace.jaxpr) if known is None else known.closed
    constants = [np.asarray(constant) for constant in closed.consts] if known is None else known.constants
    values = [np.asarray(leaf).astype(aval.dtype, copy=False) for leaf, aval in zip(leaves, closed.in_avals)]
    rows = [
        [np.asarray(value).astype(aval.dtype, copy=False) for value, aval in zip(upstream, closed.out_avals)]
        for upstream in upstreams
    ]
    if not values or not closed.out_avals:
        return (), [tuple(np.zeros(aval.shape) for aval in closed.in_avals) for _ in upstreams]
    if known is None:
        program = _program(closed, (constants, values, rows), device)
        known = _prepared[key] = _Prepared(trace.jaxpr, closed, constants, program)
        if len(_prepared) > REMEMBERED:
            _prepared.popitem(last=False)
    outputs, pulled = known.program(constants, values, rows)
    return tuple(map(widened, outputs)), [tuple(map(widened, gradients)) for gradients in pulled]


def _program(closed: Any, arguments: Any, device: str) -> Any:
    text = f"{closed.jaxpr}"
    key = (device, text, len(arguments[2]))
    if key in _programs:
        _programs.move_to_end(key)
        return _programs[key]
    program = compile_program(_pulled(closed.jaxpr), arguments, device)
    if "call[" not in text and "callback" not in text:  # custom rules and callbacks show less than what they are
        _programs[key] = program
        if len(_programs) > REMEMBERED:
            _programs.popitem(last=False)
    return program


def _pulled(jaxpr: Any) -> Any:
    def pulled(constants: Any, values: Any, rows: Any) -> Any:
        import jax
        from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

        outputs, vjp = jax.vjp(jaxpr_as_fun(ClosedJaxpr(jaxpr, list(constants))), *values)
        # one after the other: as one batch, products of large matrices take twice as long
        return list(outputs), [list(vjp(list(row))) for row in rows]

    return pulled
