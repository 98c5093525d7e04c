"""The parameters that are trained, and what a network is run at: their values, and a batch of its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from gradcheck_cli.layers.precision import epsilon

Array = NDArray[Any]
Values = Mapping[str, Array]
"""By the parameter's name, in its own dtype."""


@dataclass(frozen=True)
class Parameter:
    """An array that is trained.

    Attributes:
        name: `fc1.w`.
        layer: the node that has it: `fc1`.
        gradient_name: what the layer calls its gradient.
        places: the leaves that it is, as (use, position among that use's leaves); of a shared one several.
        start: its value before the first step.
    """

    name: str
    layer: str
    gradient_name: str
    places: tuple[tuple[int, int], ...]
    start: Array

    @property
    def epsilon(self) -> float:
        """One rounding of its dtype, relatively."""
        return epsilon(self.start.dtype)


def total(parameter: Parameter, by_use: Sequence[Sequence[Array | None] | None]) -> Array | None:
    """Its gradient: the sum over its uses; None where none of them gave one that fits."""
    found: Array | None = None
    for use, number in parameter.places:
        rows = by_use[use]
        part = None if rows is None else rows[number]
        if part is not None:
            found = part if found is None else found + part
    return found
