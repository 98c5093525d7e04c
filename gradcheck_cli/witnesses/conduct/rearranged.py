"""The same values handed over otherwise: in other memory, in another dtype, and an empty batch of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.layer import Role
from gradcheck_cli.layers.leaves import at, fresh, is_floating, rebuild
from gradcheck_cli.witnesses.conduct.layouts import Layout, arguments_in, first_row, upstream_in
from gradcheck_cli.witnesses.conduct.situations import Gradients, Situations

OTHER_DTYPES = {"float64": "float32", "float32": "float64", "complex128": "complex64", "complex64": "complex128"}
"""What an upstream gradient may come in beside the output's own dtype: as wide, or half as wide."""


@dataclass(frozen=True)
class Rearranged:
    """Outputs and gradients with inputs or upstream gradients handed over otherwise; `error` is what was raised."""

    outputs: tuple[NDArray[Any], ...] | None = None
    gradients: Gradients | None = None
    error: UserError | None = None


def rearranged(
    situations: Situations, layout: Layout, *, arguments: bool, upstream: bool, without: Collection[str] = ()
) -> Rearranged:
    """Run the layer with its arguments, its upstream gradients, or both, in this layout."""
    given = arguments_in(situations.case, layout, without) if arguments else None
    cotangents = upstream_in(situations.subject.upstream.cotangents, layout) if upstream else None
    return _run(situations, given, cotangents)


def spread(situations: Situations, *, view: bool) -> Rearranged:
    """Run the backward on an upstream gradient that is the same along its first axis; `view`: with stride zero."""
    return _run(situations, None, first_row(situations.subject.upstream.cotangents, view=view))


def upstream_of_another_dtype(situations: Situations) -> tuple[str, Rearranged] | None:
    """Run the backward on an upstream gradient of another width; None where the output has no such dtype."""
    said: list[str] = []

    def narrowed(_: Any, leaf: Any) -> Any:
        other = OTHER_DTYPES.get(str(getattr(leaf, "dtype", "")))
        if not isinstance(leaf, np.ndarray) or other is None:
            return fresh(leaf)
        said.append(other)
        return leaf.astype(other)

    cotangents = tuple(rebuild(item, narrowed) for item in situations.subject.upstream.cotangents)
    return (said[0], _run(situations, None, cotangents)) if said else None


@dataclass(frozen=True)
class Empty:
    """What happened on a batch of zero: the name of its dimension, the case, what came of it."""

    dimension: str
    case: Case
    rearranged: Rearranged


def batch_of_zero(situations: Situations) -> Empty | None:
    """Run the layer on an empty batch; None where nothing is known to be the batch, or the forward does not run there.

    The batch is the named first dimension of the first input that is the first dimension of every output, too.
    """
    case, outputs = situations.case, situations.subject.result.outputs
    inputs = {item.name for item in case.layer.arguments if item.role is Role.INPUT}
    first = next((leaf for leaf in case.leaves if leaf.argument in inputs), None)
    if first is None or not first.dimensions or not first.dimensions[0] or first.value.ndim == 0:
        return None
    name, size = first.dimensions[0], first.value.shape[0]
    if size < 2 or any(np.shape(output)[:1] != (size,) for output in outputs if is_floating(output)):
        return None
    if not all(isinstance(output, np.ndarray) for output in outputs):
        return None
    axes = {(leaf.argument, leaf.path): leaf.dimensions for leaf in case.leaves}

    def emptied(argument: str) -> Any:
        def leaf(path: Any, value: Any) -> Any:
            if not isinstance(value, np.ndarray):
                return fresh(value)
            named = axes.get((argument, path), ())
            if name in named:
                return np.take(value, [], axis=named.index(name))
            integer = value.dtype.kind in "biu" and value.shape[:1] == (size,)
            return value[:0].copy() if integer else value.copy()

        return leaf

    given = {key: rebuild(value, emptied(key)) for key, value in case.arguments.items()}
    leaves = tuple(replace(leaf, value=at(given[leaf.argument], leaf.path)) for leaf in case.leaves)
    try:
        forwarded = situations.forward({key: fresh(value) for key, value in given.items()})
    except UserError:
        return None
    shapes = [np.shape(output) for output in forwarded.outputs]
    if any(shape[:1] != (0,) for shape in shapes) or not shapes:
        return None
    small = replace(case, arguments=given, leaves=leaves)
    cotangents = tuple(rebuild(item, lambda _, leaf: np.zeros_like(leaf)) for item in forwarded.result.outputs)
    try:
        pulled = situations.backward(forwarded, cotangents)
    except UserError as error:
        return Empty(name, small, Rearranged(error=error))
    return Empty(name, small, Rearranged(forwarded.outputs, pulled.gradients))


def _run(situations: Situations, given: Any, cotangents: Any) -> Rearranged:
    try:
        forwarded = situations.forward(given)
        return Rearranged(forwarded.outputs, situations.backward(forwarded, cotangents).gradients)
    except UserError as error:
        return Rearranged(error=error)
