"""Minibatches: the examples in one order that the seed decides, so many at a time, again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.errors import UserError

STREAM = 0x62


@dataclass(frozen=True)
class Batches:
    """All data, and how it is handed out.

    Attributes:
        inputs: of the network, by name.
        split: those whose first axis counts the examples.
        order: of the examples.
        size: of a batch; all of them where it is None.
    """

    inputs: Mapping[str, Any]
    split: tuple[str, ...]
    order: tuple[int, ...]
    size: int | None = None

    @property
    def examples(self) -> int:
        """How many there are."""
        return len(self.order)

    def at(self, step: int) -> Mapping[str, Any]:
        """The batch of a step, counted from 1. What is left over at the end of an epoch is not used."""
        if self.size is None or self.size >= self.examples:
            return self.inputs
        start = (step - 1) % (self.examples // self.size) * self.size
        return self._of(self.order[start : start + self.size])

    def few(self, count: int) -> Mapping[str, Any]:
        """So many examples, the first in the order."""
        return self.inputs if count >= self.examples else self._of(self.order[:count])

    def _of(self, chosen: tuple[int, ...]) -> Mapping[str, Any]:
        rows = np.array(chosen)
        return {name: value[rows] if name in self.split else value for name, value in self.inputs.items()}


def batches(inputs: Mapping[str, Any], size: int | None, seed: int) -> Batches:
    """The data of a training.

    Raises:
        UserError: for a batch that is larger than all data, or where nothing counts the examples.
    """
    lengths = {name: np.shape(value)[0] for name, value in inputs.items() if np.ndim(value)}
    count = next(iter(lengths.values()), 1)
    split = tuple(name for name, length in lengths.items() if length == count)
    if len(split) == 1 and np.ndim(inputs[split[0]]) == 1:
        # a single vector is one example: its elements are features
        count, split = 1, ()
    if size is not None and size > count:
        raise UserError(f"`--batch {size}` is more than the {count} examples that there are", mend=f"--batch {count}")
    if size is None:
        return Batches(inputs, split, tuple(range(count)))
    order = np.random.default_rng((seed, STREAM)).permutation(count)
    return Batches(inputs, split, tuple(int(number) for number in order), size)
