"""What each unknown number of a site adds to the gradients: the equations that it is solved from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.gates.case import GateCase
from gradcheck_cli.diagnose.gates.derivatives import derivative_of
from gradcheck_cli.diagnose.recovery.operands import other_operand
from gradcheck_cli.diagnose.recovery.sites import Site, What
from gradcheck_cli.diagnose.recovery.spreading import spread_of

Array = NDArray[Any]


@dataclass(frozen=True)
class Model:
    """What each unknown of a site adds to the leaves' gradients, by upstream gradient.

    Attributes:
        right: the right numbers, in a row: ones, local derivatives, the operand.
        counts: which of the unknowns make any difference.
        is_shared: each part has the same unknowns; else each has its own.
    """

    right: Array
    parts: tuple[Part, ...]
    counts: NDArray[np.bool_]
    is_shared: bool


@dataclass(frozen=True)
class Part:
    """One turn: the gradients that arrive, how they are spread over the targets, and what those come to in the leaves.

    Attributes:
        above: (upstream gradients, elements of the result).
        spread: (upstream gradients, unknowns, elements of the target); None where unknown i multiplies `above` i.
        ways: (elements of the target, elements of the leaves).
        to: for each of those unknowns the element of the target; None with `spread`.
    """

    above: Array
    ways: Array
    spread: Array | None = None
    to: NDArray[np.intp] | None = None


def model_of(
    site: Site, case: GateCase, arriving: Mapping[int, Array], ways: Callable[[Sequence[int]], list[Array] | None]
) -> Model | None:
    """None where nothing arrives, what is there is not real, or it is too much to ask for.

    Args:
        ways: see `Ways`.
    """
    if any(result not in arriving or np.iscomplexobj(arriving[result]) for result in site.results):
        return None
    onwards = ways(site.targets)
    if onwards is None:
        return None
    right, parts = [], []
    for turn, (target, result, onward) in enumerate(zip(site.targets, site.results, onwards)):
        above, shape = arriving[result], case.reverse.shape(result)
        if site.what is What.VALUE:
            part = Part(above, onward, to=np.arange(above.shape[1]))
            right.append(np.ones(above.shape[1]))
        elif site.what is What.EDGE:
            derivative = derivative_of(site.positions[turn], site.operand, case.forward, case.known)
            if derivative is None:
                return None
            places = np.arange(int(np.prod(case.reverse.shape(target)))).reshape(case.reverse.shape(target))
            part = Part(above, onward, to=np.broadcast_to(places, shape).reshape(-1))
            right.append(derivative.reshape(-1))
        else:
            other = other_operand(site.positions[turn], site.operand, case)
            spread = spread_of(site.positions[turn], site.operand, above.reshape(-1, *shape), case)
            part = Part(above, onward, spread=spread)
            right.append(np.asarray(other, float).reshape(-1))
        parts.append(part)
    counting = [_counting(part) for part in parts]
    if site.is_shared:
        if any(not np.array_equal(one, right[0]) for one in right):
            return None
        counts, numbers = np.any(counting, axis=0), right[0]
    else:
        counts, numbers = np.concatenate(counting), np.concatenate(right)
    if numbers.dtype.kind != "f" or not np.isfinite(numbers).all() or not counts.any():
        return None
    return Model(numbers, tuple(parts), counts, site.is_shared)


def _counting(part: Part) -> NDArray[np.bool_]:
    if part.spread is not None:
        reaches = np.abs(part.ways).any(axis=1)
        return np.asarray(np.abs(part.spread[:, :, reaches]).any(axis=(0, 2)))
    return np.asarray(np.abs(part.above).any(axis=0) & np.abs(part.ways[part.to]).any(axis=1))
