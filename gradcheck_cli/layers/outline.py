"""The names that a module's own text defines at its top level, each with its line."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Outline:
    """Names and their lines, 1-based; of a name that is defined twice, the last."""

    functions: dict[str, int] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)

    def in_order(self, names: Iterable[str]) -> list[str]:
        """Each of these names once, in the order of the source; those that it does not define first."""
        lines = {**self.values, **self.classes, **self.functions}
        return sorted(dict.fromkeys(names), key=lambda name: lines.get(name, 0))


def outline(tree: ast.Module) -> Outline:
    """What a module defines, inside `if`, `for`, `with` and `try` too; what it imports is not its own."""
    found = Outline()
    _add(found, tree.body)
    return found


def _add(found: Outline, body: Sequence[ast.stmt]) -> None:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                found.functions[node.name] = node.lineno
            case ast.ClassDef():
                found.classes[node.name] = node.lineno
            case ast.Assign(targets=targets):
                for target in targets:
                    names = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
                    found.values.update({item.id: node.lineno for item in names if isinstance(item, ast.Name)})
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.values[name] = node.lineno
            case ast.If() | ast.For() | ast.While():
                _add(found, [*node.body, *node.orelse])
            case ast.With():
                _add(found, node.body)
            case ast.Try():
                handlers = [item for handler in node.handlers for item in handler.body]
                _add(found, [*node.body, *handlers, *node.orelse, *node.finalbody])
            case _:
                pass
