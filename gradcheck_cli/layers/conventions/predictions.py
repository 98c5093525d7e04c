"""A loss whose backward is given the predictions again where others take an upstream gradient: `backward(dvalues, y)`.

Its forward gives one loss an example, and its gradient is that of their mean.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from gradcheck_cli.layers.conventions import naming, syntax
from gradcheck_cli.layers.conventions.backward_call import Plan, Role, Source

OUTPUT = "self.output"
"""Stands for what the forward has left there: the predictions of a softmax together with its loss."""


def of_predictions(
    how: Plan, forward: Sequence[str], forward_node: ast.AST | None, backward_node: ast.AST | None
) -> Plan:
    """The plan with its first parameter as the predictions, where the text treats it as an array beside the labels."""
    match how.roles:
        case (Role(source=Source.UPSTREAM) as first, Role(source=Source.ARGUMENT, argument=labels), *rest):
            if rest or list(forward[1:]) != [labels] or not naming.is_label(labels):
                return how
            if not _is_measured(backward_node, first.parameter.name):
                return how
            stored = forward_node is not None and "output" in syntax.attributes_set(forward_node)
            given = replace(first, source=Source.ARGUMENT, argument=OUTPUT if stored else forward[0])
            return replace(how, roles=(given, how.roles[1]), upstream=(), unit=True, mean=True)
    return how


def _is_measured(backward: ast.AST | None, name: str) -> bool:
    """Whether a backward asks a parameter for its length or its rows: no gradient of one number has any."""
    for node in ast.walk(backward) if backward is not None else ():
        match node:
            case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=asked) | ast.Subscript(value=ast.Name(id=asked))]):
                if asked == name:
                    return True
            case ast.Attribute(value=ast.Name(id=asked), attr="shape"):
                if asked == name:
                    return True
            case _:
                pass
    return False
