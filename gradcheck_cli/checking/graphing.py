"""A function of a module, or a layer, at one set of inputs: its computation graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck_cli.checking.following import Followed, follow, with_values
from gradcheck_cli.checking.graph_options import GraphOptions
from gradcheck_cli.checking.picking import Contents
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.errors import UserError
from gradcheck_cli.graph.building import build
from gradcheck_cli.graph.folding import folded
from gradcheck_cli.graph.steps import steps_of
from gradcheck_cli.graph.values import evaluate
from gradcheck_cli.judge.dimensions.receiving import receive
from gradcheck_cli.layers.conventions import plain_function, syntax
from gradcheck_cli.layers.discovery import attribute
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.reading import read_source
from gradcheck_cli.layers.selection import select
from gradcheck_cli.report.graph.model import Graph, Wire
from gradcheck_cli.tracing.forward import reference_leaves
from gradcheck_cli.tracing.jax_setup import start
from gradcheck_cli.witnesses.analytic import run_backward
from gradcheck_cli.witnesses.gradients import Upstream
from gradcheck_cli.witnesses.upstream import draw_upstream


def function_of(module: Module, contents: Contents[Layer], name: str) -> Layer:
    """The layer that `name` picks, or any function of the module.

    Raises:
        UserError: where there is none of that name.
    """
    if chosen := select(contents.layers, name):
        return chosen[0]
    function = vars(module.namespace).get(name)
    if not isinstance(function, type) and syntax.plain_function(function) is not None:
        return plain_function.build(module, name, attribute(name))
    known = [layer.name for layer in contents.layers] + [
        item for item, value in vars(module.namespace).items() if _is_own_function(module, value)
    ]
    raise UserError(
        f"`{module.path.name}` has no function `{name}`",
        path=module.path,
        line=1,
        mend=f"it has {', '.join(dict.fromkeys(known))}" if known else "name a function that it defines",
    )


def _is_own_function(module: Module, value: Any) -> bool:
    return callable(value) and getattr(value, "__module__", None) == module.namespace.__name__


def graph_of(module: Module, layer: Layer, options: GraphOptions) -> Graph:
    """The computation graph of a layer's forward, or of a function.

    Raises:
        UserError: where it does not run, or cannot be followed.
    """
    start(options.device)
    inputs = with_values(layer, options.inputs, options.at)
    followed = follow(module, layer, inputs, Traces(options.device), 0, "a graph")
    case, traced = followed.case, followed.trace
    upstream = _upstream(followed, ones=options.ones)
    steps = steps_of(traced)
    values = evaluate(steps, reference_leaves(case), upstream.flat, device=options.device)
    names = {number: leaf.name for number, leaf in zip(steps.inputs, case.leaves)}
    sources = {path: _text(module, path) for path in traced.files}
    built = build(steps, values, names, sources)
    notes = [*followed.specification.notes, *traced.notes]
    notes += [
        f"no gradient flows back through `{steps.steps[position].equation.primitive.name}`: {why}"
        for position, why in values.blocked.items()
    ]
    if not built.gates:
        notes.append("nothing is computed from the inputs: the output is a constant, or an input as it is")
    wires = built.wires
    if options.yours:
        wires = _with_yours(followed, upstream, built.inputs, wires)
    graph = Graph(
        name=layer.name,
        path=str(layer.path),
        line=layer.forward_line,
        seed=inputs.seed,
        wires=wires,
        gates=built.gates,
        inputs=built.inputs,
        outputs=built.outputs,
        upstream=tuple(upstream.flat),
        notes=tuple(dict.fromkeys(notes)),
    )
    return folded(graph, options.expand, options.collapse)


def _upstream(followed: Followed, *, ones: bool) -> Upstream:
    outputs, layer = followed.result.outputs, followed.case.layer
    is_number = len(outputs) == 1 and np.size(outputs[0]) == 1
    unit = replace(layer, unit_upstream=layer.unit_upstream or ones or is_number)
    return draw_upstream(unit, followed.case, outputs)


def _with_yours(
    followed: Followed, upstream: Upstream, inputs: Sequence[int], wires: tuple[Wire, ...]
) -> tuple[Wire, ...]:
    analytic = run_backward(followed.bound, followed.case, followed.result, upstream)
    received = receive(followed.case, analytic.backward.gradients, 1.0)
    yours = {number: item.usable for number, item in zip(inputs, received)}
    return tuple(replace(wire, yours=yours.get(wire.number)) for wire in wires)


def _text(module: Module, path: str) -> str:
    try:
        return module.source if Path(path) == module.path else read_source(Path(path))
    except UserError:
        return ""
