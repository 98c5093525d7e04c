"""The user's own gradients next door: what a few roundings of the inputs do to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError
from gradcheck_cli.witnesses.conduct.replay import moved_randomly, moved_upstream, with_leaves
from gradcheck_cli.witnesses.conduct.situations import Gradients, Situations
from gradcheck_cli.witnesses.subject import Subject

TIMES = 4
STREAM = 0x4E
"""Sets this stage's random numbers apart from those of other stages under the same seed."""


@dataclass(frozen=True)
class Nearby:
    """One forward and backward next door: the outputs, and the gradients by leaf."""

    outputs: tuple[NDArray[Any], ...]
    gradients: Gradients


def nearby(subject: Subject, size: float) -> tuple[Nearby, ...]:
    """Outputs and gradients at leaves and upstream gradients that are off by random factors of 1 ± `size`, a few times.

    Empty where the layer raises there.
    """
    situations, case = Situations(subject), subject.case
    found = []
    for number in range(TIMES):
        rng = np.random.default_rng((case.seed, case.draw, STREAM, number))
        near = with_leaves(case, tuple(moved_randomly(leaf.value, size, rng) for leaf in case.leaves))
        upstream = subject.upstream
        if not case.layer.unit_upstream:
            upstream = moved_upstream(upstream, size, rng)
        try:
            forwarded = situations.forward(near.arguments)
            found.append(Nearby(forwarded.outputs, situations.backward(forwarded, upstream.cotangents).gradients))
        except UserError:
            return ()
    return tuple(found)
