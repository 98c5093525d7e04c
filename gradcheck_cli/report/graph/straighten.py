"""Heights: lines as level as the order within each layer, and room for every item, let them be."""

from __future__ import annotations

from collections.abc import Sequence

_SWEEPS = 6
_FIXED, _LOOSE = 1e6, 0.05
"""Weights of what is to stay, and of what nothing draws anywhere."""

Neighbours = Sequence[Sequence[int]]


def straightened(
    layers: Sequence[Sequence[int]],
    heights: Sequence[float],
    before: Neighbours,
    after: Neighbours,
    pulls: Sequence[float],
) -> list[float]:
    """The middle of each item, downwards.

    Args:
        layers: the items of each, from the top.
        heights: by item, with the room around it.
        pulls: by item, how much it draws its neighbours to its own height.
    """
    ys = [0.0] * len(heights)
    for layer in layers:
        bottom = 0.0
        for item in layer:
            ys[item] = bottom + heights[item] / 2
            bottom += heights[item]
        for item in layer:
            ys[item] -= bottom / 2
    for sweep in range(2 * _SWEEPS):
        is_forward = sweep % 2 == 1
        towards = before if is_forward else after
        for layer in layers if is_forward else reversed(layers):
            _settle(layer, ys, heights, towards, pulls)
    for layer in layers:
        _settle(layer, ys, heights, after, pulls, free=[not before[item] for item in layer])
    return ys


def _settle(
    layer: Sequence[int],
    ys: list[float],
    heights: Sequence[float],
    towards: Neighbours,
    pulls: Sequence[float],
    free: Sequence[bool] | None = None,
) -> None:
    """Put each item as near to its neighbours' mean as the others let it, by least squares; others than `free` stay."""
    if not layer:
        return
    offsets, wanted, weights = [], [], []
    offset = 0.0
    for position, item in enumerate(layer):
        if position:
            offset += (heights[layer[position - 1]] + heights[item]) / 2
        others = towards[item]
        stays = free is not None and not free[position]
        others = () if stays else towards[item]
        weight = sum(pulls[other] for other in others)
        if weight:
            target = sum(ys[other] * pulls[other] for other in others) / weight
        else:
            target, weight = ys[item], _FIXED if stays else _LOOSE
        offsets.append(offset)
        wanted.append(target - offset)
        weights.append(weight * pulls[item])
    for item, offset, found in zip(layer, offsets, rising(wanted, weights)):
        ys[item] = found + offset


def rising(wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The sequence that never falls and is nearest to the wanted one: pool adjacent violators (Ayer et al., 1955)."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(wanted, weights):
        pool = (value, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            mean, heavy, count = pools.pop()
            both = heavy + pool[1]
            pool = ((mean * heavy + pool[0] * pool[1]) / both, both, count + pool[2])
        pools.append(pool)
    return [mean for mean, _, count in pools for _ in range(count)]
