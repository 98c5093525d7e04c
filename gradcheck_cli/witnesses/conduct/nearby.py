"""The user's own gradients next door: what a few roundings of the inputs do to them."""

from __future__ import annotations

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.witnesses.conduct.replay import moved_randomly, moved_upstream, with_leaves
from gradcheck_cli.witnesses.conduct.situations import Gradients, Situations
from gradcheck_cli.witnesses.subject import Subject

TIMES = 4
STREAM = 0x4E
"""Sets this stage's random numbers apart from those of other stages under the same seed."""


def gradients_nearby(subject: Subject, size: float) -> tuple[Gradients, ...]:
    """The gradients at leaves and upstream gradients that are off by random factors of 1 ± `size`, a few times.

    None where the layer raises there.
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
            found.append(situations.backward(situations.forward(near.arguments), upstream.cotangents).gradients)
        except UserError:
            return ()
    return tuple(found)
