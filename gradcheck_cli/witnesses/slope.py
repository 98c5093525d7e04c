"""The slopes of the user's own forward along one direction, at any inputs: three calls, and no error bar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import Leaf
from gradcheck_cli.layers.leaves import at, fresh, is_floating, rebuild, walk
from gradcheck_cli.witnesses.conduct.situations import Situations
from gradcheck_cli.witnesses.upstream import like, widened

STEP = 1e-5
"""Relative to the elements. One-sided differences of a smooth float64 function are right to about 1e-5 with it."""


def slopes(
    situations: Situations, arguments: Mapping[str, Any], leaf: Leaf, direction: NDArray[Any]
) -> tuple[float | complex, float | complex] | None:
    """d/dt of Σ g·f for t below and above 0; `leaf` of `arguments` moves by t·direction, g is the upstream gradient.

    They are two where the forward has a kink or a jump. None where it raises there.
    """

    def value(step: float) -> float | complex:
        def moved(path: Any, old: Any) -> Any:
            return like(old, widened(old) + step * direction) if path == leaf.path else fresh(old)

        given = {name: fresh(item) for name, item in arguments.items()}
        given[leaf.argument] = rebuild(arguments[leaf.argument], moved)
        outputs = situations.subject.bound.evaluate(given)
        floating = [widened(item) for _, item in walk(outputs) if is_floating(item)]
        total = sum(np.sum(one * other) for one, other in zip(floating, situations.subject.upstream.flat))
        return complex(total) if np.iscomplexobj(total) else float(total)

    try:
        here = value(0.0)
        return (here - value(-STEP)) / STEP, (value(STEP) - here) / STEP
    except UserError:
        return None


def direction_at(arguments: Mapping[str, Any], leaf: Leaf, seed: tuple[int, ...]) -> NDArray[Any]:
    """Random signs, one for each element of the leaf, times its size, or the mean size where that is more."""
    values = widened(at(arguments[leaf.argument], leaf.path))
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), values.shape)
    sizes = np.abs(values)
    direction: NDArray[Any] = signs * np.maximum(sizes, float(np.mean(sizes)) if np.any(sizes) else 1.0)
    return direction
