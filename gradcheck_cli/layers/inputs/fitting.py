"""Sizes of named dimensions from arrays that are given: what flows into a layer fixes the sizes of its weights."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcheck_cli.layers.inputs.dimensions import Dimensions, parse_shape
from gradcheck_cli.layers.inputs.docstrings import equations
from gradcheck_cli.layers.inputs.sources import Sources
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.options import InputOptions

_SERIES = re.compile(r"(.*?)_?\d+$")


def sizes_from(layer: Layer, module: Module, options: InputOptions, given: Mapping[str, Any]) -> dict[str, int]:
    """The sizes of the dimensions that `layer`'s own annotations and docstrings name, from the arrays it is given.

    An array of fewer axes than a series that is written out, `(N, d_1, ..., d_k)`, gives the first axes theirs, and
    `D = d_1 * ... * d_k` the product of the others.

    A shape that is declared gives its own names the sizes of those it stands for, and the other way round: with
    `w` of shape (D, M) by the docstring, and declared as "D,D", M is what D is.

    Args:
        layer: without declared inputs.
        given: arrays and declared shapes, by argument name.
    """
    sources = Sources(layer, module, options)
    found: dict[str, int] = {}
    for argument in layer.arguments:
        value: Any = given.get(argument.name)
        said = sources.shape(argument) if hasattr(value, "shape") else None
        axes = said.dimensions if said is not None else None
        if axes is None:
            continue
        shape = tuple(int(size) for size in np.shape(value))
        names = [axis for axis in axes if isinstance(axis, str)]
        if len(axes) == len(shape):
            sizes = {axis: size for axis, size in zip(axes, shape) if isinstance(axis, str) and axis.isidentifier()}
            derived = equations(layer.docstrings, names)
        else:
            head = [axis for axis in axes if not (isinstance(axis, str) and _SERIES.match(axis))]
            if len(head) > len(shape) or list(axes[: len(head)]) != head:
                continue
            sizes = {axis: size for axis, size in zip(head, shape) if isinstance(axis, str) and axis.isidentifier()}
            rest = math.prod(shape[len(head) :])
            derived = {}
            for name in equations(layer.docstrings, names):
                sizes.setdefault(name, rest)
        for name, size in sizes.items():
            if name not in derived:
                found.setdefault(name, size)
    for _ in range(2):
        for argument in layer.arguments:
            declared = axes_of(given.get(argument.name))
            said = sources.shape(argument) if declared is not None else None
            if said is not None and said.dimensions is not None and len(said.dimensions) == len(declared or ()):
                _unify(said.dimensions, declared or (), found)
    return found


def axes_of(declared: Any) -> Dimensions | None:
    """The axes of `"N,D"` or `("N", 3)`; None for anything else."""
    if isinstance(declared, str):
        return parse_shape(declared)
    if isinstance(declared, tuple) and all(isinstance(axis, str | int) for axis in declared):
        return declared
    return None


def _unify(said: Dimensions, declared: Dimensions, sizes: dict[str, int]) -> None:
    for pair in zip(said, declared):
        known = [
            axis if isinstance(axis, int) else sizes[axis] for axis in pair if isinstance(axis, int) or axis in sizes
        ]
        for axis in pair:
            if known and isinstance(axis, str) and axis.isidentifier():
                sizes.setdefault(axis, known[0] or 0)
