"""What the text of a layer class says: where gradients are stored, what the backward updates, what it leaves out."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from gradcheck_cli.layers.conventions import naming, self_update, stored, syntax
from gradcheck_cli.layers.layer import Argument, Role


def class_node(owner: type) -> ast.AST:
    """One tree of all the methods of a class and of its bases."""
    body: list[ast.stmt] = []
    for base in owner.__mro__:
        for member in vars(base).values():
            node = syntax.definition(member) if callable(member) or isinstance(member, staticmethod) else None
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                body.append(node)
    return ast.Module(body=body, type_ignores=[])


def stored_name(name: str, tree: ast.AST) -> str:
    """`self.dW`, where the class's text stores such a gradient; "" where it does not say."""
    known = syntax.attributes_set(tree)
    found = next((candidate for candidate in naming.gradient_names(name) if candidate in known), "")
    return f"self.{found}" if found else ""


def is_upstream_by_another_name(
    forward: syntax.FunctionNode | None,
    backward: syntax.FunctionNode | None,
    given: Sequence[str],
    taken: Sequence[str],
) -> bool:
    """`forward(self, x)` and `backward(self, x)`, which reads what the forward left: it has its x there already.

    Where it reads nothing of that, it may be the derivative at its x.
    """
    if len(taken) != 1 or list(given) != list(taken) or backward is None:
        return False
    kept = set(syntax.attributes_set(forward)) - set(syntax.attributes_set(backward))
    reads, uses = False, False
    for node in ast.walk(backward):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Load()):
                reads = reads or name in kept
            case ast.Name(id=name, ctx=ast.Load()):
                uses = uses or name == taken[0]
            case _:
                pass
    return reads and uses


def left_out(
    owner: type, backward: syntax.FunctionNode | None, inputs: Sequence[Argument], parameters: Sequence[Argument]
) -> list[str]:
    """The inputs of a first layer: `return None` is written down, and only the parameters have gradients.

    A backward that merely ends may lack its `return`.
    """
    values = syntax.returns(backward)
    is_first = bool(values) and all(isinstance(value, ast.Constant) and value.value is None for value in values)
    if not is_first or not any(item.differentiated for item in parameters):
        return []
    names, tree = [item.name for item in inputs if item.role is Role.INPUT], class_node(owner)
    return [] if any(stored_name(name, tree) for name in names) else names


def said_of_updates(
    backward: str, updates: self_update.Updates | None, constructed: tuple[Argument, ...], owned: list[stored.Owned]
) -> list[str]:
    """What is said of parameters that the backward updates by itself."""
    given = given_parameters(constructed)
    read = [item.name for item in given if updates is not None and item.differentiated and item.name in updates.of]
    read += [item.name for item in owned if item.update is not None and item.differentiated]
    left = [item.name for item in given if not item.differentiated]
    left += [item.name for item in owned if not item.differentiated]
    notes = []
    if read and updates is not None:
        names = f"`{'`, `'.join(read)}`"
        notes.append(f"`{backward}` updates {names} itself: the gradient is (before - after) / {updates.rate}")
    if left:
        names = f"`{'`, `'.join(left)}`"
        notes.append(f"`{backward}` updates {names} itself, and not by a plain step: that gradient is not checked")
    return notes


def given_parameters(constructed: Sequence[Argument]) -> list[Argument]:
    """The parameters among a constructor's arguments."""
    return [item for item in constructed if item.role is Role.PARAMETER]
