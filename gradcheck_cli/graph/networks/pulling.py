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
) -> list[tuple[NDArray[Any], ...]]:
    """For each of several upstream gradients the gradients of the trace's inputs, float64 (complex128).

    Layers of one kind share one program: the text of their traces is the same, and constants are its arguments.
    """
    return values_and_pull_back(trace, leaves, upstreams, device=device)[1]


def values_and_pull_back(
    trace: Trace, leaves: Sequence[Any], upstreams: Sequence[Sequence[NDArray[Any]]], *, device: str = "cpu"
) -> tuple[tuple[NDArray[Any], ...], list[tuple[NDArray[Any], ...]]]:
    """The same, after the trace's own outputs at these leaves."""
    key = (id(trace.jaxpr), device, len(upstreams))
    held = _prepared.get(key)
    known = held if held is not None and held.jaxpr is trace.jaxpr else None
    closed = shared(trace.jaxpr) if known is None else known.closed
    constants = [np.asarray(constant) for constant in closed.consts] if known is None else known.constants
    values = [np.asarray(leaf).astype(aval.dtype, copy=False) for leaf, aval in zip(leaves, closed.in_avals)]
    stacks = [
        np.stack([np.asarray(upstream[position]).astype(aval.dtype) for upstream in upstreams])
        for position, aval in enumerate(closed.out_avals)
    ]
    if not values or not stacks:
        return (), [tuple(np.zeros(aval.shape) for aval in closed.in_avals) for _ in upstreams]
    if known is None:
        program = _program(closed, (constants, values, stacks), device)
        known = _prepared[key] = _Prepared(trace.jaxpr, closed, constants, program)
        if len(_prepared) > REMEMBERED:
            _prepared.popitem(last=False)
    outputs, stacked = known.program(constants, values, stacks)
    rows = [widened(stack) for stack in stacked]
    each = [tuple(row[number] for row in rows) for number in range(len(upstreams))]
    return tuple(widened(output) for output in outputs), each


def _program(closed: Any, arguments: Any, device: str) -> Any:
    text = f"{closed.jaxpr}"
    key = (device, text, len(arguments[2][0]))
    if key in _programs:
        _programs.move_to_end(key)
        return _programs[key]
    program = compile_program(_rows(closed.jaxpr), arguments, device)
    if "call[" not in text and "callback" not in text:  # custom rules and callbacks show less than what they are
        _programs[key] = program
        if len(_programs) > REMEMBERED:
            _programs.popitem(last=False)
    return program


def _rows(jaxpr: Any) -> Any:
    def rows(constants: Any, values: Any, stacks: Any) -> Any:
        import jax
        from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

        function = jaxpr_as_fun(ClosedJaxpr(jaxpr, list(constants)))
        outputs, vjp = jax.vjp(function, *values)
        if all(len(stack) == 1 for stack in stacks):
            return outputs, [gradient[None] for gradient in vjp([stack[0] for stack in stacks])]
        try:
            return outputs, list(jax.vmap(vjp)(stacks))
        except NotImplementedError:  # a step that cannot be batched
            each = [vjp([stack[row] for stack in stacks]) for row in range(len(stacks[0]))]
            return outputs, [jax.numpy.stack(gradients) for gradients in zip(*each)]

    return rows
