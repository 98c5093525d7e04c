"""Layers that work element by element as a whole: what yours multiplies each element of the upstream gradient by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.recovery.evidence import Evidence

Array = NDArray[Any]

CLOSE = 1e-9
"""How near a gradient must be to a multiple of the upstream gradient, element by element."""


@dataclass(frozen=True)
class Whole:
    """Factors of the upstream gradient.

    Attributes:
        yours: by element; None where yours is none.
        right: the right ones; None where the right gradient is none.
        known: which are known: the others no upstream gradient came to.
    """

    yours: Array | None
    right: Array | None
    known: NDArray[np.bool_]


def whole(evidence: Evidence, number: int, output: int) -> Whole | None:
    """The factors of one leaf, by its position in `evidence.errors`; None where sizes are others, or one is enough."""
    above = evidence.arriving.get(output)
    one = evidence.errors[number]
    if above is None or evidence.count < 2 or above.shape[1] != one.right.size or np.iscomplexobj(above):
        return None
    above = above[:, one.at]
    size = (above**2).sum(axis=0)
    known = size > 0
    if not known.any():
        return None

    def factors(rows: Array) -> Array | None:
        found = np.divide((rows * above).sum(axis=0), size, out=np.zeros(len(size)), where=known)
        left = np.linalg.norm(rows - found * above)
        return found if left <= CLOSE * np.linalg.norm(rows) else None

    return Whole(factors(evidence.rights[number] + evidence.wrongs[number]), factors(evidence.rights[number]), known)
