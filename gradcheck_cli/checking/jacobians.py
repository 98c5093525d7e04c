"""A layer or a function at a few draws of its inputs: its Jacobians at the first, confirmed by the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gradcheck_cli.checking.following import Followed, follow, with_values
from gradcheck_cli.checking.jacobian_options import JacobianOptions
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.errors import UserError
from gradcheck_cli.graph.jacobian import Draw, jacobians_of
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.inputs.randomness import repeatable
from gradcheck_cli.layers.inputs.specification import specify
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.report.jacobian.model import Jacobians
from gradcheck_cli.tracing.jax_setup import start

CONFIRMED_BY = 2
"""Further draws: at one of them every unit of a ReLU may be shut."""


def layer_jacobians(module: Module, layer: Layer, options: JacobianOptions) -> Jacobians:
    """The Jacobians of a layer's forward, or of a function.

    Raises:
        UserError: where it does not run, cannot be followed, or is too large.
    """
    start(options.device)
    traces = Traces(options.device)
    described = _described(module, layer, options)
    sizes = _sizes(described, options)
    inputs = with_values(layer, options.inputs, options.at)
    inputs = replace(inputs, dimensions={**sizes, **inputs.dimensions})
    first = follow(module, layer, inputs, traces, 0, "a Jacobian")
    first = replace(first, case=_labelled(first.case, described, sizes))
    draws = [first]
    for index in range(1, 1 + CONFIRMED_BY):
        if (another := _another(module, layer, options, first, described, traces, index)) is not None:
            draws.append(another)
    jacobians = jacobians_of([Draw(one.case, one.trace) for one in draws])
    notes = [*first.specification.notes, *first.trace.notes]
    if len(draws) == 1:
        notes.append("no other draw to confirm it: structures and formulas are as they look at this one")
    return Jacobians(
        name=layer.name,
        path=str(layer.path),
        line=layer.forward_line,
        seed=options.inputs.seed,
        jacobians=jacobians,
        sizes=tuple(first.case.dimensions.items()),
        notes=tuple(dict.fromkeys(notes)),
    )


def _described(module: Module, layer: Layer, options: JacobianOptions) -> dict[str, tuple[str | int, ...]]:
    """Of the arguments that the user gave values for, the dimensions that the layer says they have, where they fit."""
    if not options.at:
        return {}
    bound = repeatable(layer.bind(module.namespace), module.namespace, options.inputs.seed)
    try:
        shapes = specify(layer, module, bound, options.inputs).shapes
    except UserError:  # without the values nothing is known of them
        return {}
    found: dict[str, tuple[str | int, ...]] = {}
    sizes: dict[str, int] = dict(options.inputs.dimensions)
    for name, value in options.at.items():
        dimensions = shapes[name].dimensions if name in shapes else None
        if dimensions is None or len(dimensions) != np.ndim(value):
            continue
        lengths = dict(zip(dimensions, np.shape(value)))
        if all(sizes.get(str(axis), length) == length for axis, length in lengths.items() if isinstance(axis, str)):
            sizes |= {axis: length for axis, length in lengths.items() if isinstance(axis, str)}
            found[name] = dimensions
    return found


def _sizes(described: Mapping[str, tuple[str | int, ...]], options: JacobianOptions) -> dict[str, int]:
    """By dimension, as the values have it."""
    return {
        axis: length
        for name, dimensions in described.items()
        for axis, length in zip(dimensions, np.shape(options.at[name]))
        if isinstance(axis, str)
    }


def _labelled(case: Case, described: Mapping[str, tuple[str | int, ...]], sizes: Mapping[str, int]) -> Case:
    """The case with names for the axes of values that the user gave."""
    leaves = tuple(
        replace(leaf, dimensions=tuple(axis if isinstance(axis, str) else "" for axis in described[leaf.name]))
        if leaf.name in described
        else leaf
        for leaf in case.leaves
    )
    return replace(case, leaves=leaves, dimensions={**sizes, **case.dimensions})


def _another(
    module: Module,
    layer: Layer,
    options: JacobianOptions,
    first: Followed,
    described: Mapping[str, tuple[str | int, ...]],
    traces: Traces,
    index: int,
) -> Followed | None:
    """Other values in the same sizes, also of what the user gave values for; None where there are none to be had."""
    shapes = {name: tuple(map(int, np.shape(value))) for name, value in options.at.items() if name not in described}
    inputs = replace(
        options.inputs,
        shapes={**options.inputs.shapes, **shapes},
        dimensions={**options.inputs.dimensions, **first.case.dimensions},
        draws=1,  # of three or more the last would be a batch of one
    )
    try:
        another = follow(module, layer, inputs, traces, index, "a Jacobian")
    except UserError:
        return None
    before, after = first.case.leaves, another.case.leaves
    if [leaf.value.shape for leaf in before] != [leaf.value.shape for leaf in after]:
        return None
    # arrays that a module makes itself may be the same at every draw
    if all(np.array_equal(one.value, other.value) for one, other in zip(before, after)):
        return None
    return another
