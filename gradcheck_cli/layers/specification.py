"""Where the shape of each argument comes from: the first source that speaks wins, and what nothing says is tried."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers import declared, names, trials
from gradcheck_cli.layers.annotations import Annotated
from gradcheck_cli.layers.annotations import read as read_annotation
from gradcheck_cli.layers.building import as_given, build, by_name, floating_leaves
from gradcheck_cli.layers.candidates import FIRST_AXIS, LAST_AXIS, resolve_bounds
from gradcheck_cli.layers.case import ArgumentShape, Specification
from gradcheck_cli.layers.configuration import configure, usual
from gradcheck_cli.layers.dimensions import names_in, shown
from gradcheck_cli.layers.docstrings import Described, describe, equations
from gradcheck_cli.layers.feasibility import Feasible, every_shape, first_that_runs, settle_domains
from gradcheck_cli.layers.forward_source import ForwardSource, read_forward
from gradcheck_cli.layers.inference import infer, nothing_to_differentiate
from gradcheck_cli.layers.layer import Argument, BoundLayer, Layer, Role
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.layers.sizes import EQUAL

__all__ = ["specify"]

_SMALL = 12
"""A default size above this is not taken: small arrays show the same mistakes, faster and readably."""


def specify(layer: Layer, module: Module, bound: BoundLayer, options: InputOptions) -> Specification:
    """How to draw inputs for `layer`: a shape, a kind and a domain for every argument, and where each came from.

    For each argument the first of these that speaks: `--shape`, `--arg`; `layer(inputs=)`; a function
    `<layer>_inputs(rng)`; annotations; docstrings; default values; the constructor (for parameters it makes itself);
    trial against the forward.

    Raises:
        UserError: GC503 where shapes are unknown and cannot be inferred; GC502 where the forward raises with the
            shapes that the user gave.
    """
    gathered = _Gathered(layer, module, options)
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
    specification = _complete(gathered, bound, shapes)
    specification = _feasible(gathered, bound, specification)
    return replace(specification, notes=(*specification.notes, *_configuration_notes(layer, specification)))


@dataclass
class _Gathered:
    """Everything the sources say, read once."""

    layer: Layer
    module: Module
    options: InputOptions
    described: Mapping[str, Described] = field(init=False)
    source: ForwardSource = field(init=False)
    kinds: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        order = [argument.name for argument in self.layer.arguments]
        self.described = describe(self.layer.docstrings, order)
        self.source = read_forward(_text(self.layer, self.module), self.layer.forward_line, order)
        self.kinds = {}

    def shape(self, argument: Argument) -> ArgumentShape | None:
        """What the first source that speaks says of an argument; None where it is to be inferred."""
        name = argument.name
        annotated = read_annotation(argument.annotation)
        said = self.described.get(name)
        kind = self._kind(argument, annotated, said)
        self.kinds[name] = kind if kind in ("integer", "boolean", "complex", "float") else ""
        dtype = annotated.dtype if annotated else ""
        if name in self.options.arguments:
            return declared.from_option_value(argument, self.options.arguments[name], kind == "integer")
        if name in self.options.shapes:
            return self._array(argument, tuple(self.options.shapes[name]), "--shape", kind, dtype)
        if name in self.layer.declared_inputs:
            given = declared.from_declaration(self.layer, argument, self.layer.declared_inputs[name])
            if given.kind == "float" and not given.values:
                return self._array(argument, given.dimensions or (), given.source, kind, given.dtype or dtype)
            return given
        if annotated is not None and annotated.key:
            return ArgumentShape(None, "config", "annotation", values=(np.array([0, 42], np.uint32),))
        if argument.role is Role.SIZE:
            return self._size(argument)
        if argument.role is Role.OWN_PARAMETER:
            domain = said.domain if said and said.domain == "positive" else ""
            return ArgumentShape(said.dimensions if said else None, "float", "constructor", domain=domain)
        if argument.role is Role.CONFIG or kind == "config":
            return self._configuration(argument, annotated, said)
        if annotated is not None and annotated.dimensions is not None:
            return self._array(argument, annotated.dimensions, "annotation", kind, dtype)
        if said is not None and said.dimensions is not None:
            return self._array(argument, said.dimensions, "docstring", kind, dtype)
        if said is not None and said.any_shape:
            return self._array(argument, ("N", "D"), "docstring", kind, dtype)
        if argument.has_default:
            return _of_default(argument)
        if annotated is not None and annotated.kind == "scalar":
            value = usual(name)
            if value is not None:
                return ArgumentShape(None, "config", "usual value", values=value)
            return ArgumentShape((), "float", "annotation", domain=names.usual_domain(name))
        if said is not None and re.match(r"\W*scalar\b", said.text, re.IGNORECASE):
            return ArgumentShape((), "float", "docstring", domain=names.usual_domain(name))
        return None

    def _kind(self, argument: Argument, annotated: Annotated | None, said: Described | None) -> str:
        name = argument.name
        if annotated is not None and annotated.kind and annotated.kind != "scalar":
            return annotated.kind
        if name in self.source.indexes and not self.source.keys.get(name):
            return "integer"
        if said is not None and said.kind:
            scalar = said.kind == "config" and re.match(r"\W*scalar\b", said.text, re.IGNORECASE)
            return "" if scalar and argument.role is Role.INPUT and usual(name) is None else said.kind
        if self.source.keys.get(name) or names.is_training_flag(name):
            return "config"
        if names.is_mask(name) and argument.role is Role.INPUT and said is not None and said.dimensions is not None:
            return "boolean"
        return ""

    def _array(
        self, argument: Argument, dimensions: tuple[str | int, ...], source: str, kind: str, dtype: str
    ) -> ArgumentShape:
        name = argument.name
        said = self.described.get(name)
        domain = said.domain if said else ""
        if domain == "probability":
            domain = "simplex" if len(dimensions) >= 2 else "unit"
        domain = domain or names.usual_domain(name)
        if kind == "boolean":
            return ArgumentShape(dimensions, "boolean", source, dtype)
        if domain == "one-hot" and len(dimensions) >= 1:
            return ArgumentShape(
                dimensions, "integer" if kind == "integer" else "float", source, dtype, domain="one-hot"
            )
        target = names.is_label(name) and not argument.gradient_name
        if kind == "integer":
            return self._integers(argument, dimensions, source, dtype, said)
        if target and len(dimensions) >= 2 and not domain:
            domain = "simplex"
        return ArgumentShape(dimensions, kind if kind == "complex" else "float", source, dtype, domain=domain)

    def _integers(
        self, argument: Argument, dimensions: tuple[str | int, ...], source: str, dtype: str, said: Described | None
    ) -> ArgumentShape:
        base, position = self.source.indexes.get(argument.name, ("", -1))
        label = names.is_label(argument.name) or position > 0
        bound: str | int = f"{LAST_AXIS}:{base}" if label else FIRST_AXIS + base
        if said is not None and said.bound is not None:
            bound = said.bound
        return ArgumentShape(dimensions, "integer", source, dtype, (bound,), domain="" if label else "repeated")

    def _size(self, argument: Argument) -> ArgumentShape:
        name = argument.name
        if argument.has_default and isinstance(argument.default, int) and argument.default <= _SMALL:
            return ArgumentShape(None, "config", "default", values=(argument.default,))
        if argument.has_default and not isinstance(argument.default, int):
            return ArgumentShape(None, "config", "default", values=(argument.default,))
        setting = usual(name)
        if setting is not None and isinstance(setting[0], int) and not isinstance(setting[0], bool):
            return ArgumentShape(None, "config", "usual value", values=setting)
        return ArgumentShape((name,), "size", "inferred")

    def _configuration(
        self, argument: Argument, annotated: Annotated | None, said: Described | None
    ) -> ArgumentShape | None:
        found = configure(argument, said, self.source, annotated.choices if annotated else ())
        if found is not None:
            return found
        if said is not None and said.dimensions is not None and argument.role is not Role.CONFIG:
            return self._array(argument, said.dimensions, "docstring", "", "")
        return ArgumentShape(None, "config", "usual value", values=(2,))


def _from_function(gathered: _Gathered, bound: BoundLayer, make: Any, called: str) -> Specification:
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
        raise _refused(layer, attempt.error, f"with the inputs that `{called}` makes")
    return specification


def _complete(gathered: _Gathered, bound: BoundLayer, shapes: Mapping[str, ArgumentShape | None]) -> Specification:
    """The specification with what is unknown inferred."""
    layer, options = gathered.layer, gathered.options
    order = [argument.name for argument in layer.arguments]
    unknown = [argument for argument in layer.arguments if shapes[argument.name] is None]
    known = {name: shape for name, shape in shapes.items() if shape is not None}
    known = resolve_bounds(order, known) if not unknown else known
    used = [name for dimensions in every_shape(Specification(known)) for name in names_in(dimensions)]
    derived = equations(layer.docstrings, used)
    specification = Specification(known, dict(options.dimensions), derived=derived)
    if not unknown:
        return specification
    optional = [argument for argument in unknown if argument.has_default]
    try:
        inferred = infer(layer, bound, options, unknown, specification, gathered.source, gathered.kinds)
    except UserError:
        if not optional:
            raise
        absent = {argument.name: _of_default(argument) for argument in optional}
        rest = [argument for argument in unknown if not argument.has_default]
        specification = replace(specification, shapes={**specification.shapes, **absent})
        if not rest:
            return replace(specification, shapes=resolve_bounds(order, {n: specification.shapes[n] for n in order}))
        inferred = infer(layer, bound, options, rest, specification, gathered.source, gathered.kinds)
    together = {**specification.shapes, **inferred.shapes}
    together = resolve_bounds(order, {name: together[name] for name in order})
    return replace(specification, shapes=together, notes=(*specification.notes, inferred.note))


def _feasible(gathered: _Gathered, bound: BoundLayer, specification: Specification) -> Specification:
    """The specification with which the forward runs and is finite: relations between sizes, kinds, settings, domains.

    Raises:
        UserError: GC502, with the user's own error, the shapes, and where they came from.
    """
    layer, options = gathered.layer, gathered.options
    outcome = first_that_runs(layer, specification, bound, options, 0)
    if not isinstance(outcome, Feasible):
        for changed, note in _other_readings(layer, specification):
            again = first_that_runs(layer, changed, bound, options, 0)
            if isinstance(again, Feasible):
                outcome = again
                specification = replace(changed, notes=(*changed.notes, *([note] if note else [])))
                break
    if isinstance(outcome, UserError):
        alike = first_that_runs(layer, specification, bound, options, 0, manners=(EQUAL,))
        raise _refused(layer, outcome, _origins(specification), isinstance(alike, Feasible))
    if outcome is None:
        raise nothing_to_differentiate(layer)
    specification = _fitting_settings(layer, specification, bound, options)
    if outcome.attempt.finite:
        return specification
    settled = settle_domains(layer, specification, bound, options, outcome.sizes, 0)
    if settled is None:
        return replace(specification, notes=(*specification.notes, "the forward is not finite at any inputs tried"))
    return replace(settled[0], notes=(*specification.notes, settled[1]))


def _other_readings(layer: Layer, specification: Specification) -> list[tuple[Specification, str]]:
    """Other ways to read what was said: a product of axes that nobody wrote down, targets that are labels."""
    readings: list[tuple[Specification, str]] = []
    axes = list(dict.fromkeys(name for shape in every_shape(specification) for name in names_in(shape)))
    series = [name for name in axes if re.fullmatch(r"[A-Za-z]+_?[12]", name)]
    if len(series) == 2:
        for name in axes:
            if name not in series and name not in names.BATCH and name not in specification.derived:
                derived = {**specification.derived, name: "*".join(series)}
                note = f"{name} taken as {' * '.join(series)}: the forward runs with no other size tried"
                readings.append((replace(specification, derived=derived), note))
    for name, shape in specification.shapes.items():
        square = (
            shape.kind == "float"
            and len(shape.dimensions or ()) >= 2
            and (shape.dimensions or ())[-1:] == (shape.dimensions or ())[-2:-1]
        )
        if square and not shape.values and shape.domain != "definite":
            shapes = {**specification.shapes, name: replace(shape, domain="definite")}
            note = f"`{name}` drawn symmetric positive definite: the forward does not run with others"
            readings.append((replace(specification, shapes=shapes), note))
    targets = [
        argument.name
        for argument in layer.arguments
        if specification.shapes[argument.name].kind == "float"
        and (names.is_label(argument.name) or names.is_index(argument.name))
        and not specification.shapes[argument.name].values
    ]
    for count in range(1, len(targets) + 1):
        for group in itertools.combinations(targets, count):
            shapes = dict(specification.shapes)
            for name in group:
                bound = LAST_AXIS if names.is_label(name) else FIRST_AXIS
                domain = "" if names.is_label(name) else "repeated"
                shapes[name] = replace(shapes[name], kind="integer", values=(bound,), domain=domain)
            shapes = resolve_bounds([argument.name for argument in layer.arguments], shapes)
            listed = " and ".join(f"`{name}`" for name in group)
            readings.append(
                (replace(specification, shapes=shapes), f"{listed} drawn as integers: the forward needs them")
            )
    return readings


def _fitting_settings(
    layer: Layer, specification: Specification, bound: BoundLayer, options: InputOptions
) -> Specification:
    """Only the configurations with which some sizes run; the first is known to."""
    count = max((len(shape.values) for shape in specification.shapes.values() if _has_settings(shape)), default=1)
    if count < 2 or options.draws < 2:
        return specification
    fitting = [
        setting
        for setting in range(count)
        if setting == 0
        or isinstance(first_that_runs(layer, specification, bound, options, 0, setting=setting), Feasible)
    ]
    shapes = {
        name: replace(shape, values=tuple(shape.values[k % len(shape.values)] for k in fitting))
        if _has_settings(shape)
        else shape
        for name, shape in specification.shapes.items()
    }
    return replace(specification, shapes=shapes)


def _has_settings(shape: ArgumentShape) -> bool:
    return shape.kind == "config" and len(shape.values) > 1


def _share(shapes: dict[str, ArgumentShape | None], described: Mapping[str, Described]) -> None:
    """Give arguments that are said to have another's shape that shape."""
    for _ in range(3):
        for name, said in described.items():
            other = shapes.get(said.same_as) if said.same_as else None
            if shapes.get(name) is None and other is not None and other.dimensions is not None:
                kind = said.kind if said.kind in ("integer", "boolean") else "float"
                bound = (said.bound if said.bound is not None else LAST_AXIS,) if kind == "integer" else ()
                shapes[name] = ArgumentShape(other.dimensions, kind, "docstring", other.dtype, bound)


