"""The order of items within each layer, so that few lines cross."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from itertools import pairwise

_SWEEPS = 8

Neighbours = Sequence[Sequence[int]]


def ordered(layer_of: Sequence[int], before: Neighbours, after: Neighbours) -> list[list[int]]:
    """The items of each layer, from the top.

    It starts with the items as the last ones take from them, which draws a tree without a crossing and keeps operands
    in their order; sweeps of barycentres then change that only where fewer lines cross.

    Args:
        layer_of: by item.
        before, after: by item, those that it is joined to, all in the neighbouring layers.
    """
    layers: list[list[int]] = [[] for _ in range(max(layer_of, default=-1) + 1)]
    for item in _from_the_end(before, after):
        layers[layer_of[item]].append(item)
    best, fewest = layers, crossings(layers, after)
    for sweep in range(_SWEEPS):
        if fewest == 0:
            break
        layers = _swept(layers, before if sweep % 2 == 0 else after, is_forward=sweep % 2 == 0)
        count = crossings(layers, after)
        if count < fewest:
            best, fewest = layers, count
    return best


def crossings(layers: Sequence[Sequence[int]], after: Neighbours) -> int:
    """How many pairs of lines cross."""
    total = 0
    for upper, lower in pairwise(layers):
        position = {item: number for number, item in enumerate(lower)}
        seen: list[int] = []
        for item in upper:
            ends = sorted(position[other] for other in after[item])
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _from_the_end(before: Neighbours, after: Neighbours) -> list[int]:
    """All items, depth first from those that nothing takes from, each with what it takes from first."""
    found: list[int] = []
    seen = [False] * len(before)
    for last in range(len(before)):
        if after[last] or seen[last]:
            continue
        stack = [(last, 0)]
        seen[last] = True
        while stack:
            item, position = stack.pop()
            if position < len(before[item]):
                stack.append((item, position + 1))
                other = before[item][position]
                if not seen[other]:
                    seen[other] = True
                    stack.append((other, 0))
            else:
                found.append(item)
    return found


def _swept(layers: Sequence[Sequence[int]], towards: Neighbours, *, is_forward: bool) -> list[list[int]]:
    """Each layer by the mean position of its items' neighbours in the layer that was ordered before it."""
    found = [list(layer) for layer in layers]
    numbers = range(len(found)) if is_forward else range(len(found) - 1, -1, -1)
    position: dict[int, int] = {}
    for number in numbers:
        middle = {
            item: sum(position[other] for other in towards[item]) / len(towards[item])
            if towards[item]
            else float(place)
            for place, item in enumerate(found[number])
        }
        found[number].sort(key=middle.__getitem__)
        position = {item: place for place, item in enumerate(found[number])}
    return found
