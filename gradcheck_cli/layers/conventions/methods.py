"""Which methods of a class are its forward and its backward, and which classes are no layers of their own."""

from __future__ import annotations

import ast
import inspect
from typing import Any

from gradcheck_cli.layers.conventions import syntax
from gradcheck_cli.layers.conventions.closure import pull_back_of

FORWARDS = (
    "forward",
    "__call__",
    "fprop",
    "forward_pass",
    "feedforward",
    "feed_forward",
    "forward_propagation",
    "forward_propagate",
    "forward_prop",
    "forwardprop",
    "fwd",
)
BACKWARDS = (
    "backward",
    "bprop",
    "backward_pass",
    "backprop",
    "back_prop",
    "backpropagate",
    "back_propagate",
    "back_propagation",
    "backpropagation",
    "backward_propagation",
    "backward_propagate",
    "backward_prop",
    "bwd",
)


def methods(owner: type) -> tuple[str, str] | None:
    """Names of a class's forward and backward methods; None where it lacks one of them."""
    forward = next((name for name in FORWARDS if method(owner, name) is not None), None)
    backward = next((name for name in BACKWARDS if method(owner, name) is not None), None)
    return (forward, backward) if forward and backward else None


def closure_method(owner: type) -> str | None:
    """The method of a class that returns `(out, backprop)`; None where there is none."""
    for name in (*FORWARDS, "begin_update"):
        found = method(owner, name)
        if found is not None and pull_back_of(syntax.definition(found)) is not None:
            return name
    return None


def is_abstract(owner: type) -> bool:
    """Whether a class is a base for layers: abstract, or both its methods raise `NotImplementedError` or do nothing."""
    if inspect.isabstract(owner):
        return True
    names = methods(owner)
    return names is not None and all(_is_empty(syntax.definition(method(owner, name))) for name in names)


def writes_any(owner: type) -> bool:
    """Whether the class's own body has a forward or a backward, and does not just inherit them."""
    return any(name in vars(owner) for name in (*FORWARDS, *BACKWARDS))


def leaves_open(owner: type) -> bool:
    """Whether the class's own methods include one that only raises `NotImplementedError`, for subclasses to write."""
    return any(_is_left_open(syntax.definition(member)) for member in vars(owner).values() if callable(member))


def is_foreign(owner: type) -> bool:
    """Whether a class is a framework's own kind, which keeps its own books on gradients."""
    return any(base.__module__.partition(".")[0] in {"torch", "tensorflow", "keras"} for base in owner.__mro__)


def method(owner: type, name: str) -> Any:
    """A method of a class or of its bases, as it is stored there; None where there is none."""
    for base in owner.__mro__:
        if base is object:
            return None
        if name in vars(base):
            found = vars(base)[name]
            return found if callable(found) or isinstance(found, (staticmethod, classmethod)) else None
    return None


def _is_left_open(node: syntax.FunctionNode | None) -> bool:
    if node is None or isinstance(node, ast.Lambda):
        return False
    body = [item for item in node.body if not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))]
    raised = body[0].exc if len(body) == 1 and isinstance(body[0], ast.Raise) else None
    raised = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def _is_empty(node: syntax.FunctionNode | None) -> bool:
    if node is None or isinstance(node, ast.Lambda):
        return False
    body = [item for item in node.body if not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))]
    return all(
        isinstance(item, (ast.Pass, ast.Raise))
        or (isinstance(item, ast.Return) and (item.value is None or syntax.name_of(item.value) in _NOT_WRITTEN))
        for item in body
    )


_NOT_WRITTEN = ("NotImplementedError", "NotImplemented")
"""What some return where they meant to raise it."""


def is_abstract_name(name: str) -> bool:
    """Whether a class is named like a base: `Layer`, `BaseLayer`."""
    lowered = name.lower().strip("_")
    return (
        lowered in {"layer", "module", "function", "base", "operation", "op"}
        or "base" in lowered
        or "abstract" in lowered
    )
