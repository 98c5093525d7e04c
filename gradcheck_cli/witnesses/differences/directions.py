"""Random directions of all leaves together, the same at each call."""

from __future__ import annotations

import numpy as np

from gradcheck_cli.witnesses.differences.points import Floats, Points

Direction = tuple[Floats, ...]

STREAM = 0xFD
"""Sets this witness's random numbers apart from those of other stages under the same seed."""


def random_direction(points: Points, seed: int, draw: int, number: int) -> Direction:
    """Direction `number` of a case: by leaf, each entry the element's own size (the leaf's typical one where it is
    zero) times 0.5 to 1.5, with random signs."""
    rng = np.random.default_rng((seed, draw, STREAM, number))
    parts = []
    for origin, typical in zip(points.origins, points.typical):
        part = rng.random(len(origin))
        part -= 0.5
        part *= 2
        part += np.copysign(0.5, part)
        size = np.abs(origin)
        np.copyto(size, typical, where=size == 0)
        part *= size
        parts.append(part)
    return tuple(parts)
