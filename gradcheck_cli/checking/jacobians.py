"""A layer or a function at two draws of its inputs: its Jacobians at the first, confirmed by the second."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradcheck_cli.checking.following import Followed, follow, with_values
from gradcheck_cli.checking.jacobian_options import JacobianOptions
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.errors import UserError
from gradcheck_cli.graph.jacobian import Draw, jacobians_of
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.report.jacobian.model import Jacobians
from gradcheck_cli.tracing.jax_setup import start


def layer_jacobians(module: Module, layer: Layer, options: JacobianOptions) -> Jacobians:
    """The Jacobians of a layer's forward, or of a function.

    Raises:
        UserError: where it does not run, cannot be followed, or is too large.
    """
    start(options.device)
    traces = Traces(options.device)
    first = follow(module, layer, with_values(layer, options.inputs, options.at), traces, 0, "a Jacobian")
    draws = [first]
    if (second := _second(module, layer, options, first, traces)) is not None:
        draws.append(second)
    jacobians = jacobians_of([Draw(one.case, one.trace) for one in draws])
    notes = [*first.specification.notes, *first.trace.notes]
    if len(draws) == 1:
        notes.append("no second draw: structures and formulas are as they look at this one")
    return Jacobians(
        name=layer.name,
        path=str(layer.path),
        line=layer.forward_line,
        seed=options.inputs.seed,
        jacobians=jacobians,
        sizes=tuple(first.case.dimensions.items()),
        notes=tuple(dict.fromkeys(notes)),
    )


def _second(module: Module, layer: Layer, options: JacobianOptions, first: Followed, traces: Traces) -> Followed | None:
    """Other values in the same sizes, also of what the user gave values for; None where there are none to be had."""
    shapes = {name: np.shape(value) for name, value in options.at.items()}
    inputs = replace(
        options.inputs,
        shapes={**options.inputs.shapes, **{name: tuple(map(int, shape)) for name, shape in shapes.items()}},
        dimensions={**options.inputs.dimensions, **first.case.dimensions},
        draws=2,
    )
    try:
        second = follow(module, layer, inputs, traces, 1, "a Jacobian")
    except UserError:
        return None
    before, after = first.case.leaves, second.case.leaves
    if [leaf.value.shape for leaf in before] != [leaf.value.shape for leaf in after]:
        return None
    # arrays that a module makes itself may be the same at every draw
    if all(np.array_equal(one.value, other.value) for one, other in zip(before, after)):
        return None
    return second
