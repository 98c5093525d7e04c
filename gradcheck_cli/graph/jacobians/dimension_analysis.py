"""Shapes written out as in a lecture: ∂e/∂x (1×M) = ∂e/∂z (1×N) · ∂z/∂x (N×M)."""

from __future__ import annotations

from collections.abc import Sequence

from gradcheck_cli.graph.jacobians.blocks import cut
from gradcheck_cli.graph.jacobians.seen import Named, Seen


def shape_lines(seen: Seen) -> list[str]:
    """All elements in one row; and, where a batch falls apart into rows, for one of them."""
    z, x = seen.output.name, seen.argument.name
    e = seen.upstream
    lines = [_line(e, z, x, _size(seen.output), _size(seen.argument))]
    rows, columns = seen.matrix.shape
    if not _size(seen.output).isdigit() or not _size(seen.argument).isdigit():
        lines.append(f"1×{columns} = 1×{rows} · {rows}×{columns}")
    found = cut(seen)
    if found is not None and found.pairs and found.pairs[0] == (0, 0) and len(found.blocks) > 1:
        block, (p, q) = found.blocks[0], found.pairs[0]
        along = seen.argument.dimension(q) or seen.output.dimension(p) or "the first axis"
        line = _line(e, f"{z}_n", f"{x}_n", _size(block.output), _size(block.argument))
        lines.append(f"{line}, n along {along}")
    return lines


def product_line(result: tuple[str, Sequence[str]], terms: Sequence[tuple[str, Sequence[str]]]) -> str:
    """`∂e/∂W (D×M) = xᵀ (D×N) · ∂e/∂z (N×M)`: each with the labels of its two axes."""
    told = [f"{name} ({'×'.join(axes)})" for name, axes in (result, *terms)]
    return f"{told[0]} = {' · '.join(told[1:])}"


def labels(named: Named) -> list[str]:
    """A name or a size for each axis; a vector is one row."""
    found = [named.dimension(axis) or str(length) for axis, length in enumerate(named.shape)]
    return found if len(found) > 1 else ["1", *found] if found else ["1", "1"]


def _line(e: str, z: str, x: str, rows: str, columns: str) -> str:
    return f"∂{e}/∂{x} (1×{columns}) = ∂{e}/∂{z} (1×{rows}) · ∂{z}/∂{x} ({rows}×{columns})"


def _size(named: Named) -> str:
    """`N·M`, `12`: a product of names where any is known, else the number of elements."""
    names = [named.dimension(axis) or str(length) for axis, length in enumerate(named.shape) if length > 1]
    names += [named.dimension(axis) for axis, length in enumerate(named.shape) if length == 1 and named.dimension(axis)]
    if all(name.isdigit() for name in names):
        return str(named.value.size)
    return "·".join(names)
