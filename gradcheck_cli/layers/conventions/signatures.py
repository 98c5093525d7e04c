"""The parameters of a user's function, and how to call it with values given by name."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gradcheck_cli.layers.conventions import syntax


@dataclass(frozen=True)
class Parameter:
    """One parameter. A `*inputs` that the body unpacks into names counts as those names.

    Attributes:
        keyword_only: it must be passed by name.
        variadic: it stands for a whole `*inputs` whose length is unknown.
    """

    name: str
    has_default: bool = False
    default: Any = None
    annotation: Any = None
    keyword_only: bool = False
    variadic: bool = False


def parameters(function: Any, skip: int = 0) -> tuple[Parameter, ...]:
    """The parameters of a live callable in order, without its first `skip` (self, ctx); `**kwargs` is left out.

    Empty where the signature is not to be had (a C function).
    """
    try:
        signature = inspect.signature(syntax.undecorated(function))
    except (TypeError, ValueError):
        return ()
    found: list[Parameter] = []
    for item in list(signature.parameters.values())[skip:]:
        annotation = None if item.annotation is item.empty else item.annotation
        has_default = item.default is not item.empty
        if item.kind is item.VAR_KEYWORD:
            continue
        if item.kind is item.VAR_POSITIONAL:
            body = syntax.definition(function)
            names = unpacked(body, item.name)
            if found and body is not None and not _mentions(body, item.name):
                continue  # `forward(self, x, *args, **kwargs)`, for the sake of an interface
            if names:
                found.extend(Parameter(name, annotation=annotation) for name in names)
            else:
                found.append(Parameter(item.name, annotation=annotation, variadic=True))
            continue
        default = item.default if has_default else None
        found.append(Parameter(item.name, has_default, default, annotation, item.kind is item.KEYWORD_ONLY))
    return tuple(found)


def call_with(wanted: tuple[Parameter, ...], values: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Positional and keyword arguments that give each parameter its value; one without a value keeps its default."""
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    by_name = False
    for parameter in wanted:
        if parameter.name not in values:
            by_name = by_name or not parameter.variadic
            continue
        value = values[parameter.name]
        if parameter.variadic:
            positional.extend(value if isinstance(value, tuple) else (value,))
        elif parameter.keyword_only or by_name:
            keywords[parameter.name] = value
        else:
            positional.append(value)
    return positional, keywords


def _mentions(function: ast.AST, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(function))


def unpacked(function: ast.AST | None, name: str) -> tuple[str, ...]:
    """`("x", "w")` where the body says `x, w = inputs`."""
    for node in syntax.own_nodes(function) if function is not None else ():
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=items) | ast.List(elts=items)], value=ast.Name(id=source)):
                if source == name and all(isinstance(item, ast.Name) for item in items):
                    return tuple(item.id for item in items if isinstance(item, ast.Name))
            case _:
                pass
    return ()


def is_unpacked(function: ast.AST | None, name: str) -> bool:
    """Whether the body takes a parameter apart as a tuple: `dh, dc = grads`."""
    return bool(unpacked(function, name))
