"""A backward that updates its parameters itself: `self.W -= learning_rate * dW`.

It keeps no gradient of them; the update says what it is: (before - after) / learning_rate. That holds for a plain
update alone: what momentum, decay and clipping add is no gradient, and parameters that are updated so are not judged.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

RATE = 2.0**20
"""The learning rate that is handed over: beside so large a step the parameter's own rounding is nothing, and a power
of two rounds nothing itself."""


@dataclass(frozen=True)
class Update:
    """One plain step: `called` is the gradient's name in the text, "" where it has none; `sign` is -1 for `-=`."""

    called: str
    sign: int


@dataclass(frozen=True)
class Updates:
    """The plain steps of one backward.

    Attributes:
        of: by the parameter's name on the object.
        rate: what the learning rate is called.
        is_kept: it is an attribute of the object; else a parameter of the backward.
        early: parameters that are used after their update, with the lines of both.
    """

    of: Mapping[str, Update]
    rate: str
    is_kept: bool
    early: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True)
class ReadOff:
    """A gradient that was read off an update; `rate` is the attribute that holds the learning rate, "" for none."""

    gradient: Any
    sign: int
    rate: str

    def text(self, before: str, after: str, instance: str) -> str:
        """How a script does it, from the texts for the value before and after: `(W - layer.W) / 1048576.0`."""
        first, second = (before, after) if self.sign < 0 else (after, before)
        return f"({first} - {second}) / {f'{instance}.{self.rate}' if self.rate else repr(RATE)}"


@contextlib.contextmanager
def read_off(
    instance: Any, updates: Updates | None, names: Mapping[str, str], others: Sequence[str] = ()
) -> Iterator[dict[str, ReadOff]]:
    """Around one call of the backward: afterwards the object is as it was, and the gradients are in what is yielded.

    Args:
        names: by the name of the layer's argument, the parameter's on the object.
        others: parameters on the object that it updates in another way.
    """
    gradients: dict[str, ReadOff] = {}
    if updates is None:
        yield gradients
        return
    held = {name: getattr(instance, name) for name in (*names.values(), *others)}
    before = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in held.items()}
    rate = getattr(instance, updates.rate, None)
    if updates.is_kept:
        setattr(instance, updates.rate, RATE)
    try:
        yield gradients
        for argument, name in names.items():
            sign = updates.of[name].sign
            gradient = (getattr(instance, name) - before[name]) * (sign / RATE)
            gradients[argument] = ReadOff(gradient, sign, updates.rate if updates.is_kept else "")
    finally:
        if updates.is_kept:
            setattr(instance, updates.rate, rate)
        for name, value in held.items():
            if isinstance(value, np.ndarray) and value.flags.writeable:
                value[...] = before[name]
            setattr(instance, name, value)
