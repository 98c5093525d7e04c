"""Classes whose parameters are made by a method that is called after the constructor: `layer.init_param()`."""

from __future__ import annotations

import ast
import re
from types import FunctionType
from typing import Any

from gradcheck_cli.layers.conventions import signatures, syntax

_STARTS = re.compile(r"_?(init(iali[sz]e)?_?(params?|parameters|weights?)|reset_parameters|initiali[sz]e|build)")


def starter(owner: type) -> str:
    """The method that makes a class's parameters, where its constructor does not call it; "" for none.

    It can be called without arguments, and sets attributes that the constructor does not.
    """
    init = syntax.definition(vars(owner).get("__init__"))
    made = set(syntax.attributes_set(init)) if init is not None else set()
    for name, found in vars(owner).items():
        if not isinstance(found, FunctionType) or not _STARTS.fullmatch(name) or name in _called(init):
            continue
        needs_nothing = all(item.has_default for item in signatures.parameters(found, 1))
        node = syntax.definition(found)
        if needs_nothing and node is not None and set(syntax.attributes_set(node)) - made:
            return name
    return ""


def start(instance: Any) -> Any:
    """The instance, after the method that makes its parameters has run."""
    if name := starter(type(instance)):
        getattr(instance, name)()
    return instance


def _called(node: ast.AST | None) -> set[str]:
    every = ast.walk(node) if node is not None else ()
    return {item.func.attr for item in every if isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute)}
