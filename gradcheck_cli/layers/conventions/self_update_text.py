"""What a backward's text says of its own updates: `self.W -= learning_rate * dW`. Nothing is run."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gradcheck_cli.layers.conventions import naming, syntax
from gradcheck_cli.layers.conventions.self_update import Update, Updates

_NO_FACTORS = ("clip", "sign", "norm")
"""Functions that make something else of a gradient."""


def plain_updates(backward: ast.AST | None) -> Updates | None:
    """The steps that a backward's text takes in every call; None where it takes none, or does more with the rate."""
    if not isinstance(backward, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    by_rate = [one for statement in backward.body if (one := _by_rate(statement, backward)) is not None]
    rates = {(syntax.name_of_attribute(one.rate), isinstance(one.rate, ast.Attribute)) for one in by_rate}
    names = {one.name for one in by_rate}
    if len(rates) != 1 or len(names) != len(by_rate) or _uses(backward, next(iter(rates))[0]) != len(by_rate):
        return None
    carried = _carried(backward) - names
    found = {
        one.name: Update(one.called, one.sign)
        for one in by_rate
        if not one.is_scaled and _is_gradient(one.rest, carried | {one.name}, backward)
    }
    early = [(one.name, one.line, line) for one in by_rate if (line := _used_after(backward, one))]
    return Updates(found, *rates.pop(), tuple(early)) if found else None


def updated(backward: ast.AST | None) -> set[str]:
    """What a backward updates, by a plain step or another: `self.W -= rate * dW`, `self.W = optimiser(self.W, dW)`."""
    statements = [node for node in ast.walk(backward) if isinstance(node, ast.stmt)] if backward is not None else []
    found = {_update(statement)[0] for statement in statements}
    for statement in statements:
        match statement:
            case ast.Assign(targets=[ast.Attribute() as target], value=ast.Call(args=given)):
                found |= {_attribute(target)} & {_attribute(value) for value in given}
            case _:
                pass
    return found - {""}


@dataclass(frozen=True)
class _ByRate:
    """A statement that moves a parameter by a product with the learning rate.

    Attributes:
        rest: the other factors.
        is_scaled: a number or a divisor is among them: `rate / batch_size` is another learning rate.
    """

    name: str
    sign: int
    rate: ast.expr
    rest: tuple[ast.expr, ...]
    called: str
    is_scaled: bool
    line: int


def _by_rate(statement: ast.stmt, backward: ast.FunctionDef | ast.AsyncFunctionDef) -> _ByRate | None:
    name, sign, value = _update(statement)
    if not name or value is None:
        return None
    is_rate = functools.partial(_is_rate, backward=backward)
    turned, factors, divisors = _parts(value, is_rate)
    rates = [factor for factor in factors if is_rate(factor)]
    rest = [factor for factor in factors if factor not in rates]
    if len(rates) != 1 or not rest:
        return None
    called = rest[0].id if len(rest) == 1 and isinstance(rest[0], ast.Name) else ""
    scaled = bool(divisors) or any(isinstance(factor, ast.Constant) for factor in rest)
    return _ByRate(name, sign * turned, rates[0], tuple(rest), called, scaled, statement.lineno)


def _update(statement: ast.stmt) -> tuple[str, int, ast.expr | None]:
    """`self.W -= E`, `self.W = self.W - E`: the parameter, the sign of E, and E."""
    match statement:
        case ast.AugAssign(target=target, op=ast.Sub() | ast.Add() as op, value=value):
            return syntax.name_of_attribute(target), _sign(op), value
        case ast.Assign(targets=[ast.Attribute() as target], value=ast.BinOp(left=left, op=op, right=value)) if (
            isinstance(op, (ast.Sub, ast.Add)) and ast.unparse(left) == ast.unparse(target)
        ):
            return syntax.name_of_attribute(target), _sign(op), value
        case _:
            return "", 0, None


def _sign(operator: ast.operator) -> int:
    return -1 if isinstance(operator, ast.Sub) else 1


def _parts(node: ast.expr, is_rate: Callable[[ast.expr], bool]) -> tuple[int, list[ast.expr], list[ast.expr]]:
    """The sign of the learning rate, the factors and the divisors of a product."""
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand) if any(
            is_rate(part) for part in ast.walk(operand) if isinstance(part, ast.expr)
        ):
            sign, factors, divisors = _parts(operand, is_rate)
            return -sign, factors, divisors
        case ast.BinOp(left=left, op=ast.Mult() | ast.MatMult() | ast.Div() as op, right=right):
            # `rate * x.T @ dout` is a matrix product with a factor in its first matrix
            first, second = _parts(left, is_rate), _parts(right, is_rate)
            over, under = (second[2], second[1]) if isinstance(op, ast.Div) else (second[1], second[2])
            return first[0] * second[0], first[1] + over, first[2] + under
        case _:
            return 1, [node], []


