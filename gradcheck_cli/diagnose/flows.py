"""The gradient of a forward with a factor on the derivative along each class of its edges, values untouched.

One reverse pass, written out over the trace's steps: what a step hands back to an operand is multiplied by the factor
of that edge. Many sets of factors go through it as one batch, so that what flows along each edge to all leaves is the
gradient with all factors one less the gradient with that factor zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.edges import Edge, Edges
from gradcheck_cli.graph.operations import is_elementwise_in
from gradcheck_cli.graph.steps import Step, Steps
from gradcheck_cli.graph.values import function_of, pull_back_of, value_of
from gradcheck_cli.witnesses.reference.compiling import compile_program

Array = NDArray[Any]

TOGETHER = 2**22
"""A batch takes at most so many values, over all steps: 32 MiB of them."""

MOST_ROWS = 64
"""Sets of factors in one batch."""


class Flows:
    """The compiled program for the trace of one case.

    Args:
        upstream: of the floating outputs, flattened as `Upstream.flat`.
    """

    def __init__(
        self, steps: Steps, edges: Edges, leaves: Sequence[Array], upstream: Sequence[Array], *, rows: int, device: str
    ) -> None:
        self._steps = steps
        self._classes = edges.classes
        self._scaled = {(edge.position, edge.operand): number for edge, number in _standing(edges).items()}
        self._wanted: dict[int, tuple[int, ...]] = {}
        for edge in edges.class_of:
            self._wanted[edge.position] = (*self._wanted.get(edge.position, ()), edge.operand)
        values = sum(int(np.prod(variable.aval.shape)) for step in steps.steps for variable in step.equation.outvars)
        values += sum(leaf.size for leaf in leaves)
        self._rows = max(1, min(rows, MOST_ROWS, TOGETHER // max(values, 1)))
        # constants are arguments: another draw's program is the same
        self._given = (list(steps.constants.values()), list(leaves), list(upstream))
        ones = np.ones((self._rows, self._classes))
        self._program = compile_program(self._gradients, (*self._given, ones), device)

    def gradients(self, factors: NDArray[np.float64]) -> tuple[Array, ...]:
        """By leaf, one gradient a row of `factors`, which has a column a class."""
        found: list[list[Array]] = []
        for start in range(0, len(factors), self._rows):
            part = factors[start : start + self._rows]
            filled = np.ones((self._rows, self._classes))
            filled[: len(part)] = part
            found.append([np.asarray(rows)[: len(part)] for rows in self._program(*self._given, filled)])
        return tuple(np.concatenate(parts) for parts in zip(*found))

    def _gradients(self, constants: Any, leaves: Any, upstream: Any, factors: Any) -> Any:
        steps = self._steps
        values: dict[int, Any] = dict(zip(steps.constants, constants))
        values.update(zip(steps.inputs, leaves))
        for step in steps.steps:
            operands = [value_of(operand, values) for operand in step.operands]
            values.update(zip(step.results, function_of(step)(*operands)))
        above: dict[int, Any] = {}
        for position, (operand, cotangent) in enumerate(zip(steps.outputs, upstream), len(steps.steps)):
            if operand.value is not None:
                rows = jnp.broadcast_to(cotangent, (self._rows, *cotangent.shape))
                add_to(above, operand.value, self._times(factors, position, 0, rows))
        for position in range(len(steps.steps) - 1, -1, -1):
            step = steps.steps[position]
            wanted = self._wanted.get(position)
            if wanted is None or not any(result in above for result in step.results):
                continue
            for k, rows in zip(wanted, handed_back(step, wanted, values, above, self._rows)):
                value = step.operands[k].value
                assert value is not None
                add_to(above, value, self._times(factors, position, k, rows))
        return [
            above.get(number, jnp.zeros((self._rows, *leaf.shape), leaf.dtype))
            for number, leaf in zip(steps.inputs, leaves)
        ]

    def _times(self, factors: Any, position: int, operand: int, rows: Any) -> Any:
        number = self._scaled.get((position, operand))
        return rows if number is None else rows * factors[:, number].reshape(-1, *[1] * (rows.ndim - 1))


def _standing(edges: Edges) -> dict[Edge, int]:
    """One edge of each class: a factor on it is a factor on all of the chain."""
    return {edge: number for number, edge in {number: edge for edge, number in edges.class_of.items()}.items()}


def handed_back(step: Step, wanted: Sequence[int], values: dict[int, Any], above: dict[int, Any], rows: int) -> Any:
    """What the step hands back to each wanted operand, in each row."""
    operands = [value_of(operand, values) for operand in step.operands]
    pull_back = pull_back_of(function_of(step), operands, wanted)
    cotangents = []
    for number in step.results:
        value = values[number]
        if jnp.issubdtype(value.dtype, jnp.inexact):
            cotangents.append(above.get(number, jnp.zeros((rows, *value.shape), value.dtype)).astype(value.dtype))
    found = jax.vmap(pull_back)(cotangents)
    (only,) = cotangents if len(cotangents) == 1 else (None,)
    return [
        jnp.where(only == 0, 0.0, back).astype(back.dtype) if only is not None and _may_be_infinite(step, k) else back
        for k, back in zip(wanted, found)
    ]


STEADY = frozenset({"add", "sub", "neg", "copy", "convert_element_type", "stop_gradient"})
"""Steps whose derivative is finite, whatever they work on."""


def _may_be_infinite(step: Step, k: int) -> bool:
    """Whether a step works number by number, and what it hands back where nothing arrives may be 0 · ∞.

    The logarithm of no chance at all has an infinite slope, and stands in a sum to which it adds nothing.
    """
    return step.equation.primitive.name not in STEADY and is_elementwise_in(step, k)


def add_to(above: dict[int, Any], value: Any, rows: Any) -> None:
    """Add what flows back to a value, in each row."""
    above[value] = above[value] + rows if value in above else rows
