"""Yours once more, at inputs that are a little off: as often as the judge asks, each time once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.dimensions.reception import sort_out
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.layer import BackwardResult

Gradients = tuple[NDArray[Any], ...]

Replay = Callable[[float, int], tuple[BackwardResult, Gradients]]
"""`(relative size, seed) -> (yours, reference)`, both at the same inputs, off by random factors of 1 ± that size."""


class Replays:
    """Replays of one case at inputs off by `distances`; none where there is no `replay`, or the layer raises."""

    def __init__(self, case: Case, replay: Replay | None, distances: tuple[float, ...]) -> None:
        self._case = case
        self._replay = replay
        self._distances = distances
        self._found: list[tuple[tuple[NDArray[Any] | None, ...], Gradients]] = []

    def errors(self, count: int, leaf: int) -> list[NDArray[Any]]:
        """Yours − reference of one leaf at the first `count` such inputs; fewer where yours has another shape there."""
        self._take(count)
        pairs = [(yours[leaf], references[leaf]) for yours, references in self._found[:count]]
        with np.errstate(invalid="ignore"):
            return [yours - reference for yours, reference in pairs if yours is not None]

    def references(self, count: int, leaf: int) -> list[NDArray[Any]]:
        """The reference of one leaf at the same inputs."""
        self._take(count)
        return [references[leaf] for _, references in self._found[:count]]

    def _take(self, count: int) -> None:
        while self._replay is not None and len(self._found) < count:
            try:
                number = len(self._found)
                backward, references = self._replay(self._distances[number], self._case.seed + number)
            except UserError:  # inputs that are next to legal ones need not be legal: a row that sums to one
                self._replay = None
                return
            received = sort_out(self._case, backward).leaves
            self._found.append((tuple(item.usable for item in received), references))


class Repeats:
    """Replays of one case, `count` at each distance that is asked for; those of one distance are the same each time."""

    def __init__(self, case: Case, replay: Replay | None, count: int) -> None:
        self._case, self._replay, self._count = case, replay, count
        self._at: dict[float, Replays] = {}

    def at(self, distance: float) -> Replays:
        """Those at inputs that are all off by `distance`."""
        if distance not in self._at:
            self._at[distance] = Replays(self._case, self._replay, (distance,) * self._count)
        return self._at[distance]
