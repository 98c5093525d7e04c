"""What flows back along the wires of a network: where a value is used several times, the gradients add."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.leaves import is_floating, walk
from gradcheck_cli.layers.networks.network import Source, Use
from gradcheck_cli.witnesses.upstream import widened

Array = NDArray[Any]


class Wires:
    """The sums of what flows back along each wire, so far."""

    def __init__(self) -> None:
        self.sums: dict[Source, list[Array]] = {}

    def add(self, source: Source, values: Sequence[Array]) -> None:
        """One array a floating leaf of the value."""
        held = self.sums.get(source)
        self.sums[source] = list(values) if held is None else [old + value for old, value in zip(held, values)]

    def reach(self, use: int) -> bool:
        """Whether anything came to an output of this use."""
        return any(source.use == use for source in self.sums)

    def upstream(self, use: int, outputs: tuple[Any, ...]) -> list[Array]:
        """One array a floating output leaf of a use; zeros where nothing came."""
        found: list[Array] = []
        for position, output in enumerate(outputs):
            come = self.sums.get(Source(use, position))
            leaves = (leaf for _, leaf in walk(output) if is_floating(leaf))
            found += [np.zeros_like(widened(leaf)) for leaf in leaves] if come is None else come
        return found

    def hand_back(self, use: Use, case: Case, gradients: Sequence[Array]) -> None:
        """What a use gives to those that it is fed by; `gradients` has one array a leaf of its case."""
        for name, source in use.sources.items():
            given = [gradient for leaf, gradient in zip(case.leaves, gradients) if leaf.argument == name]
            if given:
                self.add(source, given)
