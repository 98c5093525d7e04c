"""The slope of the user's own forward along one direction, at any inputs: two calls, and no error bar."""

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
"""Central differences of a smooth float64 function are right to about 1e-10 with it; far more than is asked here."""


def slope(
    situations: Situations, arguments: Mapping[str, Any], leaf: Leaf, direction: NDArray[Any]
) -> float | complex | None:
    """d/dt of Σ g·f at t = 0; `leaf` of `arguments` moves by t·direction, g is the subject's upstream gradient.

    None where the forward raises there.
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
        return (value(STEP) - value(-STEP)) / (2 * STEP)
    except UserError:
        return None


def direction_at(arguments: Mapping[str, Any], leaf: Leaf, seed: tuple[int, ...]) -> NDArray[Any]:
    """Random signs, one for each element of the leaf, times its size where that is more than one."""
    values = widened(at(arguments[leaf.argument], leaf.path))
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), values.shape)
    direction: NDArray[Any] = signs * np.maximum(np.abs(values), 1.0)
    return direction
