"""Which part of a module's text is a layer's backward, and its backward's alone."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from gradcheck_cli.layers.layer import Convention, Layer

Function = ast.FunctionDef | ast.AsyncFunctionDef


def regions(tree: ast.Module, layers: Sequence[Layer]) -> dict[str, tuple[ast.AST, ...]]:
    """By layer, the statements and expressions that only its gradients depend on, and nothing of its forward.

    They are the body of its backward, or of a loss (or of a `custom_jvp` rule) the statements on which only what it
    returns beside its value depends; and the bodies of helpers that only backwards call. A layer whose backward is no
    `def` (a lambda) has none.
    """
    found = {layer.name: _own_region(tree, layer) for layer in layers}
    shared = _backward_helpers(tree, [node for region in found.values() for node in region])
    for name, region in found.items():
        helpers = _reached(region, shared)
        found[name] = (*region, *(statement for helper in helpers for statement in _body(helper)))
    return found


def _own_region(tree: ast.Module, layer: Layer) -> tuple[ast.AST, ...]:
    function = _function_at(tree, layer.line)
    if function is None:
        return ()
    if layer.convention in (Convention.LOSS, Convention.CUSTOM_JVP):
        return tuple(_beside_the_value(function))
    if layer.line == layer.forward_line:
        return ()
    return tuple(_body(function))


def _function_at(tree: ast.Module, line: int) -> Function | None:
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    lines = ({node.lineno, *(item.lineno for item in node.decorator_list)} for node in functions)
    return next((node for node, own in zip(functions, lines) if line in own), None)


def _body(function: Function) -> list[ast.stmt]:
    body = function.body
    has_docstring = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    return body[1:] if has_docstring else body


def _beside_the_value(function: Function) -> Iterator[ast.AST]:
    """What only the second and later values that a function returns depend on."""
    statements = [node for node in ast.walk(function) if isinstance(node, ast.stmt) and node is not function]
    returns = [node.value for node in statements if isinstance(node, ast.Return)]
    several = [value for value in returns if isinstance(value, ast.Tuple) and len(value.elts) > 1]
    if len(several) != len(returns):
        return
    needed = {name for value in several for name in _names(value.elts[0])}
    while True:
        more = {name for node in statements if assigned(node) & needed for name in _names(node)}
        if more <= needed:
            break
        needed |= more
    for statement in statements:
        if isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr):
            own = assigned(statement)
            if own and not own & needed:
                yield statement
    for value in several:
        yield from value.elts[1:]


def assigned(node: ast.AST) -> set[str]:
    """Names that a statement assigns to or writes into; `np.add.at(dx, ...)` writes into its first argument."""
    targets: list[ast.expr] = []
    match node:
        case ast.Assign(targets=several):
            targets = several
        case ast.AugAssign(target=one) | ast.AnnAssign(target=one) | ast.For(target=one):
            targets = [one]
        case ast.Expr(value=ast.Call(args=[first, *_])):
            targets = [first]
        case ast.For() | ast.While() | ast.If() | ast.With():
            pass
    own = {name for target in targets for name in _bases(target)}
    if isinstance(node, ast.For | ast.While | ast.If | ast.With):
        return own | {name for child in ast.iter_child_nodes(node) for name in assigned(child)}
    return own


def _bases(target: ast.expr) -> set[str]:
    match target:
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return {name for part in parts for name in _bases(part)}
        case ast.Subscript(value=inner) | ast.Attribute(value=inner) | ast.Starred(value=inner):
            return _bases(inner)
        case ast.Name(id=name):
            return {name}
        case _:
            return set()


def _names(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _backward_helpers(tree: ast.Module, region: Iterable[ast.AST]) -> dict[str, Function]:
    """Functions and methods, by name, that are mentioned in backwards and in each other, and nowhere else."""
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    names = [function.name for function in functions]
    inside = {id(inner) for node in region for inner in ast.walk(node)}
    helpers = {function.name: function for function in functions if names.count(function.name) == 1}
    mentions = [(name, node) for node in ast.walk(tree) if (name := _mentioned(node)) in helpers]
    while True:
        within = inside | {id(inner) for helper in helpers.values() for inner in ast.walk(helper)}
        outside = {name for name, node in mentions if id(node) not in within}
        unused = {name for name in helpers if not any(name == mentioned for mentioned, _ in mentions)}
        rest = {name: node for name, node in helpers.items() if name not in outside | unused}
        if len(rest) == len(helpers):
            return rest
        helpers = rest


def _reached(region: Iterable[ast.AST], helpers: dict[str, Function]) -> list[Function]:
    found: dict[str, Function] = {}
    waiting = list(region)
    while waiting:
        for node in ast.walk(waiting.pop()):
            name = _mentioned(node)
            if name in helpers and name not in found:
                found[name] = helpers[name]
                waiting.extend(_body(helpers[name]))
    return list(found.values())


def _mentioned(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
