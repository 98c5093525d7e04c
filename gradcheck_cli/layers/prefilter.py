"""Whether a file is worth importing: a folder, or a commit, holds many files that define no layer."""

from __future__ import annotations

import ast
import re
import warnings

_HINT = re.compile(r"backward|back_?prop|bprop|bwd|grad|vjp|jvp|pull_?back|loss|cost|criterion|gradcheck|def d\w", re.I)

_GRADIENTS = re.compile(r"\w*grads?|gradients?")
"""What a function that returns its own gradients calls them, whatever it is called itself: `return grads, cost`."""


def may_hold_layers(source: str) -> bool:
    """Whether `source` could define a layer with a backward of its own. Generous; imports and runs nothing.

    A file that does not parse is worth the error, if its text looks like layers.
    """
    if not _HINT.search(source):
        return _returns_a_function(source)
    try:
        tree = _parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    derivatives = any(name[1:].lstrip("_") in names for name in names if name.startswith("d"))
    return derivatives or any(_is_hint(node) for node in ast.walk(tree)) or _returns_a_function(source)


_RULES = frozenset({"custom_vjp", "custom_jvp", "filter_custom_vjp", "filter_custom_jvp"})


def _parse(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def _is_hint(node: ast.AST) -> bool:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
            return bool(_HINT.search(name))
        case ast.Assign(targets=[ast.Name(id=name)]):
            return bool(re.search(r"backward|bwd|_grad|grad_|vjp|jvp", name, re.I))
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name in {*_RULES, "custom_gradient", "defvjp", "defjvp", "defjvps"}
        case ast.ImportFrom(module=module):
            return (module or "").startswith("gradcheck_cli") or any(alias.name in _RULES for alias in node.names)
        case ast.Return(value=ast.Tuple(elts=items)):
            return any(
                isinstance(item, ast.Dict) or (isinstance(item, ast.Name) and _GRADIENTS.fullmatch(item.id))
                for item in items
            )
        case ast.Import(names=names):
            return any(alias.name.startswith("gradcheck_cli") for alias in names)
        case _:
            return False


def _returns_a_function(source: str) -> bool:
    """Whether some function returns a tuple that ends in a function it defines: the closure convention."""
    if "return" not in source or source.count("def ") + source.count("lambda") < 2:
        return False
    try:
        tree = _parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            nested = {node.name for node in function.body if isinstance(node, ast.FunctionDef)}
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and node.value.elts:
                    last = node.value.elts[-1]
                    if isinstance(last, ast.Name) and last.id in nested:
                        return True
    return False
