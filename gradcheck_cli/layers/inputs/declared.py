"""Shapes and values that the user declared outright: on the command line, in `layer(inputs=...)`, in a function."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import ArgumentShape
from gradcheck_cli.layers.inputs.building import as_numpy
from gradcheck_cli.layers.inputs.dimensions import Dimensions, parse_axis, parse_shape
from gradcheck_cli.layers.layer import Argument, Layer, Role
from gradcheck_cli.layers.leaves import is_floating
from gradcheck_cli.layers.module import Module


def inputs_function(layer: Layer, module: Module) -> tuple[Callable[..., Any], str] | None:
    """The user's function that makes a layer's inputs, and what to call it; None where there is none.

    `layer(inputs=function)`, or `affine_inputs`, `affine_forward_inputs`, `Affine_inputs`, `affine_inputs` for a
    class `Affine`, whatever of these the module defines.
    """
    if layer.make_inputs is not None:
        return layer.make_inputs, "layer(inputs=)"
    if callable(whole := layer.declared_inputs):
        return whole, "layer(inputs=)"
    for name in (layer.name, *layer.aliases):
        plain = re.sub(r"\W+", "_", name)
        stem = re.sub(r"_?(?:forward|fwd)(?=_|$)", "", plain)
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain).lower()
        for candidate in dict.fromkeys((plain, stem, f"{stem}_forward", snake, plain.lower())):
            function = vars(module.namespace).get(f"{candidate}_inputs")
            if callable(function):
                return function, f"{candidate}_inputs()"
    return None


def from_option_value(argument: Argument, value: Any, integer: bool) -> ArgumentShape:
    """`--arg NAME=JSON`: lists of numbers for an array argument become an array, anything else stays what it is."""
    if isinstance(value, np.ndarray):
        return _of_array(value, "--at")
    if isinstance(value, list) and argument.role in (Role.INPUT, Role.PARAMETER):
        array = np.asarray(value)
        if array.dtype.kind in "iufb":
            array = array if integer or array.dtype.kind == "b" else array.astype(np.float64)
            return _of_array(array, "--arg")
    return ArgumentShape(None, "config", "--arg", values=(value,))


def from_declaration(layer: Layer, argument: Argument, value: Any) -> ArgumentShape:
    """One entry of `layer(inputs={...})`: `"N,D"`, `("D", "M")`, `(4, 5)`, an array, or dicts and lists of them.

    Raises:
        UserError: GC503, for a string that is no shape.
    """
    source = "layer(inputs=)"
    if argument.role is Role.CONFIG and not hasattr(value, "shape"):
        return ArgumentShape(None, "config", source, values=(value,))
    return _declared(layer, argument.name, as_numpy(value), source)


def _declared(layer: Layer, name: str, value: Any, source: str) -> ArgumentShape:
    if isinstance(value, ArgumentShape):
        return value
    if isinstance(value, str):
        dimensions = parse_shape(value) if value.strip() else ()
        if dimensions is None:
            raise UserError(
                f"`{name}` of `{layer.name}` is declared as {value!r}, which is no shape",
                code="GC503",
                path=layer.path,
                line=layer.line,
                mend=f"write it as names or sizes, such as inputs={{'{name}': 'N,D'}}",
                argument=name,
            )
        return ArgumentShape(dimensions, "float", source)
    if isinstance(value, (np.ndarray, np.generic)):
        return _of_array(np.asarray(value), source)
    if isinstance(value, tuple) and value and all(_is_axis(axis) for axis in value):
        return ArgumentShape(_axes(value), "float", source)
    if isinstance(value, tuple) and not value:
        return ArgumentShape((), "float", source)
    if isinstance(value, Mapping):
        parts = {key: _inner(layer, f"{name}[{key!r}]", item, source) for key, item in value.items()}
        return ArgumentShape(None, "tree", source, template=parts)
    if isinstance(value, (tuple, list)):
        items = [_inner(layer, f"{name}[{k}]", item, source) for k, item in enumerate(value)]
        return ArgumentShape(None, "tree", source, template=_like(value, items))
    dtype, extent = getattr(value, "dtype", None), getattr(value, "shape", None)
    if dtype is not None and isinstance(extent, tuple):  # a ShapeDtypeStruct
        kind = {"i": "integer", "u": "integer", "b": "boolean", "c": "complex"}.get(np.dtype(dtype).kind, "float")
        exact = "" if str(dtype) == "float64" else str(dtype)
        return ArgumentShape(tuple(int(size) for size in extent), kind, source, dtype=exact)
    if isinstance(value, float):
        return ArgumentShape((), "float", source, values=(np.asarray(value),))
    return ArgumentShape(None, "config", source, values=(value,))


def _inner(layer: Layer, name: str, value: Any, source: str) -> Any:
    """A part of a tree: an ArgumentShape for an array, containers of them for a container."""
    part = _declared(layer, name, value, source)
    return part.template if part.kind == "tree" else part


def _like(value: Any, items: list[Any]) -> Any:
    return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)


def _is_axis(axis: Any) -> bool:
    if isinstance(axis, str):
        return parse_axis(axis) is not None
    return isinstance(axis, int) and not isinstance(axis, bool)


def _axes(value: Any) -> Dimensions:
    axes = (parse_axis(axis) if isinstance(axis, str) else int(axis) for axis in value)
    return tuple(axis for axis in axes if axis is not None)


def _of_array(array: Any, source: str) -> ArgumentShape:
    kind = (
        "float"
        if is_floating(array)
        else {"b": "boolean", "i": "integer", "u": "integer"}.get(array.dtype.kind, "config")
    )
    if array.dtype.kind == "c":
        kind = "complex"
    return ArgumentShape(tuple(array.shape), kind, source, str(array.dtype), values=(array.copy(),))
