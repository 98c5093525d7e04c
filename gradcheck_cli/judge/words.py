"""The user's own names in the judge's sentences: gradients, shapes with their dimensions, indices, numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from gradcheck_cli.layers.case import Leaf
from gradcheck_cli.layers.layer import Layer


def gradient_name(layer: Layer, leaf: Leaf) -> str:
    """What the user calls the gradient of `leaf` (`dw`, `self.dW`), else `d` and the leaf's name."""
    for argument in layer.arguments:
        if argument.name == leaf.argument and argument.gradient_name:
            return argument.gradient_name + leaf.name[len(leaf.argument) :]
    return f"d{leaf.name}"


def argument_gradient_name(layer: Layer, argument_name: str) -> str:
    """The same for a whole argument."""
    for argument in layer.arguments:
        if argument.name == argument_name and argument.gradient_name:
            return argument.gradient_name
    return f"d{argument_name}"


def axis_names(
    shape: Sequence[int], leaf_dimensions: Sequence[str], leaf_shape: Sequence[int], sizes: Mapping[str, int]
) -> tuple[str, ...]:
    """A name for each axis of an array that came back, found by its size: "" where no name or several fit.

    The leaf's own dimensions speak first, then the layer's. Different names get different sizes when a case is drawn,
    so a size names its dimension, except sizes of one.
    """
    own = dict[int, list[str]]()
    for name, size in zip(leaf_dimensions, leaf_shape):
        if name and name not in own.setdefault(size, []):
            own[size].append(name)
    others = dict[int, list[str]]()
    for name, size in sizes.items():
        others.setdefault(size, []).append(name)
    if tuple(shape) == tuple(leaf_shape) and len(leaf_dimensions) == len(leaf_shape):
        return tuple(leaf_dimensions)
    apart = sum(size != wanted for size, wanted in zip(shape, leaf_shape))
    larger = all(size >= wanted for size, wanted in zip(shape, leaf_shape))
    # As many axes as expected and several of them longer: padding, and another dimension's name would mislead.
    padded = len(shape) == len(leaf_shape) and apart > 1 and larger
    names: list[str] = []
    for size in shape:
        candidates = own.get(size) or (others.get(size, []) if not padded else [])
        name = candidates[0] if len(candidates) == 1 and size != 1 else ""
        names.append("" if name in names else name)
    return tuple(names)


def shape_text(shape: Sequence[int], names: Sequence[str] = ()) -> str:
    """`(N=4, M=5)`; a size alone where an axis has no name; `()` for a scalar."""
    if len(names) != len(shape):
        names = [""] * len(shape)
    parts = [f"{name}={size}" if name else str(size) for name, size in zip(names, shape)]
    return f"({', '.join(parts)}{',' if len(parts) == 1 and not names[0] else ''})"


def index_text(index: Sequence[int]) -> str:
    """`[2, 3]`, or "" for the one element of a scalar."""
    return f"[{', '.join(str(position) for position in index)}]" if index else ""


def number(value: float | complex | None, digits: int = 4) -> str:
    """A number to a few significant digits."""
    if value is None:
        return "-"
    value = value + 0.0  # no negative zero
    if isinstance(value, complex):
        return f"{value.real:.{digits}g}{value.imag:+.{digits}g}j"
    return "NaN" if math.isnan(value) else f"{value:.{digits}g}"


def pair(first: float | complex, second: float | complex) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to tell them apart."""
    for digits in range(3, 18):
        texts = number(first, digits), number(second, digits)
        if texts[0] != texts[1]:
            return texts if digits < 6 else (number(first, digits + 1), number(second, digits + 1))
    return texts


def listing(names: Sequence[str]) -> str:
    """`` `x`, `w` and `b` ``."""
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}" if quoted else "none"


def plural(count: int, noun: str) -> str:
    """`1 element`, `12 elements`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
