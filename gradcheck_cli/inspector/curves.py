"""The differences of one element over step sizes, as they are shown: where they agree, and which step was chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.inspector.session import Curve
from gradcheck_cli.saved.model import KeptLeaf

AGREE = 1e-5
"""Values agree that lie within this share of them to either side."""

SHORTEST = 3
"""Steps of a plateau: two may agree by chance."""


def plateau(values: NDArray[np.float64], bar: float | None) -> tuple[int, int] | None:
    """The first and the last of the most steps in a row whose values agree; None where fewer than three do.

    Too long a step bends away, too short a one drowns in round-off: between them the derivative stands still.

    Args:
        values: (steps,) the differences, the longest step first; NaN where there is none.
        bar: how far the difference that was given may be off.
    """
    least = bar if bar is not None and np.isfinite(bar) else 0.0
    best: tuple[int, int] | None = None
    for first in range(len(values)):
        low = high = values[first]
        for last in range(first, len(values)):
            low, high = min(low, values[last]), max(high, values[last])
            # (a value that is not finite agrees with none)
            if not (np.isfinite(values[last]) and high - low <= 2 * max(AGREE * max(abs(low), abs(high)), least)):
                break
            if last - first + 1 >= max(SHORTEST, 0 if best is None else best[1] - best[0] + 2):
                best = first, last
    return best


def nearest(steps: NDArray[np.float64], step: float | None) -> int | None:
    """The position of the step that is nearest to this one, by ratio."""
    if step is None or not np.isfinite(step) or step <= 0 or not len(steps):
        return None
    with np.errstate(all="ignore"):
        return int(np.nanargmin(np.abs(np.log(steps / step))))


def held_against(gradient: float | None, difference: float | None) -> float:
    """What the differences at all steps are held against: the gradient; the chosen difference where that is no number.

    Returns:
        NaN where neither is one.
    """
    known = [each for each in (gradient, difference) if each is not None and np.isfinite(each)]
    return known[0] if known else float("nan")


def kept_curve(leaf: KeptLeaf, position: int) -> Curve | None:
    """What was kept of the differences of one element; without steps for one that has no curve; None for nothing.

    Raises:
        UserError: where it lies in a damaged file.
    """
    steps, values = _kept_steps(leaf, position)
    given = _kept_difference(leaf, position)
    if not len(steps) and "difference_values" not in given:
        return None
    bar = given.get("difference_bars")
    return Curve(
        steps,
        values,
        held_against(_reference(leaf, position), given.get("difference_values")),
        plateau=plateau(values, bar) if len(values) else None,
        value=given.get("difference_values"),
        bar=bar,
        forward=given.get("difference_forward"),
        backward=given.get("difference_backward"),
    )


def _kept_steps(leaf: KeptLeaf, position: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    places, steps, values = (leaf.read(name) for name in ("curve_positions", "curve_steps", "curve_values"))
    if places is None or steps is None or values is None:
        return np.empty(0), np.empty(0)
    rows = np.flatnonzero(places == position)
    if not len(rows) or rows[0] >= len(steps):
        return np.empty(0), np.empty(0)
    return _real(steps[rows[0]]), _real(values[rows[0]])


def _kept_difference(leaf: KeptLeaf, position: int) -> dict[str, float]:
    places = leaf.read("difference_positions")
    rows = np.flatnonzero(places == position) if places is not None else np.empty(0, np.intp)
    if not len(rows):
        return {}
    found = {}
    for name in ("difference_values", "difference_bars", "difference_forward", "difference_backward"):
        array = leaf.read(name)
        if array is not None and not np.isnan(value := array[rows[0]]):
            found[name] = float(value.real)
    return found


def _reference(leaf: KeptLeaf, position: int) -> float:
    reference = leaf.read("reference")
    if reference is None or not 0 <= position < reference.size:
        return float("nan")
    return float(np.real(reference.flat[position]))


def _real(array: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(array.real, np.float64)
