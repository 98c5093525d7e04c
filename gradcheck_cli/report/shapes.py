"""Shapes in the user's own words: `(N=4, M=5)`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def shape_text(shape: Sequence[int], dimensions: Sequence[str] = ()) -> str:
    """`(N=4, M=5)` where the axes have names, `(4, 5)` and `(5,)` where they have none, `()` for a scalar."""
    names = list(dimensions) if len(dimensions) == len(shape) else [""] * len(shape)
    parts = [f"{name}={size}" if name and name != str(size) else str(size) for name, size in zip(names, shape)]
    comma = "," if len(parts) == 1 and not any(names) else ""
    return f"({', '.join(parts)}{comma})"


def names_by_size(shape: Sequence[int], sizes: Mapping[str, int]) -> tuple[str, ...]:
    """The dimension that has each axis's size, "" where none or several do (gradcheck draws distinct sizes)."""
    names = []
    for size in shape:
        matching = [name for name, known in sizes.items() if known == size]
        names.append(matching[0] if len(matching) == 1 and size != 1 else "")
    return tuple(names)


def index_text(index: Sequence[int]) -> str:
    """`[2, 3]`; `[]` for the one element of a scalar."""
    return "[" + ", ".join(str(position) for position in index) + "]"
