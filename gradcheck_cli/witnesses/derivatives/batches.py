"""A few rows of inputs around a case's own, and the user's backward on them: in one batch, and one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.layers.case import Case
from gradcheck_cli.witnesses.composed import ComposedBackward, Values

ROWS = 3
AWAY = 0.125
"""Up to this relative distance the rows lie from the case: other values, and legal wherever signs and sizes decide."""

STREAM = 0xBA
"""Sets this stage's random numbers apart from those of other stages under the same seed."""


@dataclass(frozen=True)
class Rows:
    """For each leaf and each cotangent an array: with a batch axis in front, or the case's own where it has none."""

    leaves: Values
    cotangents: Values
    batched: tuple[bool, ...]


def rows_of(backward: ComposedBackward, case: Case, which: Sequence[bool]) -> Rows:
    """Rows of leaves (those of `which`) and of all cotangents; the first row is the case itself."""
    import jax.numpy as jnp

    rng = np.random.default_rng((case.seed, case.draw, STREAM))
    leaves, cotangents = backward.values()

    def stack(value: Any) -> Any:
        factors = 1 + AWAY * (2 * rng.random((ROWS, *value.shape)) - 1)
        factors[0] = 1
        return (jnp.asarray(factors) * value).astype(value.dtype)

    return Rows(
        tuple(stack(leaf) if batched else leaf for leaf, batched in zip(leaves, which)),
        tuple(stack(cotangent) for cotangent in cotangents),
        tuple(which),
    )


def batched(backward: ComposedBackward, rows: Rows, which: Sequence[bool]) -> Values:
    """`jax.vmap` of the user's forward and backward.

    Raises:
        UserError: GC502, where the user's code raises; or what JAX raises where a step cannot be batched.
    """
    import jax

    axes = (tuple(0 if has_axis else None for has_axis in which), tuple(0 for _ in rows.cotangents))
    found: Values = jax.vmap(backward, in_axes=axes)(rows.leaves, rows.cotangents)
    return found


def one_by_one(backward: ComposedBackward, rows: Rows) -> Values:
    """The same row for row, stacked.

    Raises:
        UserError: GC502, where the user's code raises.
    """
    found = []
    for row in range(ROWS):
        leaves = tuple(leaf[row] if has_axis else leaf for leaf, has_axis in zip(rows.leaves, rows.batched))
        found.append(backward(leaves, tuple(cotangent[row] for cotangent in rows.cotangents)))
    return tuple(np.stack([np.asarray(gradients[at]) for gradients in found]) for at in range(len(rows.leaves)))
