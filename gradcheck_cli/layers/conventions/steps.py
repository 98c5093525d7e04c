"""Backwards that take an optimiser's step themselves, `self.W -= rate * dW`: what is taken off is the gradient."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcheck_cli.layers.conventions import naming, syntax

RATE = 2.0**30
"""The rate of the step that is looked at: so large that the parameter itself is lost in it, and a power of two."""


def plain_steps(backward: ast.AST | None) -> set[str]:
    """Attributes that a backward steps by its rate times a gradient that has a name, or is one call or product.

    `lr * dW / m`, `lr * (dW + decay * self.W)` and `lr * np.clip(dW, -1, 1)` are not the gradient of anything.
    """
    arguments = backward.args if isinstance(backward, (ast.FunctionDef, ast.AsyncFunctionDef)) else None
    taken = arguments.args if arguments is not None else []
    rates = {item.arg for item in taken if naming.is_learning_rate(item.arg)}
    found = set()
    for node in ast.walk(backward) if backward is not None else ():
        match node:
            case ast.AugAssign(target=target, op=ast.Sub(), value=value):
                pass
            case ast.Assign(targets=[ast.Attribute() as target], value=ast.BinOp(left=left, op=ast.Sub(), right=value)):
                if syntax.name_of_attribute(left) != syntax.name_of_attribute(target):
                    continue
            case _:
                continue
        if _is_of_rate(value, rates):
            found.add(syntax.name_of_attribute(target))
    return found - {""}


def _is_of_rate(value: ast.expr, rates: set[str]) -> bool:
    match value:
        case ast.BinOp(left=ast.Name(id=rate), op=ast.Mult(), right=gradient) if rate in rates:
            return _is_gradient(gradient)
        case ast.BinOp(left=gradient, op=ast.Mult(), right=ast.Name(id=rate)) if rate in rates:
            return _is_gradient(gradient)
    return False


def _is_gradient(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func).rpartition(".")[2]
        return called in {"dot", "matmul", "outer", "sum", "einsum", "reshape", "tensordot", "T"}
    return isinstance(node, (ast.Name, ast.Attribute)) or (
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
    )


def steps_of(instance: Any, take: Callable[[Any], Any], where: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """What one step takes off each parameter, for each unit of the rate; nothing where the object cannot be copied.

    Args:
        instance: the object before the backward.
        take: runs the backward of an object at the rate `RATE`.
        where: by parameter, how to find it on an object.
    """
    try:
        twin = copy.deepcopy(instance)
        before = {name: np.array(find(twin), copy=True) for name, find in where.items()}
        take(twin)
        return {name: (before[name] - np.asarray(find(twin))) / RATE for name, find in where.items()}
    except KeyboardInterrupt:
        raise
    except BaseException:
        return {}
