"""Where the shape of each argument comes from: the first source that speaks wins, and what nothing says is tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import ArgumentShape, Specification
from gradcheck_cli.layers.inputs import declared, names, trials
from gradcheck_cli.layers.inputs.bounds import LAST_AXIS, resolve_bounds
from gradcheck_cli.layers.inputs.building import as_given, build, by_name, floating_leaves
from gradcheck_cli.layers.inputs.dimensions import names_in, shown
from gradcheck_cli.layers.inputs.docstrings import Described, equations, named_by_letter
from gradcheck_cli.layers.inputs.feasibility import every_shape
from gradcheck_cli.layers.inputs.fitting import sizes_from
from gradcheck_cli.layers.inputs.inference import infer
from gradcheck_cli.layers.inputs.readings import feasible, refused
from gradcheck_cli.layers.inputs.sources import Sources, of_default
from gradcheck_cli.layers.layer import BoundLayer, Layer, Role
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.options import InputOptions

__all__ = ["specify"]


def specify(layer: Layer, module: Module, bound: BoundLayer, options: InputOptions) -> Specification:
    """How to draw inputs for `layer`: a shape, a kind and a domain for every argument, and where each came from.

    For each argument the first of these that speaks: `--shape`, `--arg`; `layer(inputs=)`; a function
    `<layer>_inputs(rng)`; annotations; docstrings; default values; the constructor (for parameters it makes itself);
    trial against the forward.

    Raises:
        UserError: GC503 where shapes are unknown and cannot be inferred; GC502 where the forward raises with the
            shapes that the user gave.
    """
    # What a layer takes does not depend on how large its values are asked to be.
    options = replace(options.declared(layer.dtype), magnitude=1.0)
    options = _sized(layer, options)
    options = replace(options, dimensions={**_told(layer, module, options), **options.dimensions})
    gathered = Sources(layer, module, options)
    if (made := declared.inputs_function(layer, module)) is not None:
        return _from_function(gathered, bound, *made)
    shapes = {argument.name: gathered.shape(argument) for argument in layer.arguments}
    _share(shapes, gathered.described)
    for argument in layer.arguments:
        # an optional bias or weight is worth checking: infer it, and leave it out only where that fails
        shape = shapes[argument.name]
        optional = shape is not None and shape.source == "default" and shape.values == (None,)
        if optional and names.role(argument.name) in ("bias", "weight", "feature") and argument.role is Role.INPUT:
            shapes[argument.name] = None
    specification, tried = _complete(gathered, bound, shapes)
    specification = _inside_its_clip(specification, gathered.source.clipped)
    specification = feasible(gathered.layer, gathered.options, bound, specification, tried)
    return replace(specification, notes=(*specification.notes, *_configuration_notes(layer, specification)))


def _inside_its_clip(specification: Specification, clipped: frozenset[str]) -> Specification:
    """Probabilities, by what the forward clips them to: outside of that it is constant, and no gradient flows."""
    free = [name for name in clipped if _is_free(specification.shapes.get(name))]
    shapes = {name: replace(specification.shapes[name], domain="unit") for name in free}
    return replace(specification, shapes={**specification.shapes, **shapes})


def _is_free(shape: ArgumentShape | None) -> bool:
    return shape is not None and shape.kind == "float" and not shape.values and not shape.domain


def _sized(layer: Layer, options: InputOptions) -> InputOptions:
    """`--arg input_dim=6` says the size of the dimension that the constructor's argument is, as `--dim` does."""
    sizes = [argument.name for argument in layer.arguments if argument.role is Role.SIZE]
    given = {name: value for name in sizes if type(value := options.arguments.get(name)) is int}
    rest = {name: value for name, value in options.arguments.items() if name not in given}
    return replace(options, arguments=rest, dimensions={**given, **options.dimensions}) if given else options


def _told(layer: Layer, module: Module, options: InputOptions) -> dict[str, int]:
    """The sizes that `--shape` and `--arg` give the dimensions which the layer itself names."""
    given: dict[str, Any] = dict(options.shapes)
    for name, value in options.arguments.items():
        array = np.asarray(value) if isinstance(value, list | np.ndarray) else None
        if array is not None and array.dtype.kind in "biufc":
            given[name] = array
    if not given:
        return {}
    plain = replace(options, shapes={}, arguments={})
    return sizes_from(replace(layer, declared_inputs={}), module, plain, given)


