"""One size for each dimension name: small, different, and, where the layer refuses them, a few other ways to try."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradcheck_cli.layers.inputs import names
from gradcheck_cli.layers.inputs.dimensions import Dimensions, evaluate, names_in


@dataclass(frozen=True)
class Manner:
    """One way of giving sizes.

    Attributes:
        plain: sizes for names without a role, taken in turn.
        kernel, spatial: sizes for windows and for what they slide over, taken in turn.
        batch: sizes for the batch.
        shuffle: take them in random order.
        said: what kind of sizes these are, where they are none of the usual.
        sequence: sizes for what is walked along step by step; those of `plain` where there are none.
        within: sizes differ within each array only, and not over all arrays.
    """

    plain: tuple[int, ...]
    kernel: tuple[int, ...]
    spatial: tuple[int, ...]
    batch: tuple[int, ...] = (3, 4, 5)
    shuffle: bool = True
    said: str = ""
    sequence: tuple[int, ...] = ()
    within: bool = False


_MORE = (8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19)
_DISTINCT = Manner((3, 4, 5, 6, 7), (2, 3), (5, 6, 7, 8))
MANNERS = (
    _DISTINCT,
    _DISTINCT,
    Manner((3, 5, 4, 6, 7), (2, 3), (8, 6, 10, 12), shuffle=False, said="larger sizes"),
    Manner((4, 6, 2, 8, 10), (2, 2), (4, 6, 8, 10), (3, 2, 4), False, "even sizes"),
    Manner((4, 8, 12, 16), (2, 4), (8, 4, 12, 16), (3, 2), False, "sizes that are multiples of four"),
    Manner((3, 5, 4, 6, 7), (3, 3), (6, 6, 6, 6), (2, 4), False, "square sizes for images and windows"),
    Manner((3, 5, 4, 6, 7), (3, 3), (7, 7, 7, 7), (2, 4), False, "odd sizes for images"),
)

FEW_STEPS = Manner((3, 4, 5, 6), (2, 3), (4, 5), (2,), shuffle=False, sequence=(3, 4), within=True)
"""For forwards whose loops unroll to many steps: compiling those takes seconds. The same for all draws, so that draws
share one program."""

EQUAL = Manner((4,) * 8, (4,) * 4, (4,) * 4, (4,) * 4, False, "equal sizes everywhere")
"""Where only this runs, two of the names are one dimension, or an axis is in the wrong place: it is a hint, no draw."""


def multiples_of(count: int, manner: Manner = _DISTINCT) -> tuple[Manner, ...]:
    """Sizes for channels that are divided into `count` groups; batches, windows and images have none of their own."""
    plain = tuple(count * factor for factor in (2, 3, 4, 5, 6))
    return (replace(manner, plain=plain),) * 2


def assignments(
    shapes: Sequence[Dimensions],
    fixed: Mapping[str, int],
    derived: Mapping[str, str],
    generator: np.random.Generator,
    turn: int = 0,
    batch_of_one: frozenset[str] = frozenset(),
    manners: Sequence[Manner] = MANNERS,
    windowed: bool = False,
) -> Iterator[tuple[dict[str, int], str]]:
    """Sizes by name to try in turn, each with what to say about it; names in `fixed` keep their size.

    Different names get different sizes in the first ones; another `turn` gives each name another
    size. Names in `batch_of_one` get size 1. Sizes that make a
    derived dimension or an expression such as `C/G` no whole number are left out. `windowed`: a setting says how wide a
    window slides over the spatial dimensions, whether or not one of the dimensions is a window's.
    """
    every = list(dict.fromkeys(name for shape in shapes for name in (*names_in(shape), *_lone(shape))))
    factors = {name for expression in derived.values() for name in names_in([expression])}
    every = list(dict.fromkeys([*every, *sorted(factors)]))
    seen: set[tuple[int, ...]] = set()
    for manner in manners:
        sizes = _assign(every, shapes, fixed, derived, manner, factors, generator, turn, windowed)
        sizes |= {name: 1 for name in batch_of_one if name in sizes and name not in fixed}
        for name, expression in derived.items():
            value = evaluate(expression, sizes)
            if name not in fixed and value is not None:
                sizes[name] = value
        signature = tuple(sizes.get(name, 0) for name in every)
        whole = all(evaluate(axis, sizes) is not None for shape in shapes for axis in shape)
        if whole and signature not in seen:
            seen.add(signature)
            yield sizes, manner.said


def _lone(shape: Dimensions) -> tuple[str, ...]:
    """Axes that are a name without being an identifier (`...`)."""
    return tuple(axis for axis in shape if axis == "...")


def _assign(
    every: Sequence[str],
    shapes: Sequence[Dimensions],
    fixed: Mapping[str, int],
    derived: Mapping[str, str],
    manner: Manner,
    factors: set[str],
    generator: np.random.Generator,
    turn: int,
    windowed: bool,
) -> dict[str, int]:
    sizes = dict(fixed)
    windowed = windowed or any(name in names.KERNEL and name not in ("k", "K", "R", "S") for name in every)
    crowded = sum(name not in fixed for name in every) >= 6

    def order(pool: tuple[int, ...]) -> list[int]:
        shuffled = [int(size) for size in generator.permutation(pool)] if manner.shuffle else list(pool)
        first = turn % len(shuffled) if manner.shuffle else 0
        return shuffled[first:] + shuffled[:first]

    kernel, plain, factor = order(manner.kernel), order(manner.plain), order((2, 3, 4))
    sequence = order(manner.sequence) if manner.sequence else plain
    # A window that slides is a loop for every example, filter and place: keep those few.
    spatial = order(manner.spatial[:2] if windowed else manner.spatial) if manner.shuffle else list(manner.spatial)
    batch = order((2, 3) if crowded and manner.shuffle else manner.batch)
    if windowed and manner.shuffle:
        plain = order(manner.plain[:3])
    distinct = len(set(manner.plain)) > 1
    # Where sizes only differ within an array, those that have few to choose from come first.
    for name in sorted(every, key=lambda name: manner.within and name not in (*names.KERNEL, *names.SPATIAL)):
        if name in sizes or name in derived:
            continue
        if windowed and name in names.KERNEL:
            pool = kernel
        elif windowed and name in names.SPATIAL:
            pool = spatial
        elif name in names.BATCH:
            pool = batch
        elif name in names.SEQUENCE and manner.sequence:
            pool = sequence
        elif name in factors and len(factors) > 1:
            pool = factor
        else:
            pool = plain
        beside = {other for shape in shapes if name in names_in(shape) for other in names_in(shape)}
        taken = {
            size
            for other, size in sizes.items()
            if not (pool is batch and other in names.KERNEL) and not (manner.within and other not in beside)
        }
        if not distinct or pool in (kernel, spatial):
            sizes[name] = pool[0]
            pool.append(pool.pop(0))
            continue
        free = [size for size in (*pool, *_MORE, 2) if size not in taken]
        sizes[name] = free[0] if free else pool[0]
    return sizes
