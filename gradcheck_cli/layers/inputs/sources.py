"""What each source says of each argument, in order: command line, decorator, annotation, docstring, default."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from gradcheck_cli.layers.case import ArgumentShape
from gradcheck_cli.layers.inputs import declared, names
from gradcheck_cli.layers.inputs.annotations import Annotated
from gradcheck_cli.layers.inputs.annotations import read as read_annotation
from gradcheck_cli.layers.inputs.bounds import FIRST_AXIS, LAST_AXIS
from gradcheck_cli.layers.inputs.choices import choices
from gradcheck_cli.layers.inputs.configuration import configure, usual
from gradcheck_cli.layers.inputs.defaults import allows_none, default_elsewhere
from gradcheck_cli.layers.inputs.docstrings import Described, describe
from gradcheck_cli.layers.inputs.forward_source import ForwardSource, read_forward
from gradcheck_cli.layers.layer import Argument, Layer, Role
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.options import InputOptions

_SMALL = 12
"""A default size above this is not taken: small arrays show the same mistakes, faster and readably."""

_LIST_LENGTH = 3
"""How many arrays a list of any length gets."""

_ARRAYS = re.compile(r"\b(?:nd)?arrays?\b|\btensors?\b|\bmatrices\b|\bvectors\b")


@dataclass
class Sources:
    """Everything the sources say, read once."""

    layer: Layer
    module: Module
    options: InputOptions
    described: Mapping[str, Described] = field(init=False)
    source: ForwardSource = field(init=False)
    kinds: dict[str, str] = field(init=False)
    choices: Mapping[str, tuple[str, ...]] = field(init=False)

    def __post_init__(self) -> None:
        order = [argument.name for argument in self.layer.arguments]
        self.described = describe(self.layer.docstrings, order)
        text = _text(self.layer, self.module)
        self.source = read_forward(text, self.layer.forward_line, order)
        self.choices = choices(text, (self.layer.forward_line, self.layer.line), order)
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
        if argument.role is Role.OWN_PARAMETER and argument.has_default:
            # None until the first batch is seen
            known = said.dimensions if said is not None else None
            return self._array(argument, known, "docstring", kind, dtype) if known is not None else None
        if argument.role is Role.OWN_PARAMETER:
            domain = said.domain if said and said.domain == "positive" else ""
            return ArgumentShape(said.dimensions if said else None, "float", "constructor", domain=domain)
        if said is not None and (parameters := _arrays_by_key(argument, said)) is not None:
            return parameters
        if said is not None and argument.role is Role.INPUT and (listed := _list_of_arrays(said)) is not None:
            return listed
        if argument.role is Role.CONFIG or kind == "config":
            return self._configuration(argument, annotated, said)
        if annotated is not None and annotated.dimensions is not None:
            return self._array(argument, annotated.dimensions, "annotation", kind, dtype)
        if said is not None and said.dimensions is not None:
            return self._array(argument, said.dimensions, "docstring", kind, dtype)
        if said is not None and said.any_shape:
            return self._array(argument, ("N", "D"), "docstring", kind, dtype)
        if argument.has_default:
            return of_default(argument)
        if annotated is not None and annotated.kind == "scalar":
            value = usual(name)
            if self.layer.is_rule and argument.role is Role.INPUT:
                # what a rule does not name among its `nondiff_argnums` it differentiates
                return ArgumentShape((), "float", "annotation", domain="positive" if value else "")
            if value is not None:
                return ArgumentShape(None, "config", "usual value", values=value)
            return ArgumentShape((), "float", "annotation", domain=names.usual_domain(name))
        if said is not None and re.match(r"(\W*\w+,)?\W*(a )?scalar\b", said.text, re.IGNORECASE):
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
        rows = not label or (bool(base) and position == 0)  # `w[labels]` picks rows, whatever the name
        bound: str | int = FIRST_AXIS + base if rows else f"{LAST_AXIS}:{base}"
        if said is not None and said.bound is not None:
            bound = said.bound
            # a graph's `target` counts rows and may repeat, whatever its name; labels count the scores' columns
            label = label and self._is_a_last_axis(bound)
        return ArgumentShape(dimensions, "integer", source, dtype, (bound,), domain="" if label else "repeated")

    def _is_a_last_axis(self, size: str | int) -> bool:
        annotated = [read_annotation(argument.annotation) for argument in self.layer.arguments]
        known = [one.dimensions for one in self.described.values()]
        known += [one.dimensions for one in annotated if one is not None]
        return any(dimensions[-1] == size for dimensions in known if dimensions)

    def _size(self, argument: Argument) -> ArgumentShape:
        name = argument.name
        if argument.has_default and isinstance(argument.default, int) and argument.default <= _SMALL:
            return ArgumentShape(None, "config", "default", values=(argument.default,))
        if argument.has_default and not isinstance(argument.default, int):
            return ArgumentShape(None, "config", "default", values=(argument.default,))
        setting = usual(name) if name not in ("dim", "dims") else None
        if setting is not None and isinstance(setting[0], int) and not isinstance(setting[0], bool):
            return ArgumentShape(None, "config", "usual value", values=setting)
        return ArgumentShape((name,), "size", "inferred")

    def _configuration(
        self, argument: Argument, annotated: Annotated | None, said: Described | None
    ) -> ArgumentShape | None:
        found = None if argument.has_default else self._said_elsewhere(argument)
        found = found or configure(argument, said, self.source, annotated.choices if annotated else ())
        if found is not None:
            return self._with_choices(argument.name, found)
        if said is not None and said.dimensions is not None and argument.role is not Role.CONFIG:
            return self._array(argument, said.dimensions, "docstring", "", "")
        return ArgumentShape(None, "config", "usual value", values=(2,))

    def _with_choices(self, name: str, found: ArgumentShape) -> ArgumentShape:
        """Each word that forward and backward both know is worth a draw, the default or usual one first."""
        words = self.choices.get(name, ())
        if found.source not in ("default", "usual value") or found.values[:1] not in [(word,) for word in words]:
            return found
        others = tuple(word for word in words if word != found.values[0])
        return replace(found, source="text", values=(*found.values[:1], *others))

    def _said_elsewhere(self, argument: Argument) -> ArgumentShape | None:
        """What a rule's setting is where nobody sets it: a public function's default, else None where that is legal."""
        if not self.layer.is_rule or argument.role is not Role.CONFIG:
            return None
        found = default_elsewhere(_text(self.layer, self.module), argument.name)
        if found is not None and not (isinstance(found.value, int) and found.value > _SMALL and not found.is_count):
            return ArgumentShape(None, "config", f"the default of `{found.function}`", values=(found.value,))
        if allows_none(argument.annotation):
            return ArgumentShape(None, "config", "usual value", values=(None,))
        return None


def _text(layer: Layer, module: Module) -> str:
    if layer.path == module.path:
        return module.source
    try:
        return layer.path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _arrays_by_key(argument: Argument, said: Described) -> ArgumentShape | None:
    """A dictionary of parameters, each key with its shape (`params['W1']`, of shape (D, H)): a pytree of arrays.

    Running statistics are no parameters, and a dictionary that holds settings besides is a configuration.
    """
    keys = said.keys
    if argument.has_default or not keys or any(names.is_running_statistic(key) for key in keys):
        return None
    if not all(described.dimensions is not None for described in keys.values()):
        return None
    template = {
        key: ArgumentShape(described.dimensions, "float", "docstring", domain=names.usual_domain(key))
        for key, described in keys.items()
    }
    return ArgumentShape(None, "tree", "docstring", template=template)


def _list_of_arrays(said: Described) -> ArgumentShape | None:
    """Several arrays of one shape, for a `list of arrays`; None for anything else."""
    text = said.text.lower()
    if not re.match(r"\W*(?:a |the )?(?:list|sequence)\b", text) or not _ARRAYS.search(text):
        return None
    dimensions = said.dimensions if said.dimensions is not None and len(said.dimensions) > 1 else ("N", "D")
    part = ArgumentShape(dimensions, "float", "docstring", domain=said.domain)
    return ArgumentShape(None, "tree", "docstring", template=[part] * _LIST_LENGTH)


def of_default(argument: Argument) -> ArgumentShape:
    """A default: an array stands for its shape, anything else for itself."""
    default = argument.default
    if isinstance(default, np.ndarray) and default.dtype.kind in "fc" and default.size:
        kind = "complex" if default.dtype.kind == "c" else "float"
        return ArgumentShape(tuple(default.shape), kind, "default")
    return ArgumentShape(None, "config", "default", values=(default,))
