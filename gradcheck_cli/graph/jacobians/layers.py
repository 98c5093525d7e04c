"""Gradients of layers that are known by name: softmax, centring, running sums, embedding, convolution, division."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np

from gradcheck_cli.graph.jacobians.seen import Array, Named, Seen

Rule = Callable[[Array, Seen], Array]
Mode = Literal["full", "valid", "same"]


def of_known_layers(seen: Seen, left: str, up: str) -> Iterator[tuple[str, Rule]]:
    """Text and rule of each, for every axis that it could be along."""
    if seen.output.shape == seen.argument.shape:
        for axis, length in enumerate(seen.output.shape):
            if length > 1:
                along = "" if seen.output.value.ndim == 1 else f", axis={axis}, keepdims=True"
                yield from _along(seen, left, up, axis, along)
        yield from _turned(seen, left, up)
        yield from _normalising(seen, left, up)
    yield from _embedding(seen, left, up)
    yield from _convolutions(seen, left, up)


def _along(seen: Seen, left: str, up: str, axis: int, along: str) -> Iterator[tuple[str, Rule]]:
    z, x = seen.output.name, seen.argument.name
    short = along.removesuffix(", keepdims=True")

    def total(values: Array) -> Array:
        return np.asarray(values.sum(axis=axis, keepdims=True))

    yield f"{left} = {up} - mean({up}{along})", lambda u, _: u - total(u) / u.shape[axis]
    yield (
        f"{left} = {z} * ({up} - sum({up} * {z}{along}))",
        lambda u, s: s.output.value * (u - total(u * s.output.value)),
    )
    yield (
        f"{left} = {up} - exp({z}) * sum({up}{along})",
        lambda u, s: u - np.exp(s.output.value) * total(u),
    )
    yield (
        f"{left} = ({up} - {z} * sum({up} * {z}{along})) / norm({x}{along})",
        lambda u, s: (u - s.output.value * total(u * s.output.value)) / np.sqrt(total(s.argument.value**2)),
    )
    yield (
        f"{left} = ({up} - mean({up}{along}) - {z} * mean({up} * {z}{along})) / std({x}{along})",
        lambda u, s: (
            (u - total(u) / u.shape[axis] - s.output.value * total(u * s.output.value) / u.shape[axis])
            / s.argument.value.std(axis=axis, keepdims=True)
        ),
    )
    yield (
        f"{left} = flip(cumsum(flip({up}{short}){short}){short})",
        lambda u, _: np.flip(np.cumsum(np.flip(u, axis), axis), axis),
    )
    yield f"{left} = cumsum({up}{short})", lambda u, _: np.cumsum(u, axis)


def _turned(seen: Seen, left: str, up: str) -> Iterator[tuple[str, Rule]]:
    for axis, length in enumerate(seen.output.shape):
        if length > 1:
            along = "" if seen.output.value.ndim == 1 else f", axis={axis}"
            yield f"{left} = flip({up}{along})", _flipping(axis)


def _flipping(axis: int) -> Rule:
    return lambda u, _: np.flip(u, axis)


def _normalising(seen: Seen, left: str, up: str) -> Iterator[tuple[str, Rule]]:
    """Layer and batch normalisation, by what the user calls the normed values, their spread and the scale."""
    named = [one for one in seen.arrays if one.name != seen.argument.name]
    normed = [seen.output, *(one for one in named if one.shape == seen.output.shape)]
    scales = [one for one in named if one.value.size > 1 and _broadcasts(one, seen)]
    for axis, length in enumerate(seen.output.shape):
        spreads = [one for one in named if one.value.size * length == seen.output.value.size and _broadcasts(one, seen)]
        for z, spread, scale, sign in itertools.product(normed, spreads, (None, *scales), "/*"):
            g = up if scale is None else "g"
            where = "" if scale is None else f", with g = {up} * {scale.name}"
            mean = f"axis={axis}, keepdims=True"
            text = f"{left} = ({g} - mean({g}, {mean}) - {z.name} * mean({g} * {z.name}, {mean})) {sign} {spread.name}"
            yield text + where, _normed(axis, z.name, spread.name, None if scale is None else scale.name, sign)


def _broadcasts(named: Named, seen: Seen) -> bool:
    lengths = zip(reversed(named.shape), reversed(seen.output.shape))
    return named.value.ndim <= seen.output.value.ndim and all(mine in (1, whole) for mine, whole in lengths)


def _normed(axis: int, z: str, spread: str, scale: str | None, sign: str) -> Rule:
    def rule(u: Array, s: Seen) -> Array:
        known = {one.name: one.value for one in (*s.arrays, s.output)}
        g = u if scale is None else u * known[scale]
        left = g - g.mean(axis=axis, keepdims=True)
        left = left - known[z] * (g * known[z]).mean(axis=axis, keepdims=True)
        found: Array = left / known[spread] if sign == "/" else left * known[spread]
        return found

    return rule


def _embedding(seen: Seen, left: str, up: str) -> Iterator[tuple[str, Rule]]:
    for named in seen.arrays:
        count = named.value.ndim
        is_index = named.name != seen.argument.name and np.array_equal(named.value, np.round(named.value))
        if not is_index or named.shape + seen.argument.shape[1:] != seen.output.shape or not count:
            continue

        def rule(u: Array, s: Seen, name: str = named.name) -> Array:
            found = np.zeros(s.argument.shape)
            np.add.at(found, _by_name(s, name).value.astype(int), u)
            return found

        yield f"{left} = zeros, then add.at({left}, {named.name}, {up})", rule


def _by_name(seen: Seen, name: str) -> Named:
    return next(named for named in seen.arrays if named.name == name)


def _convolutions(seen: Seen, left: str, up: str) -> Iterator[tuple[str, Rule]]:
    """Of vectors."""
    if seen.output.value.ndim != 1 or seen.argument.value.ndim != 1:
        return
    modes: tuple[Mode, ...] = ("full", "valid", "same")
    for named in seen.arrays:
        if named.value.ndim != 1 or named.name == seen.argument.name:
            continue
        for mode in modes:
            yield f"{left} = convolve({up}, {named.name}, '{mode}')", _convolving(named.name, mode)
            yield f"{left} = correlate({up}, {named.name}, '{mode}')", _correlating(named.name, mode)
            yield f"{left} = correlate({named.name}, {up}, '{mode}')", _sliding(named.name, mode)


def _convolving(name: str, mode: Mode) -> Rule:
    return lambda u, s: np.convolve(u, _by_name(s, name).value, mode)


def _correlating(name: str, mode: Mode) -> Rule:
    return lambda u, s: np.correlate(u, _by_name(s, name).value, mode)


def _sliding(name: str, mode: Mode) -> Rule:
    return lambda u, s: np.correlate(_by_name(s, name).value, u, mode)
