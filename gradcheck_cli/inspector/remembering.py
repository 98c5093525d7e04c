"""Arrays of a saved run that are read from its file once: looked at again and again, at every key."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.saved.model import KeptInput, KeptLayer, KeptLeaf, Stored

MOST = 2 << 30
"""Bytes that are remembered; the array that was longest not looked at is forgotten first."""


@dataclass
class Shelf:
    """What has been read. Threads may share it."""

    most: int = MOST
    _arrays: OrderedDict[int, NDArray[Any]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, stored: Stored) -> NDArray[Any]:
        """The array, that nobody may write to.

        Raises:
            UserError: where it lies in a damaged file.
        """
        with self._lock:  # a file is read at one place at a time
            array = self._arrays.get(id(stored))
            if array is None:
                array = stored.read()
                array.flags.writeable = False
                self._arrays[id(stored)] = array
                while len(self._arrays) > 1 and sum(each.nbytes for each in self._arrays.values()) > self.most:
                    self._arrays.popitem(last=False)
            self._arrays.move_to_end(id(stored))
            return array


@dataclass(frozen=True)
class Remembered:
    """An array on the shelf, or still in its file."""

    stored: Stored
    shelf: Shelf

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the array."""
        return self.stored.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return self.stored.shape

    def read(self) -> NDArray[Any]:
        """The array.

        Raises:
            UserError: where it lies in a damaged file.
        """
        return self.shelf.read(self.stored)


def remembered(kept: KeptLayer, shelf: Shelf) -> KeptLayer:
    """The same, with arrays that are read once."""

    def one(stored: Stored | None) -> Remembered | None:
        return None if stored is None else Remembered(stored, shelf)

    def each(given: KeptInput) -> KeptInput:
        return replace(given, array=one(given.array))

    def leaf(given: KeptLeaf) -> KeptLeaf:
        return replace(given, arrays={name: Remembered(array, shelf) for name, array in given.arrays.items()})

    return replace(
        kept,
        draws=tuple(replace(draw, marks=tuple(map(one, draw.marks))) for draw in kept.draws),
        leaves=tuple(map(leaf, kept.leaves)),
        arguments=tuple(map(each, kept.arguments)),
        upstream=tuple(map(each, kept.upstream)),
    )