def _is_rate(node: ast.expr, backward: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    match node:
        case ast.Name(id=name):
            taken = {item.arg for item in (*backward.args.posonlyargs, *backward.args.args, *backward.args.kwonlyargs)}
            return name in taken and naming.is_learning_rate(name)
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            return naming.is_learning_rate(name)
        case _:
            return False


def _is_gradient(nodes: Sequence[ast.expr], carried: set[str], backward: ast.AST) -> bool:
    """Whether this is made of nothing that is carried from call to call, and is not cut."""
    for node in _made_of(nodes, backward):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if name in carried:
                return False
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _NO_FACTORS:
                return False
            case _:
                pass
    return True


def _made_of(nodes: Sequence[ast.AST], backward: ast.AST) -> Iterator[ast.AST]:
    """All nodes of some expressions, and of those that the locals in them were assigned."""
    waiting, seen = list(nodes), set[str]()
    while waiting:
        for node in _values(waiting.pop()):
            yield node
            if isinstance(node, ast.Name) and node.id not in seen:
                seen.add(node.id)
                waiting += _assigned(node.id, backward)


def _values(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all inside, but not of what only a shape is taken: `self.W.shape`, `np.zeros_like(self.W)`."""
    yield node
    match node:
        case ast.Attribute(attr="shape" | "size" | "ndim" | "dtype"):
            return
        case ast.Call(func=ast.Attribute(attr=name)) if name.endswith("_like"):
            return
        case _:
            for part in ast.iter_child_nodes(node):
                yield from _values(part)


def _assigned(name: str, backward: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(backward):
        match node:
            case ast.Assign(targets=targets, value=value) if any(name in _locals(target) for target in targets):
                yield value
            case ast.AugAssign(target=target, value=value) if name in _locals(target):
                yield value
            case ast.Call(func=ast.Attribute(), keywords=keywords) as call:
                # `np.clip(dW, -1, 1, out=dW)`
                if any(item.arg == "out" and name in _locals(item.value) for item in keywords):
                    yield call
            case _:
                pass


def _locals(target: ast.expr) -> set[str]:
    """The local names that an assignment to this writes to."""
    match target:
        case ast.Name(id=name):
            return {name}
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return {name for element in elements for name in _locals(element)}
        case ast.Subscript(value=value) | ast.Starred(value=value):
            return _locals(value)
        case _:
            return set()


def _carried(backward: ast.AST) -> set[str]:
    """Attributes that a backward makes from what they were: momentum, running sums."""
    found = set()
    for node in ast.walk(backward):
        match node:
            case ast.AugAssign(target=target):
                found.add(_attribute(target))
            case ast.Assign(targets=targets, value=value):
                read = {_attribute(part) for part in ast.walk(value)}
                found |= {_attribute(target) for target in targets} & read
            case _:
                pass
    return found - {""}


def _attribute(node: ast.AST) -> str:
    match node:
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            return name
        case ast.Subscript(value=value):
            return _attribute(value)
        case _:
            return ""


def _used_after(backward: ast.FunctionDef | ast.AsyncFunctionDef, one: _ByRate) -> int | None:
    """The first line on which a parameter is read after its update; None where none is."""
    after = [node for statement in backward.body if statement.lineno > one.line for node in ast.walk(statement)]
    lines = [
        node.lineno
        for node in after
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and _attribute(node) == one.name
    ]
    return min(lines, default=None)


def _uses(backward: ast.AST, rate: str) -> int:
    return sum(
        isinstance(node, (ast.Name, ast.Attribute))
        and isinstance(node.ctx, ast.Load)
        and syntax.name_of_attribute(node) == rate
        for node in ast.walk(backward)
    )