def _from_function(gathered: Sources, bound: BoundLayer, make: Any, called: str) -> Specification:
    """A specification whose values the user's own function makes; its first values tell the shapes."""
    layer, options = gathered.layer, gathered.options
    spoken = {argument.name: gathered.shape(argument) for argument in layer.arguments}
    defaults = {
        name: shape if shape is not None else ArgumentShape(None, "float", called) for name, shape in spoken.items()
    }
    kept = {
        name: shape
        for name, shape in defaults.items()
        if shape.kind in ("config", "size") or shape.source == "constructor"
    }
    drawn = Specification({name: kept.get(name, ArgumentShape(None, "float", called)) for name in defaults}, make=make)
    arguments = build(layer, drawn, bound, options, dict(options.dimensions), 0)
    shapes: dict[str, ArgumentShape] = {}
    for name, value in arguments.items():
        spoken_shape = spoken[name]
        if name in options.arguments or (name in kept and value is None):
            shapes[name] = defaults[name]
        elif isinstance(value, np.ndarray):
            kind = {"b": "boolean", "i": "integer", "u": "integer", "c": "complex"}.get(value.dtype.kind, "float")
            known = spoken_shape.dimensions if spoken_shape and spoken_shape.dimensions else None
            dimensions = known if known is not None and len(known) == value.ndim else tuple(value.shape)
            shapes[name] = ArgumentShape(dimensions, kind, called, str(value.dtype))
        elif floating_leaves(value):
            shapes[name] = ArgumentShape(None, "tree", called, template=value)
        else:
            shapes[name] = ArgumentShape(None, "config", called, values=(value,))
    specification = replace(drawn, shapes=shapes, sizes=dict(options.dimensions))
    attempt = trials.run_forward(bound, as_given(layer, by_name(layer, specification, arguments)))
    if attempt.error is not None:
        raise refused(layer, attempt.error, f"with the inputs that `{called}` makes")
    return specification


def _complete(
    gathered: Sources, bound: BoundLayer, shapes: Mapping[str, ArgumentShape | None]
) -> tuple[Specification, Mapping[str, int]]:
    """The specification with what is unknown inferred, and the sizes that the inference ran with."""
    layer, options = gathered.layer, gathered.options
    order = [argument.name for argument in layer.arguments]
    unknown = [argument for argument in layer.arguments if shapes[argument.name] is None]
    known = {name: shape for name, shape in shapes.items() if shape is not None}
    known = resolve_bounds(order, known) if not unknown else known
    used = [name for dimensions in every_shape(Specification(known)) for name in names_in(dimensions)]
    derived, sizes = _named(gathered.described, known, used)
    sizes |= {size: options.dimensions[letter] for letter, size in derived.items() if letter in options.dimensions}
    derived |= equations(layer.docstrings, used)
    specification = Specification(known, {**sizes, **options.dimensions}, derived=derived)
    if not unknown:
        return specification, {}
    optional = [one for one in unknown if one.has_default and one.role is not Role.OWN_PARAMETER]
    try:
        inferred = infer(layer, bound, options, unknown, specification, gathered.source, gathered.kinds)
    except UserError:
        if not optional:
            raise
        absent = {argument.name: of_default(argument) for argument in optional}
        rest = [argument for argument in unknown if not argument.has_default]
        specification = replace(specification, shapes={**specification.shapes, **absent})
        if not rest:
            return replace(specification, shapes=resolve_bounds(order, {n: specification.shapes[n] for n in order})), {}
        inferred = infer(layer, bound, options, rest, specification, gathered.source, gathered.kinds)
    together = {**specification.shapes, **inferred.shapes}
    together = resolve_bounds(order, {name: together[name] for name in order})
    return replace(specification, shapes=together, notes=(*specification.notes, inferred.note)), inferred.sizes


def _named(
    described: Mapping[str, Described], known: Mapping[str, ArgumentShape], used: list[str]
) -> tuple[dict[str, str], dict[str, int]]:
    """Dimensions that are what the constructor is given: a size, a number, or as many as a dictionary has."""
    derived: dict[str, str] = {}
    sizes: dict[str, int] = {}
    given = [name for name, shape in known.items() if shape.kind in ("size", "config")]
    for letter, name in named_by_letter(described, given, used).items():
        value = known[name].values[0] if known[name].values else None
        if known[name].kind == "size":
            derived[letter] = name
        elif type(value) is int or (isinstance(value, Mapping) and value):
            sizes[letter] = value if isinstance(value, int) else len(value)
    return derived, sizes


def _share(shapes: dict[str, ArgumentShape | None], described: Mapping[str, Described]) -> None:
    """Give arguments that are said to have another's shape that shape."""
    for _ in range(3):
        for name, said in described.items():
            other = shapes.get(said.same_as) if said.same_as else None
            if shapes.get(name) is None and other is not None and other.dimensions is not None:
                kind = said.kind if said.kind in ("integer", "boolean") else "float"
                bound = (said.bound if said.bound is not None else LAST_AXIS,) if kind == "integer" else ()
                shapes[name] = ArgumentShape(other.dimensions, kind, "docstring", other.dtype, bound)


_ASSUMED = {
    "usual value": "usual value",
    "docstring": "usual values for the keys its docstring lists",
    "text": "forward and backward tell these apart",
}


def _configuration_notes(layer: Layer, specification: Specification) -> list[str]:
    """What was assumed for settings that nobody gave a value."""
    notes = []
    for argument in layer.arguments:
        shape = specification.shapes[argument.name]
        if shape.kind == "config" and shape.source in _ASSUMED:
            settings = ", then ".join(_plain(value) for value in shape.values)
            why = _ASSUMED[shape.source]
            notes.append(f"{argument.name} = {settings} ({why}); say otherwise with --arg {argument.name}=JSON")
    return notes


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_plain(item)}" for key, item in value.items()) + "}"
    if hasattr(value, "dimensions"):
        return f"array of {value.value:g}, shape {shown(value.dimensions, {})}"
    return repr(value) if isinstance(value, (int, float, str, bool, tuple, list, type(None))) else type(value).__name__
