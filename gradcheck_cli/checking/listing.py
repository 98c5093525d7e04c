"""A layer before it is run: its arguments, and what their shapes will be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradcheck_cli.checking.users_error import finding_of
from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import ArgumentShape
from gradcheck_cli.layers.inputs.dimensions import shown
from gradcheck_cli.layers.inputs.specification import specify
from gradcheck_cli.layers.layer import Argument, Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.networks.network import Network
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.arrays import container_text
from gradcheck_cli.report.listed import ListedArgument, ListedLayer
from gradcheck_cli.tracing.jax_setup import start


def listed(module: Module, layer: Layer, options: InputOptions) -> ListedLayer:
    """What is known about a layer and its inputs; the forward is tried where nothing else tells."""
    if layer.network is not None:
        return _network(layer, layer.network)
    if module.uses_jax:
        # shapes are inferred by running the forward: in float64, as when it is checked
        start("cpu")
    shapes: Mapping[str, ArgumentShape] = {}
    sizes: Mapping[str, int] = {}
    notes = layer.notes
    error = None
    try:
        specification = specify(layer, module, layer.bind(module.namespace), options)
        shapes, sizes, notes = specification.shapes, specification.sizes, (*notes, *specification.notes)
    except UserError as unknown:
        error = finding_of(unknown, layer.path, layer.line)
    return ListedLayer(
        name=layer.name,
        path=str(layer.path),
        line=layer.line,
        convention=layer.convention.value,
        arguments=tuple(_argument(argument, shapes.get(argument.name), sizes) for argument in layer.arguments),
        notes=tuple(notes),
        error=error,
    )


def _network(layer: Layer, network: Network) -> ListedLayer:
    """Its inputs, and the layers with what each is fed; sizes follow from what flows, and are not known before."""
    wires = [
        ", ".join(network.shown(source) for source in use.sources.values()) + f" → {use.name}" for use in network.uses
    ]
    declared = {name: shape if isinstance(shape, str) else "" for name, shape in network.inputs.items()}
    for node in network.nodes:
        declared |= {f"{node.name}.{name}": shape for name, shape in node.inputs.items() if isinstance(shape, str)}
    return ListedLayer(
        name=layer.name,
        path=str(layer.path),
        line=layer.line,
        convention=layer.convention.value,
        arguments=tuple(
            ListedArgument(argument.name, argument.role.value, shape=declared.get(argument.name, ""))
            for argument in layer.arguments
        ),
        notes=("; ".join(wires),),
    )


def _argument(argument: Argument, shape: ArgumentShape | None, sizes: Mapping[str, int]) -> ListedArgument:
    if shape is None:
        return ListedArgument(argument.name, argument.role.value)
    kind = f"{shape.kind} {shape.dtype}".strip()
    return ListedArgument(argument.name, argument.role.value, kind, _shape(shape, sizes), shape.source)


def _shape(shape: ArgumentShape, sizes: Mapping[str, int]) -> str:
    """`(N, D=4)` for an array, the nest of them for a pytree, the settings for a configuration."""
    if shape.template is not None:
        return _nest(shape.template, sizes)
    if shape.dimensions is not None:
        return shown(shape.dimensions, sizes)
    return " or ".join(container_text(value) for value in shape.values)


def _nest(template: Any, sizes: Mapping[str, int]) -> str:
    if isinstance(template, ArgumentShape):
        return _shape(template, sizes)
    if isinstance(template, Mapping):
        return "{" + ", ".join(f"{key}: {_nest(part, sizes)}" for key, part in template.items()) + "}"
    if isinstance(template, (list, tuple)):
        return "[" + ", ".join(_nest(part, sizes) for part in template) + "]"
    return container_text(template)
