"""Where the wrong elements lie: the first row, the last column, a corner, the border, a triangle; and what is there."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from math import lgamma, log

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.hypotheses.factors import Factor, names_of
from gradcheck_cli.diagnose.hypotheses.failing import Failing, Gradient
from gradcheck_cli.diagnose.hypotheses.rearranging import axis_text
from gradcheck_cli.judge.words import index_text

DENSE = 0.95
"""The share of a region's elements that are wrong."""

LARGEST = 0.5
"""The share of a gradient that a region may be: the rest is right, and that must mean something."""

UNLIKELY = 2.0
"""So many digits has the chance that as many elements, drawn at random, lie in the region in both cases."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Region:
    """A part of an array, by a name that holds for other sizes too; `rank`: simpler ones first."""

    key: Hashable
    rank: int
    says: str
    mask: Callable[[tuple[int, ...]], Mask]
    needs_factor: bool = False
    """It is a part that layers have of their own, as the halves of a gate: that alone says little."""


@dataclass(frozen=True)
class Confined:
    """A region in which all that is wrong lies.

    Attributes:
        digits: of the chance that as many elements lie there, log10.
        factors: what yours is there, as a multiple of the gradient; () where it is none.
    """

    region: Region
    digits: float
    factors: tuple[Factor, ...]
    slack: float


def confined(gradient: Gradient, failing: Failing) -> Iterator[Confined]:
    """The regions that hold all wrong elements of a leaf, and are wrong all over."""
    count, total = int(np.count_nonzero(gradient.wrong)), gradient.wrong.size
    if not 0 < count <= LARGEST * total or not gradient.counts.all():
        return
    digits = _digits(total, count)
    regions = [*_regions(gradient.wrong.shape, gradient.axes)]
    if count == 1:
        regions.append(_one(gradient.wrong))
    for region in regions:
        mask = region.mask(gradient.wrong.shape)
        size = int(np.count_nonzero(mask))
        # an element whose gradient is zero is not wrong where a factor is
        telling = mask & ((gradient.reference != 0) | gradient.wrong)
        inside = int(np.count_nonzero(gradient.wrong & mask))
        is_dense = count >= max(DENSE * np.count_nonzero(telling), size / 2)
        if inside == count and 0 < size <= LARGEST * total and is_dense:
            yield Confined(region, digits, *_inside(gradient, mask, failing))


def _inside(gradient: Gradient, mask: Mask, failing: Failing) -> tuple[tuple[Factor, ...], float]:
    """What c may be called where yours is c times the gradient in the region; zero is a c too."""
    yours, values, allowed = gradient.yours[mask], gradient.reference[mask], gradient.allowed[mask]
    if (np.abs(yours) <= allowed).all():
        return (Factor("0", 0, 0.0),), 0.0
    size = float(np.linalg.norm(values))
    if not size > 0:
        return (), 0.0
    c = float(np.real(np.vdot(values, yours))) / size**2
    if (np.abs(yours - c * values) > allowed * (1 + abs(c))).any():
        return (), 0.0
    slack = 4 * float(np.linalg.norm(allowed)) / size
    return names_of(c, slack, failing.sizes, failing.numbers), slack


def _digits(total: int, count: int) -> float:
    """log10 of the number of ways to choose so many elements."""
    return (lgamma(total + 1) - lgamma(count + 1) - lgamma(total - count + 1)) / log(10)


def _regions(shape: tuple[int, ...], axes: Sequence[str]) -> Iterator[Region]:
    long = [axis for axis, size in enumerate(shape) if size > 1]
    for axis in long:
        name = axis_text(axes, axis)
        is_half = shape[axis] == 2
        for end, place in (("first", 0), ("last", -1)):
            says, part = f"the {end} place along {name}", slice(place, place + 1 or None)
            yield Region((end, axis), 1, says, _slab(axis, part), needs_factor=is_half)
        if shape[axis] > 3:
            for word, part in (("second", slice(1, 2)), ("last but one", slice(-2, -1))):
                yield Region((word, axis), 3, f"the {word} place along {name}", _slab(axis, part))
            for end, part in (("first", slice(0, 2)), ("last", slice(-2, None))):
                yield Region((end, 2, axis), 4, f"the {end} two places along {name}", _slab(axis, part))
            yield Region(("ends", axis), 2, f"the first and the last place along {name}", _ends((axis,)))
            for word, start in (("first", 0), ("second", 1)):
                says = f"every other place along {name}, from the {word} on"
                yield Region(("every other", start, axis), 3, says, _slab(axis, slice(start, None, 2)))
            halves = (("first", slice(0, shape[axis] // 2)), ("second", slice((shape[axis] + 1) // 2, None)))
            for word, part in halves:
                says = f"the {word} half along {name}"
                yield Region(("half", word, axis), 4, says, _slab(axis, part), needs_factor=True)
    for at, one in enumerate(long):
        for other in long[at + 1 :]:
            yield from _of_two_axes(shape, axes, one, other)
    if len(long) > 1:
        for word, place in (("first", 0), ("last", -1)):
            yield Region(("element", place), 1, f"the very {word} element", _element(place))


def _of_two_axes(shape: tuple[int, ...], axes: Sequence[str], one: int, other: int) -> Iterator[Region]:
    names = f"{axis_text(axes, one)} and {axis_text(axes, other)}"
    yield Region(("border", one, other), 3, f"the border along {names}", _ends((one, other)))
    for first, at in (("first", 0), ("last", -1)):
        for second, place in (("first", 0), ("last", -1)):
            says = f"the corner at the {first} along {axis_text(axes, one)} and the {second} along"
            says = f"{says} {axis_text(axes, other)}"
            yield Region(("corner", one, at, other, place), 3, says, _corner(one, at, other, place))
    if shape[one] == shape[other]:
        yield Region(("diagonal", one, other), 2, f"the diagonal of {names}", _compared(one, other, np.equal))
        triangles = (("below", np.greater), ("above", np.less))
        for word, relation in triangles:
            says = f"the elements {word} the diagonal of {names}"
            yield Region((word, one, other), 3, says, _compared(one, other, relation))


def _slab(axis: int, part: slice) -> Callable[[tuple[int, ...]], Mask]:
    def mask(shape: tuple[int, ...]) -> Mask:
        found = np.zeros(shape, np.bool_)
        np.moveaxis(found, axis, 0)[part] = True
        return found

    return mask


def _ends(chosen: tuple[int, ...]) -> Callable[[tuple[int, ...]], Mask]:
    def mask(shape: tuple[int, ...]) -> Mask:
        found = np.zeros(shape, np.bool_)
        for axis in chosen:
            np.moveaxis(found, axis, 0)[[0, -1]] = True
        return found

    return mask


def _corner(one: int, at: int, other: int, place: int) -> Callable[[tuple[int, ...]], Mask]:
    def mask(shape: tuple[int, ...]) -> Mask:
        found = np.zeros(shape, np.bool_)
        np.moveaxis(found, (one, other), (0, 1))[at, place] = True
        return found

    return mask


def _element(place: int) -> Callable[[tuple[int, ...]], Mask]:
    def mask(shape: tuple[int, ...]) -> Mask:
        found = np.zeros(shape, np.bool_)
        found.reshape(-1)[place] = True
        return found

    return mask


def _one(wrong: Mask) -> Region:
    """The one element that is wrong."""
    index = tuple(int(axis[0]) for axis in np.nonzero(wrong))
    return Region(("one", index), 4, f"the element {index_text(index)}", lambda _: wrong)


def _compared(one: int, other: int, relation: Callable[..., Mask]) -> Callable[[tuple[int, ...]], Mask]:
    def mask(shape: tuple[int, ...]) -> Mask:
        places = np.indices(shape, sparse=True)
        return np.broadcast_to(relation(places[one], places[other]), shape)

    return mask
