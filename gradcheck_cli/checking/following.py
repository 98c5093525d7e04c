"""A layer or a function at one draw of its inputs, its forward run and traced with the calls followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import Case, Specification
from gradcheck_cli.layers.inputs.randomness import repeatable
from gradcheck_cli.layers.inputs.sampling import draw
from gradcheck_cli.layers.inputs.specification import specify
from gradcheck_cli.layers.layer import BoundLayer, ForwardResult, Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.tracing.trace import Trace, Untraceable
from gradcheck_cli.witnesses.analytic import run_forward


@dataclass(frozen=True)
class Followed:
    """One draw, what the forward gave for it, and the trace."""

    bound: BoundLayer
    specification: Specification
    case: Case
    result: ForwardResult
    trace: Trace


def follow(module: Module, layer: Layer, inputs: InputOptions, traces: Traces, index: int, shown: str) -> Followed:
    """Draw number `index`, traced.

    Args:
        shown: what needs the trace, for the error: `a graph`.

    Raises:
        UserError: where it does not run, or cannot be followed.
    """
    bound = repeatable(layer.bind(module.namespace), module.namespace, inputs.seed)
    specification = specify(layer, module, bound, inputs)
    case = draw(layer, specification, bound, inputs, index)
    result = run_forward(bound, case)
    traced = traces.trace(module, case, result, follow=True)
    if isinstance(traced, Untraceable):
        raise UserError(
            f"`{layer.name}` cannot be followed: {traced.reason}",
            path=traced.path or layer.path,
            line=traced.line or layer.forward_line,
            mend=f"{shown} shows what JAX or NumPy computes: write the step with their functions",
        )
    return Followed(bound, specification, case, result, traced)


def with_values(layer: Layer, inputs: InputOptions, at: Mapping[str, Any]) -> InputOptions:
    """The options with values of arguments that the user gave, for a single draw.

    Raises:
        UserError: for a name that no argument has.
    """
    names = [argument.name for argument in layer.arguments]
    for name in at:
        if name not in names:
            raise UserError(
                f"`--at {name}=...`: `{layer.name}` has no argument `{name}`", mend=f"it has {', '.join(names)}"
            )
    given = {name: np.asarray(value, np.float64) for name, value in at.items()}
    return replace(inputs, arguments={**inputs.arguments, **given}, draws=1)