def _of_default(argument: Argument) -> ArgumentShape:
    """A default: an array stands for its shape, anything else for itself."""
    default = argument.default
    if isinstance(default, np.ndarray) and default.dtype.kind in "fc" and default.size:
        kind = "complex" if default.dtype.kind == "c" else "float"
        return ArgumentShape(tuple(default.shape), kind, "default")
    return ArgumentShape(None, "config", "default", values=(default,))


def _configuration_notes(layer: Layer, specification: Specification) -> list[str]:
    """What was assumed for settings that nobody gave a value."""
    notes = []
    for argument in layer.arguments:
        shape = specification.shapes[argument.name]
        if shape.kind == "config" and shape.source in ("usual value", "docstring"):
            settings = ", then ".join(_plain(value) for value in shape.values)
            notes.append(
                f"{argument.name} = {settings} ({'usual values' if shape.source == 'docstring' else shape.source}); say otherwise with --arg {argument.name}=JSON"
            )
    return notes


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_plain(item)}" for key, item in value.items()) + "}"
    if hasattr(value, "dimensions"):
        return f"array of {value.value:g}, shape {shown(value.dimensions, {})}"
    return repr(value) if isinstance(value, (int, float, str, bool, tuple, list, type(None))) else type(value).__name__


def _origins(specification: Specification) -> str:
    parts = [
        f"{name} {shown(shape.dimensions, {})} ({shape.source})"
        for name, shape in specification.shapes.items()
        if shape.dimensions is not None and shape.kind != "size"
    ]
    return f"with the shapes {', '.join(parts)}" if parts else "with these inputs"


def _refused(layer: Layer, error: UserError, circumstance: str, runs_when_equal: bool = False) -> UserError:
    """The user's own error, with the shapes it happened at and where they came from."""
    mend = error.mend or "mend the forward, or say the shapes it takes: `--shape NAME=N,D`"
    if runs_when_equal:
        mend = (
            "the forward runs where all sizes are equal: two names are one dimension, or a shape has its axes the "
            "wrong way round; mend the shapes where they are written, or say them: `--shape NAME=N,D`"
        )
    return UserError(
        f"the forward of `{layer.name}` does not run {circumstance}: {error.message}",
        code=error.code or "GC502",
        path=error.path or layer.path,
        line=error.line if error.line is not None else layer.forward_line,
        mend=mend,
        argument=error.argument,
    )


def _text(layer: Layer, module: Module) -> str:
    if layer.path == module.path:
        return module.source
    try:
        return layer.path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
