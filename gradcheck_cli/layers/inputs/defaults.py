"""What the rest of a module says of a rule's setting: the default that its public functions give it."""

from __future__ import annotations

import ast
import re
import types
import typing
from dataclasses import dataclass
from typing import Any

_COUNT = re.compile(r"iter|step|order|terms|degree")
"""Words in the names of numbers that make nothing larger, and with which a rule may only then be right."""


@dataclass(frozen=True)
class Default:
    """A literal default, and the function that gives it; `is_count`: a number of iterations, and no size."""

    value: Any
    function: str
    is_count: bool


def default_elsewhere(source: str, name: str) -> Default | None:
    """The default that functions of a module give a parameter called `name`; None where they give none, or several."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    found: list[Default] = []
    for function in tree.body:
        if not isinstance(function, ast.FunctionDef):
            continue
        given = function.args
        positional = [*given.posonlyargs, *given.args]
        pairs = [*zip(positional[::-1], given.defaults[::-1]), *zip(given.kwonlyargs, given.kw_defaults)]
        for parameter, default in pairs:
            if parameter.arg == name and default is not None:
                try:
                    found.append(Default(ast.literal_eval(default), function.name, bool(_COUNT.search(name))))
                except ValueError:
                    return None
    return found[0] if len({repr(one.value) for one in found}) == 1 else None


def allows_none(annotation: Any) -> bool:
    """Whether an annotation, evaluated or a string, takes None beside something else."""
    if isinstance(annotation, str):
        return re.search(r"\|\s*None\b|\bNone\s*\||\bOptional\[", annotation) is not None
    is_union = isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union
    return is_union and type(None) in typing.get_args(annotation)
