"""One case: a value for every argument of a layer, drawn from a seed, with which its forward runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import ArgumentShape, Case, Leaf, Specification
from gradcheck_cli.layers.inputs.building import as_given, build, floating_leaves
from gradcheck_cli.layers.inputs.dimensions import names_in
from gradcheck_cli.layers.inputs.feasibility import Feasible, batch_names, every_shape, first_that_runs, settle_domains
from gradcheck_cli.layers.inputs.inference import nothing_to_differentiate
from gradcheck_cli.layers.inputs.trials import Attempt
from gradcheck_cli.layers.layer import BoundLayer, Layer
from gradcheck_cli.layers.leaves import at, leaf_name
from gradcheck_cli.layers.options import InputOptions

__all__ = ["as_given", "draw"]


def draw(
    layer: Layer,
    specification: Specification,
    bound: BoundLayer,
    options: InputOptions,
    index: int,
    *,
    few_steps: bool = False,
) -> Case:
    """Draw number `index` (from 0): the same for the same seed, whatever else is drawn.

    The last of three or more draws is a batch of one, unless the forward raises or is not finite there. Arguments of
    layers written for JAX are JAX arrays; the leaves' values are NumPy's always. With `few_steps`, sizes are such that
    loops over sequences, images and examples are short.

    Raises:
        UserError: GC502, where no sizes that were tried make the forward run.
    """
    options = options.declared(layer.dtype)
    notes: list[str] = []
    found: Feasible | UserError | None = None
    batch = batch_names(layer, specification)
    if options.draws >= 3 and index == options.draws - 1 and batch and specification.make is None:
        found = first_that_runs(
            layer, specification, bound, options, index, batch_of_one=batch, finite=True, few_steps=few_steps
        )
        if not isinstance(found, Feasible):
            found = None
            ones = ", ".join(f"{name}=1" for name in sorted(batch))
            notes.append(f"no batch of one: with {ones} the forward raises or is not finite")
    if found is None:
        found = first_that_runs(layer, specification, bound, options, index, few_steps=few_steps)
    if not isinstance(found, Feasible):
        # a setting that ran for the first draw's sizes need not for these
        again = first_that_runs(layer, specification, bound, options, index, setting=0, few_steps=few_steps)
        if isinstance(again, Feasible):
            found = again
            notes.append("first configuration used again: the forward does not run with this draw's own")
    if not isinstance(found, Feasible):
        raise (found if found is not None else nothing_to_differentiate(layer))
    if found.said:
        used = {name for dimensions in every_shape(specification) for name in names_in(dimensions)} - {"..."}
        chosen = ", ".join(f"{name}={size}" for name, size in found.sizes.items() if name in used)
        notes.append(f"draw {index + 1} has {found.said} ({chosen}): the forward does not run with the usual ones")
    if not found.attempt.finite and specification.make is None:
        alike = replace(options, dimensions=dict(found.sizes))
        settled = _settled(layer, specification, bound, alike, index)
        if settled is not None:
            again = first_that_runs(layer, settled[0], bound, alike, index)
            if isinstance(again, Feasible):
                found, specification = again, settled[0]
                notes.append(settled[1])
    return _case(layer, specification, options, index, found, tuple(notes))


def redraw(
    layer: Layer, specification: Specification, bound: BoundLayer, options: InputOptions, sizes: Mapping[str, int]
) -> Case:
    """A first draw of sizes with which the forward is known to run; it is not run here.

    Raises:
        UserError: GC502, where the user's constructor raises.
    """
    options = options.declared(layer.dtype)
    try:
        arguments = build(
            layer, specification, bound, options, {**specification.sizes, **options.dimensions, **sizes}, 0
        )
    except KeyError:  # a size that the case does not name
        return draw(layer, specification, bound, options, 0)
    return _case(layer, specification, options, 0, Feasible(arguments, sizes, Attempt(None)), ())


def _settled(
    layer: Layer, specification: Specification, bound: BoundLayer, options: InputOptions, index: int
) -> tuple[Specification, str] | None:
    """`settle_domains` at the usual magnitude: an overflow at the user's own is what he asked to see."""
    usual = replace(options, magnitude=1.0)
    if options.magnitude != 1.0:
        found = first_that_runs(layer, specification, bound, usual, index)
        if isinstance(found, Feasible) and found.attempt.finite:
            return None
    return settle_domains(layer, specification, bound, usual, usual.dimensions, index)


def _case(
    layer: Layer,
    specification: Specification,
    options: InputOptions,
    index: int,
    found: Feasible,
    notes: tuple[str, ...],
) -> Case:
    leaves: list[Leaf] = []
    for argument in layer.arguments:
        if not argument.differentiated:
            continue
        shape = specification.shapes[argument.name]
        for path, value in floating_leaves(found.arguments[argument.name]):
            if shape.kind == "config":
                continue
            array = np.asarray(value)
            dimensions = _names(shape, path, array, found.sizes)
            leaves.append(Leaf(leaf_name(argument.name, path), argument.name, path, array, dimensions))
    used = {name for dimensions in every_shape(specification) for name in names_in(dimensions)} - {"..."}
    used |= {axis for leaf in leaves for axis in leaf.dimensions if axis}
    return Case(
        layer=layer,
        draw=index,
        seed=options.seed,
        arguments=as_given(layer, found.arguments),
        leaves=tuple(leaves),
        differentiable=tuple(dict.fromkeys(leaf.argument for leaf in leaves)),
        dimensions=_sizes({name: size for name, size in found.sizes.items() if name in used}, leaves),
        notes=notes,
    )


def _sizes(drawn: Mapping[str, int], leaves: Sequence[Leaf]) -> dict[str, int]:
    """The dimensions' sizes as the leaves have them, which the user may have made by other rules than the draw's."""
    seen = {
        name: size
        for leaf in leaves
        if len(leaf.dimensions) == leaf.value.ndim
        for name, size in zip(leaf.dimensions, leaf.value.shape)
        if name
    }
    is_drawn = all(seen[name] == size for name, size in drawn.items() if name in seen)
    return {**drawn, **seen} if is_drawn else seen


def _names(shape: ArgumentShape, path: tuple[Any, ...], array: Any, sizes: Mapping[str, int]) -> tuple[str, ...]:
    """A name for each axis: as specified; else, for parameters that the constructor made, by a size that is unique."""
    if path and shape.template is not None:
        try:
            inner: Any = at(shape.template, path)
        except (LookupError, TypeError):
            inner = None
        shape = inner if isinstance(inner, ArgumentShape) else ArgumentShape(None, "float", shape.source)
    if shape.dimensions is not None and len(shape.dimensions) == array.ndim:
        return tuple("" if isinstance(axis, int) or axis == "..." else str(axis) for axis in shape.dimensions)
    if shape.source != "constructor":
        return ("",) * int(array.ndim)
    by_size: dict[int, list[str]] = {}
    for name, size in sizes.items():
        by_size.setdefault(size, []).append(name)
    named = [by_size.get(int(size), []) for size in array.shape]
    return tuple(found[0] if len(found) == 1 else "" for found in named)
