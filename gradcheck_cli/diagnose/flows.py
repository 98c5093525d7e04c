"""What a step of a forward hands back to its operands, in many rows at once: each is one gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from gradcheck_cli.graph.operations import is_elementwise_in
from gradcheck_cli.graph.steps import Step
from gradcheck_cli.graph.values import function_of, pull_back_of, value_of

TOGETHER = 2**21
"""A batch takes at most so many values, over all steps: 16 MiB of them."""

MOST_ROWS = 64
"""Gradients in one batch."""

MOST_WORK = 2**31
"""Values that one search may compute, over all steps and rows: some ten seconds."""


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
