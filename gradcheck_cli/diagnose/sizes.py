"""Factors that follow a size: 4 in a case with N = 4 and 6 in one with N = 6 are N."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from math import prod, sqrt

SAME = 1e-6
"""How far a factor may be from what it is named."""

MOST_TOGETHER = 3
"""Sizes in one product: a mean over a batch of images divides by N·H·W."""


def is_close(one: float, other: float) -> bool:
    """Whether two factors are one, but for rounding."""
    return abs(one - other) <= SAME * max(abs(one), abs(other))


def size_named(one: float, sizes: Mapping[str, int], other: float, others: Mapping[str, int]) -> str:
    """What a factor of one case and that of another are in the names of their sizes: `1/N`, `√D`; "" for nothing.

    Args:
        sizes, others: of the two cases, by name.
    """
    shared = {name: size for name, size in sizes.items() if size > 1 and name in others}
    for sign in ("", "-"):
        factor, again = (one, other) if not sign else (-one, -other)
        if factor <= 0 or again <= 0:
            continue
        names = _names(shared)
        values, further = dict(_values(names, sizes)), dict(_values(names, others))
        for name, value in values.items():
            if is_close(value, factor) and is_close(further[name], again):
                return sign + name
    return ""


def _names(sizes: Mapping[str, int]) -> list[tuple[str, ...]]:
    return [names for count in range(1, MOST_TOGETHER + 1) for names in combinations(sizes, count)]


def _values(names: list[tuple[str, ...]], sizes: Mapping[str, int]) -> Iterator[tuple[str, float]]:
    for parts in names:
        size = float(prod(sizes[name] for name in parts))
        text = "·".join(parts)
        inner = text if len(parts) == 1 else f"({text})"
        yield text, size
        yield f"1/{inner}", 1 / size
        yield f"√{inner}", sqrt(size)
        yield f"1/√{inner}", 1 / sqrt(size)
        if len(parts) == 1:
            yield f"{text}²", size**2
            yield f"1/{text}²", 1 / size**2
            yield f"({text} - 1)", size - 1
            yield f"({text} - 1)/{text}", (size - 1) / size
            if size > 1:
                yield f"{text}/({text} - 1)", size / (size - 1)
