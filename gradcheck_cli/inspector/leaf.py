"""One gradient with its arrays, and all that is known of one element of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.inspector.blocks import Blocks
from gradcheck_cli.inspector.heat import Heat, heat_of
from gradcheck_cli.report.numbers import Number
from gradcheck_cli.report.shapes import shape_text
from gradcheck_cli.saved.model import KeptLayer


@dataclass(frozen=True)
class Facts:
    """What is known of one element; None for what is not.

    Attributes:
        reference: what yours was held against, where that is not autodiff's.
        difference, bar: the finite difference, and how far it may be off.
        lower, upper: the slopes on the two sides, where they were asked for.
        error: yours − reference, `times` its size in tolerances.
        mark: `WRONG` and its fellows.
        value: the input's own.
        rank: among the worst, from 1; None where it is none of them.
    """

    index: tuple[int, ...]
    yours: Number | None = None
    autodiff: Number | None = None
    reference: Number | None = None
    difference: Number | None = None
    bar: float | None = None
    backward: float | None = None
    forward: float | None = None
    error: Number | None = None
    tolerance: float | None = None
    times: float | None = None
    ratio: Number | None = None
    mark: int | None = None
    value: Number | None = None
    rank: int | None = None

    @property
    def held(self) -> Number | None:
        """What yours is held against."""
        return self.reference if self.reference is not None else self.autodiff


COLUMNS = ("yours", "autodiff", "difference", "error", "ratio", "times", "input")
"""What can be compared element by element: `error` is yours − reference, `ratio` the one by the other, `times` the
error in tolerances."""


class Leaf:
    """A gradient of the shown draw; its arrays are read when they are asked for.

    Args:
        before: the marks of an earlier check of the same inputs.
    """

    def __init__(self, layer: KeptLayer, position: int, before: NDArray[np.uint8] | None = None) -> None:
        self.layer = layer
        self.position = position
        self.kept = layer.leaves[position]
        self._before = before

    def read(self, name: str) -> NDArray[Any] | None:
        """An array in the leaf's shape, None where it is not known.

        Raises:
            UserError: where the file is damaged.
        """
        return self.kept.read(name)

    @property
    def marks(self) -> NDArray[np.uint8] | None:
        """Of each element.

        Raises:
            UserError: where the file is damaged.
        """
        stored = self.layer.draw.marks[self.position]
        return None if stored is None else stored.read()

    @property
    def is_complex(self) -> bool:
        """Whether its elements are."""
        return any(each.dtype.kind == "c" for name, each in self.kept.arrays.items() if name in ("yours", "reference"))

    @property
    def why_no_map(self) -> str:
        """Why elements cannot be compared, a sentence; "" where they can."""
        yours = self.kept.arrays.get("yours")
        name = self.kept.gradient_name
        if yours is None:
            return f"There is no {name} to compare."
        if yours.shape != self.kept.shape:
            asked = shape_text(self.kept.shape, self.kept.dimensions)
            return f"{name} came back as {shape_text(yours.shape)}, not {asked}: no element can be compared."
        if self.kept.arrays.get("reference") is None and self.kept.arrays.get("autodiff") is None:
            return f"There is nothing to hold {name} against, for all elements."
        if self.layer.draw.marks[self.position] is None:
            return f"The elements of {name} were not judged."
        if not math.prod(self.kept.shape):
            return f"{name} has no elements."
        return ""

    @cached_property
    def heat(self) -> Heat:
        """The map, where `why_no_map` is empty.

        Raises:
            UserError: where the file is damaged.
        """
        marks, yours, reference = self.marks, self.read("yours"), self.read("reference")
        tolerance = self.read("tolerance")
        assert marks is not None and yours is not None and reference is not None
        before = self._before if self._before is not None and self._before.shape == marks.shape else None
        return heat_of(yours, reference, np.ones(()) if tolerance is None else tolerance, marks, before)

    @cached_property
    def blocks(self) -> Blocks:
        """Of the map; a vector is one row.

        Raises:
            UserError: where the file is damaged.
        """
        codes = self.heat.codes
        return Blocks(codes.reshape((1,) * (2 - codes.ndim) + codes.shape))

    def column(self, name: str, places: tuple[Any, ...]) -> NDArray[Any] | None:
        """A part of what can be compared, by one of `COLUMNS`; None where it is not known.

        Raises:
            UserError: where the file is damaged.
        """
        if name == "difference":
            return self._differences(places)
        if name in ("yours", "autodiff", "input"):
            return self._part(name, places)
        yours, reference = self._part("yours", places), self._part("reference", places)
        assert yours is not None and reference is not None
        with np.errstate(all="ignore"):
            if name == "ratio":
                ratio: NDArray[Any] = np.where(reference == 0, np.nan, yours / reference)
                return ratio
            error: NDArray[Any] = yours - reference
            if name == "error":
                return error
            tolerance = self._part("tolerance", places)
            return None if tolerance is None else np.abs(error) / tolerance

    def _part(self, name: str, places: tuple[Any, ...]) -> NDArray[Any] | None:
        if name == "input":
            stored = self.layer.value(self.kept)
            array = None if stored is None or stored.shape != self.kept.shape else stored.read()
        else:
            array = self.read(name)
        if array is None:
            return None
        if not array.ndim:
            array = np.broadcast_to(array, self.kept.shape)
        part: NDArray[Any] = array.reshape((1,) * (2 - array.ndim) + array.shape)[places]
        return part

    def _differences(self, places: tuple[Any, ...]) -> NDArray[Any]:
        """Finite differences of a part, NaN where none were taken."""
        positions, values = self.read("difference_positions"), self.read("difference_values")
        lifted = (1,) * (2 - len(self.kept.shape)) + self.kept.shape
        wanted = _positions(lifted, places)
        if positions is None or values is None or not positions.size:
            return np.full(wanted.shape, np.nan)
        at = np.minimum(np.searchsorted(positions, wanted), positions.size - 1)
        return np.where(positions[at] == wanted, values[at], np.nan)

    def facts(self, position: int) -> Facts:
        """All that is known of one element of the flattened gradient.

        Raises:
            UserError: where the file is damaged.
        """
        index = tuple(int(place) for place in np.unravel_index(position, self.kept.shape)) if self.kept.shape else ()
        stored = self.kept.arrays.get("yours")
        yours = self._at("yours", position) if stored is not None and stored.shape == self.kept.shape else None
        autodiff, reference = self._at("autodiff", position), self._at("reference", position)
        tolerance = self._at("tolerance", position)
        error = None if yours is None or reference is None else yours - reference
        bound = None if tolerance is None else abs(tolerance)
        marks, value = self.marks, self.layer.value(self.kept)
        values = None if value is None else value.read()
        place = self._differenced(position)
        return Facts(
            index=index,
            yours=yours,
            autodiff=autodiff,
            reference=reference if reference != autodiff else None,
            difference=self._difference("difference_values", place),
            bar=_real(self._difference("difference_bars", place)),
            backward=_known(self._difference("difference_backward", place)),
            forward=_known(self._difference("difference_forward", place)),
            error=error,
            tolerance=bound,
            times=None if error is None or not bound else abs(error) / bound,
            ratio=yours / reference if yours is not None and _divides(reference) else None,
            mark=None if marks is None else int(marks.reshape(-1)[position]),
            value=None if values is None or values.size <= position else values.reshape(-1)[position].item(),
            rank=self._rank(position),
        )

    def _at(self, name: str, position: int) -> Any:
        array = self.read(name)
        if array is None:
            return None
        return array.reshape(-1)[position if array.size > 1 else 0].item()

    def _differenced(self, position: int) -> int | None:
        places = self.read("difference_positions")
        if places is None or not places.size:
            return None
        at = int(np.searchsorted(places, position))
        return at if at < places.size and places[at] == position else None

    def _difference(self, name: str, place: int | None) -> Any:
        array = None if place is None else self.read(name)
        return None if array is None else array[place].item()

    def _rank(self, position: int) -> int | None:
        if self.why_no_map:
            return None
        found = np.flatnonzero(self.heat.worst == position)
        return int(found[0]) + 1 if found.size else None


def _real(number: Number | None) -> float | None:
    return None if number is None else float(abs(number))


def _known(number: Any) -> float | None:
    return None if number is None or number != number else number


def _divides(number: Number | None) -> bool:
    return number is not None and number != 0 and math.isfinite(abs(number))


def _positions(shape: tuple[int, ...], places: tuple[Any, ...]) -> NDArray[np.int64]:
    """In the flattened array, of a part."""
    axes = [np.arange(size)[place] for size, place in zip(shape, places)]
    grid = np.ix_(*[np.atleast_1d(axis) for axis in axes])
    found = np.zeros((1,) * len(shape), np.int64)
    for size, axis in zip(shape, grid):
        found = found * size + axis
    return found.reshape([axis.size for axis in axes if axis.ndim])
