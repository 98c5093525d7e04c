"""Whether gradients vanish or explode on their way back through the layers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gradcheck_cli.judge.words import number
from gradcheck_cli.report.training.model import LayerNorms

VANISHING, EXPLODING = 1e-3, 1e3
"""The first layer's gradient over the last's, by the largest norm that each has over all steps."""


def flow(layers: Sequence[LayerNorms]) -> str:
    """A sentence where the first layer's gradient is of another order than the last one's; "" where it is not.

    Of the run by autodiff's gradients: what a wrong backward does to them is another matter.
    """
    if len(layers) < 2:
        return ""
    first, last = layers[0], layers[-1]
    largest, other = (max(filter(math.isfinite, one.autodiff), default=0.0) for one in (first, last))
    if other == 0:
        return ""
    ratio = largest / other
    if VANISHING <= ratio <= EXPLODING:
        return ""
    verb = "vanish" if ratio < VANISHING else "explode"
    bound = f"below {VANISHING:g}" if ratio < VANISHING else f"above {EXPLODING:g}"
    return (
        f"gradients {verb} on their way back: the largest of `{first.layer}` is {number(largest, 2)}, of "
        f"`{last.layer}` {number(other, 2)}; their ratio is {number(ratio, 2)}, which is {bound}"
    )
