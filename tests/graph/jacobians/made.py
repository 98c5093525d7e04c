"""Jacobians made by hand, for recognisers."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck_cli.graph.jacobians.seen import Named, Seen


def seen(matrix: Any, output: Any, argument: Any, **arrays: Any) -> Seen:
    """`z` by `x`, beside other arrays by name."""
    x = Named("x", np.asarray(argument, np.float64))
    others = tuple(Named(name, np.asarray(value, np.float64)) for name, value in arrays.items())
    return Seen(np.asarray(matrix, np.float64), Named("z", np.asarray(output, np.float64)), x, (x, *others))


def one_off(given: Seen, index: tuple[int, int] = (-1, -2)) -> Seen:
    """The same with one entry changed."""
    matrix = given.matrix.copy()
    matrix[index] += 1e-3 * max(1.0, given.scale)
    return Seen(matrix, given.output, given.argument, given.arrays, given.sizes)


def values(*shape: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Both signs, none near zero."""
    rng = np.random.default_rng(seed)
    return np.round(rng.uniform(0.2, 2.0, shape) * rng.choice([-1, 1], shape), 3)
