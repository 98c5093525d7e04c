"""Jacobians that fall apart into blocks, along axes that both sides share or in the order as it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradcheck_cli.graph.jacobians.entries import agreeing_axes
from gradcheck_cli.graph.jacobians.seen import ROUNDING, Array, Named, Seen
from gradcheck_cli.report.jacobian.model import Structure

Readings = Callable[[Seen], list[list[Structure]]]
"""What a block may be: the readings of each recogniser that has some."""

_MOST_BLOCKS = 256


@dataclass(frozen=True)
class Cut:
    """A Jacobian in blocks.

    Attributes:
        pairs: the axes of the output and of the argument along which the blocks stand apart; () where they only
            stand one after the other.
        blocks: in order.
        left, right: sizes and labels of the identities in `I_left ⊗ block ⊗ I_right`; None where blocks cannot be
            written so without another order of the axes.
    """

    pairs: tuple[tuple[int, int], ...]
    blocks: tuple[Seen, ...]
    left: str | None
    right: str | None

    @property
    def are_equal(self) -> bool:
        """Whether all blocks are the same matrix."""
        first = self.blocks[0].matrix
        limit = ROUNDING * max(block.scale for block in self.blocks)
        return all(bool(np.all(np.abs(block.matrix - first) <= limit)) for block in self.blocks)


def cut(seen: Seen) -> Cut | None:
    """The Jacobian in blocks; None where it is one, or where the blocks are single numbers."""
    if "cut" not in seen.known:
        seen.known["cut"] = _cut(seen)
    found: Cut | None = seen.known["cut"]
    return found


def _cut(seen: Seen) -> Cut | None:
    pairs = agreeing_axes(seen)
    if pairs:
        found = _along_axes(seen, pairs)
        if found is not None:
            return found
    return _one_after_another(seen)


def equal_blocks(seen: Seen, readings: Readings) -> list[Structure]:
    """`I_N ⊗ Wᵀ`, `x ⊗ I_M`: the same block again and again."""
    found = cut(seen)
    return [] if found is None or not found.are_equal else _equal(found, _inner(found, readings), seen)


def any_blocks(seen: Seen, readings: Readings) -> list[Structure]:
    """One softmax for each row, blocks after reordering."""
    found = cut(seen)
    return [] if found is None else _different(found, _inner(found, readings), seen)


def _inner(found: Cut, readings: Readings) -> list[Structure]:
    """What every block is: of the first recogniser that says something of the first, what holds of all."""
    for structures in readings(found.blocks[0]):
        common = structures
        for block in found.blocks[1:]:
            keys = {(one.kind, one.notation, one.name) for told in readings(block) for one in told}
            common = [one for one in common if (one.kind, one.notation, one.name) in keys]
            if not common:
                break
        if common:
            return common
    return []


def _equal(found: Cut, inner: Sequence[Structure], seen: Seen) -> list[Structure]:
    count = len(found.blocks)
    if found.left is None or found.right is None:
        where = _where(found, seen)
        told = f"{count} equal blocks, one for each {where}, once the axes are put in another order."
        return [
            Structure("kronecker", "block diagonal after reordering, equal blocks", "", _told(told, one), one.element)
            for one in inner
        ]
    structures = []
    for one in inner or [Structure("dense", "dense", "", "")]:
        core = one.notation or "B"
        core = f"({core})" if " " in core and not core.startswith(("onehot(", "im2col(", "diag(")) else core
        core = f"({core})" if core.count(" ") and core.startswith("diag(") else core
        notation = " ⊗ ".join(part for part in (found.left, core, found.right) if part)
        name = "block diagonal, equal blocks" if found.left and not found.right else "Kronecker product"
        if found.pairs:
            told = (
                f"{count} equal blocks, one for each {_where(found, seen)}: what happens there is the same everywhere."
            )
        else:
            told = f"{count} equal blocks, one after the other: the same happens {count} times."
        structures.append(Structure("kronecker", name, notation, _told(told, one), one.element))
    return structures


def _different(found: Cut, inner: Sequence[Structure], seen: Seen) -> list[Structure]:
    count = len(found.blocks)
    if not found.pairs:
        told = f"{count} blocks, one after the other, that know nothing of each other."
        return [Structure("blocks", "block diagonal", "", told)]
    where = _where(found, seen)
    told = f"{count} blocks, one for each {where}, that know nothing of each other."
    in_order = not found.right and found.left is not None
    name = "block diagonal" if in_order else "block diagonal after reordering"
    structures = [
        Structure("blocks", name, f"blockdiag({one.notation})" if one.notation else "", _told(told, one), one.element)
        for one in inner
        if one.kind != "dense"
    ]
    return [*structures, Structure("blocks", name, "", told)]


def _told(told: str, inner: Structure) -> str:
    if (
        inner.kind in ("dense", "sparse")
        or not inner.sentence
        or (inner.kind in ("row", "column") and not inner.notation)
    ):
        return told
    return f"{told} In each: {inner.sentence[0].lower()}{inner.sentence[1:]}"


def _where(found: Cut, seen: Seen) -> str:
    """`index along N`, `index along axis 1 of x`."""
    names = []
    for p, q in found.pairs:
        name = seen.argument.dimension(q) or seen.output.dimension(p)
        names.append(name or f"axis {p} of {seen.output.name}")
    return "index along " + " and ".join(names)


def _along_axes(seen: Seen, pairs: tuple[tuple[int, int], ...]) -> Cut | None:
    count, tensor = seen.output.value.ndim, seen.tensor
    lengths = [tensor.shape[p] for p, _ in pairs]
    total = math.prod(lengths)
    if total > _MOST_BLOCKS or total * total == seen.matrix.size:
        return None
    found = tuple(_block(seen, pairs, index) for index in np.ndindex(*lengths))
    left, right = _sides(seen, pairs, count)
    return Cut(pairs, found, left, right)


def _block(seen: Seen, pairs: Sequence[tuple[int, int]], index: Sequence[int]) -> Seen:
    count = seen.output.value.ndim
    of_output, of_argument = dict(zip((p for p, _ in pairs), index)), dict(zip((q for _, q in pairs), index))
    at: list[int | slice] = [of_output.get(axis, slice(None)) for axis in range(count)]
    at += [of_argument.get(axis, slice(None)) for axis in range(seen.argument.value.ndim)]
    output, argument = _sliced(seen.output, of_output), _sliced(seen.argument, of_argument)
    matrix = seen.tensor[tuple(at)].reshape(output.value.size, argument.value.size)
    arrays = [argument]
    for named in seen.arrays:
        if named.name != seen.argument.name:
            arrays.append(named)
            for (p, _), position in zip(pairs, index):
                arrays += [
                    _sliced(named, {axis: position})
                    for axis, length in enumerate(named.shape)
                    if length == seen.output.shape[p]
                ]
    return replace(seen, matrix=matrix, output=output, argument=argument, arrays=tuple(arrays), is_block=True)


def _sliced(named: Named, at: dict[int, int]) -> Named:
    kept = [axis for axis in range(named.value.ndim) if axis not in at]
    dimensions = tuple(named.dimension(axis) for axis in kept)
    value = named.value[tuple(at.get(axis, slice(None)) for axis in range(named.value.ndim))]
    return Named(named.name, np.asarray(value), dimensions)


def _sides(seen: Seen, pairs: Sequence[tuple[int, int]], count: int) -> tuple[str | None, str | None]:
    """Labels of the identities left and right of the block; (None, None) where the shared axes stand elsewhere."""
    out_long = [axis for axis in range(count) if seen.output.shape[axis] > 1]
    in_long = [axis for axis in range(seen.argument.value.ndim) if seen.argument.shape[axis] > 1]
    of_output, of_argument = dict(pairs), {q: p for p, q in pairs}
    leading = 0
    while leading < min(len(out_long), len(in_long)) and of_output.get(out_long[leading]) == in_long[leading]:
        leading += 1
    trailing = 0
    while (
        trailing < min(len(out_long), len(in_long)) - leading
        and of_output.get(out_long[-1 - trailing]) == in_long[-1 - trailing]
    ):
        trailing += 1
    if leading + trailing != len(pairs):
        return None, None

    def label(axes: Sequence[int]) -> str:
        names = [
            seen.argument.dimension(q) or seen.output.dimension(of_argument[q]) or str(seen.argument.shape[q])
            for q in axes
        ]
        return f"I_{'·'.join(names) if any(name.isdigit() for name in names) else ''.join(names)}" if names else ""

    return label(in_long[:leading]), label(in_long[len(in_long) - trailing :] if trailing else [])


def _one_after_another(seen: Seen) -> Cut | None:
    """Blocks by their place alone, for axes that were joined or split; `block ⊗ I` where a stride finds them."""
    rows, columns = seen.matrix.shape
    for parts in _divisors(math.gcd(rows, columns)):
        height, width = rows // parts, columns // parts
        if height * width == 1:
            continue
        grid = seen.matrix.reshape(parts, height, parts, width)
        straight = _cut_grid(seen, grid.transpose(0, 2, 1, 3))
        if straight is not None:
            return Cut((), straight, f"I_{parts}", "")
        grid = seen.matrix.reshape(height, parts, width, parts)
        strided = _cut_grid(seen, grid.transpose(1, 3, 0, 2))
        if strided is not None and Cut((), strided, "", "").are_equal:
            return Cut((), strided, "", f"I_{parts}")
    return None


def _cut_grid(seen: Seen, grid: Array) -> tuple[Seen, ...] | None:
    """The blocks on the diagonal of a (parts, parts, height, width) grid that is zero elsewhere."""
    parts = len(grid)
    if parts > _MOST_BLOCKS or not seen.same(grid[~np.eye(parts, dtype=bool)], 0.0):
        return None
    height, width = grid.shape[2:]
    output = seen.output.value.reshape(-1)
    argument = seen.argument.value.reshape(-1)
    return tuple(
        replace(
            seen,
            matrix=grid[k, k],
            output=Named(seen.output.name, output[k * height : (k + 1) * height]),
            argument=Named(seen.argument.name, argument[k * width : (k + 1) * width]),
            is_block=True,
        )
        for k in range(parts)
    )


def _divisors(number: int) -> Iterator[int]:
    """From the largest down to 2."""
    return (part for part in range(number, 1, -1) if number % part == 0)
