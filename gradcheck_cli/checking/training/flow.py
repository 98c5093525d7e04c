"""Whether gradients vanish or explode on their way back through the layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from gradcheck_cli.judge.words import number
from gradcheck_cli.report.training.model import LayerNorms

VANISHING, EXPLODING = 1e-3, 1e3
"""The gradient of the first layer over that of the last, by their norms: the median over all steps."""


def flow(layers: Sequence[LayerNorms]) -> str:
    """A sentence where the first layer's gradient is of another order than the last one's; "" where it is not.

    Of the run by autodiff's gradients: what a wrong backward does to them is another matter.
    """
    if len(layers) < 2:
        return ""
    first, last = layers[0], layers[-1]
    ratios = [
        one / other
        for one, other in zip(first.autodiff, last.autodiff)
        if other > 0 and math.isfinite(one) and math.isfinite(other)
    ]
    if not ratios:
        return ""
    ratio = median(ratios)
    if VANISHING <= ratio <= EXPLODING:
        return ""
    verb = "vanish" if ratio < VANISHING else "explode"
    bound = f"below {VANISHING:g}" if ratio < VANISHING else f"above {EXPLODING:g}"
    return (
        f"gradients {verb} on their way back: that of `{first.layer}` is {number(ratio, 2)} times that of "
        f"`{last.layer}` ({number(first.autodiff[0], 2)} and {number(last.autodiff[0], 2)} at the first step); "
        f"a ratio {bound} is said"
    )
