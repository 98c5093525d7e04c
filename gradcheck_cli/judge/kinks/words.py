"""What the report says about kinks and jumps: one sentence an argument, and a remark beside a finding's numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gradcheck_cli.judge.evidence.differencer import Place
from gradcheck_cli.judge.kinks.joint import Fault
from gradcheck_cli.judge.kinks.slopes import Kink
from gradcheck_cli.judge.words import index_text, number, plural

Met = tuple[tuple[int, ...], Kink, float]
"""An element's index, the kink there, and yours."""


def accepted_text(name: str, met: Sequence[Met]) -> str:
    """Which kinks and jumps were met where yours passes, and which slope it takes there; "" where none were."""
    jumps = [one for one in met if one[1].jump > 0]
    kinks = [one for one in met if one[1].jump == 0]
    parts = []
    if kinks:
        index, slopes, yours = kinks[0]
        parts.append(
            f"`{name}` meets a kink in {plural(len(kinks), 'element')}{_first(index)}: the slopes on its two "
            f"sides are {slopes.slopes_text()}, and yours, {number(yours)}, is {slopes.convention(yours)}"
        )
    if jumps:
        index, slopes, yours = jumps[0]
        parts.append(
            f"`{name}` meets a jump in {plural(len(jumps), 'element')}{_first(index)} (by {number(slopes.jump)}): "
            f"there is no derivative, and yours, {number(yours)}, is the slope beside the jump"
        )
    return "; ".join(parts)


def jump_text(name: str, place: Place, slopes: Kink, count: int, yours: float | complex) -> str:
    """Why nothing is said at a jump where yours is not the slope beside it."""
    return (
        f"the forward jumps at {plural(count, 'element')} of `{name}`{_first(place[1])} (by {number(slopes.jump)}): "
        f"there is no derivative, and yours, {number(yours)}, is not the slope beside the jump, {_beside(slopes)}; "
        "inputs off the jump would tell"
    )


def several_text(name: str) -> str:
    """Why nothing is said where several kinks meet, and yours is beyond the function's own slopes."""
    return (
        f"several kinks meet inside the forward at elements of `{name}`: yours is beyond the slopes of the whole, and "
        "what the chain rule may give there cannot be told; inputs off the kinks would tell"
    )


def remarks(slopes: Mapping[int, Kink], faults: Mapping[int, Fault], wrong: Sequence[int]) -> dict[int, str]:
    """By position of a wrong element, what is to be said about its kink."""
    found = {at: f"the slopes on its two sides are {slopes[at].slopes_text()}" for at in wrong if at in slopes}
    found.update({at: faults[at].text for at in wrong if at in faults})
    return found


def _first(index: tuple[int, ...]) -> str:
    return f", first at {index_text(index)}" if index else ""


def _beside(slopes: Kink) -> str:
    if np.isclose(slopes.left, slopes.right, rtol=1e-3, atol=slopes.error):
        return number((slopes.left + slopes.right) / 2)
    return f"{number(min(slopes.left, slopes.right))} to {number(max(slopes.left, slopes.right))}"
