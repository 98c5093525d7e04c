"""The mutations of one node of a backward: slips that people make, each with a name."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

Replacement = tuple[str, str]
"""The name of the mutation, and the text that stands in the node's place."""

_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_ONE_PART = {ast.Add: "term-dropped", ast.Sub: "term-dropped", ast.Mult: "factor-dropped", ast.Div: "factor-dropped"}
_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}
_FUNCTIONS = {
    "sum": "mean",
    "mean": "sum",
    "max": "min",
    "min": "max",
    "argmax": "argmin",
    "maximum": "minimum",
    "minimum": "maximum",
    "sin": "cos",
    "cos": "sin",
    "sinh": "cosh",
    "cosh": "sinh",
    "zeros_like": "ones_like",
    "zeros": "ones",
    "tril": "triu",
    "triu": "tril",
    "add": "subtract",
    "subtract": "add",
    "multiply": "divide",
    "divide": "multiply",
}
_DROPPED = frozenset("exp tanh sqrt abs sign log square conj copy flip cumsum reversed".split())
_AXIS_SWAPS = {0: (1, -1), 1: (0, -1), -1: (0, -2), -2: (-1,), 2: (1, 0), 3: (2,)}


def replacements(node: ast.AST, names: Sequence[str]) -> Iterator[Replacement]:
    """Every mutation of one node; `names` are the function's other variables, for those that may be mixed up."""
    match node:
        case ast.BinOp():
            yield from _operation(node)
        case ast.UnaryOp(op=ast.USub(), operand=inner) if not isinstance(inner, ast.Constant):
            yield "minus-dropped", _text(inner)
        case ast.UnaryOp(op=ast.Invert() | ast.Not(), operand=inner):
            yield "not-dropped", _text(inner)
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            for other in _COMPARISONS.get(type(operator), ()):
                yield "comparison", _text(ast.Compare(left, [other()], [right]))
        case ast.BoolOp(op=operator, values=values):
            yield "and-or", _text(ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values))
        case ast.IfExp(test=test, body=body, orelse=other):
            yield "branches-swapped", _text(ast.IfExp(test, other, body))
        case ast.Constant(value=value):
            yield from _constant(value)
        case ast.Subscript(slice=index):
            yield from _index(node, index)
        case ast.Attribute(value=inner, attr="T" | "real"):
            yield "transpose-dropped", _text(inner)
        case ast.Call():
            yield from _call(node)
        case ast.Name(ctx=ast.Load(), id=name):
            for other in [item for item in names if item != name]:
                yield "names-mixed-up", other
        case ast.Tuple(ctx=ast.Load(), elts=[first, second, *rest]):
            yield "order-swapped", _text(ast.Tuple([second, first, *rest], ast.Load()))
        case ast.stmt():
            yield from _statement(node)


def _operation(node: ast.BinOp) -> Iterator[Replacement]:
    operator, left, right = node.op, node.left, node.right
    if type(operator) in _ARITHMETIC:
        yield "operator", _text(ast.BinOp(left, _ARITHMETIC[type(operator)](), right))
    if type(operator) in _ONE_PART:
        yield _ONE_PART[type(operator)], _text(left)
        if not isinstance(operator, ast.Div):
            yield _ONE_PART[type(operator)], _text(right)
    if isinstance(operator, ast.Pow):
        yield "power", _text(left)
        yield "power", _text(ast.BinOp(left, ast.Mult(), right))
    if isinstance(operator, ast.MatMult | ast.Sub | ast.Div):
        yield "operands-swapped", _text(ast.BinOp(right, operator, left))
    if isinstance(operator, ast.MatMult):
        if not _is_transposed(left):
            yield "transpose-added", _text(ast.BinOp(_transposed(left), operator, right))
        if not _is_transposed(right):
            yield "transpose-added", _text(ast.BinOp(left, operator, _transposed(right)))
    if isinstance(operator, ast.Mult | ast.MatMult):
        yield "sign", _text(ast.UnaryOp(ast.USub(), node))
        narrow = ast.Attribute(node, "astype", ast.Load())
        yield "narrowed", _text(ast.Call(narrow, [ast.Constant("float16")], []))


def _transposed(node: ast.expr) -> ast.expr:
    return ast.Attribute(node, "T", ast.Load())


def _is_transposed(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "T"


def _constant(value: Any) -> Iterator[Replacement]:
    if isinstance(value, bool):
        yield "flag", repr(not value)
    elif isinstance(value, int):
        yield "constant", repr(value + 1)
        if value > 0:
            yield "constant", repr(value - 1)
    elif isinstance(value, float):
        yield "constant", repr(value * 2 if value not in (0.0, 0.5) else value + 0.5)
        if value != 0:
            yield "constant", "0.0"
        if value != (rounded := float(f"{value:.2g}")):
            yield "constant-rounded", repr(rounded)
    elif isinstance(value, str) and "->" in value:
        yield from _subscripts(value)


def _subscripts(value: str) -> Iterator[Replacement]:
    """Two letters of one operand of an `einsum` change places."""
    left, _, right = value.partition("->")
    operands = left.split(",")
    for number, operand in enumerate(operands):
        for place in range(len(operand) - 1):
            if operand[place].isalpha() and operand[place + 1].isalpha():
                swapped = operand[:place] + operand[place + 1] + operand[place] + operand[place + 2 :]
                changed = [*operands[:number], swapped, *operands[number + 1 :]]
                yield "subscripts", repr(",".join(changed) + "->" + right)


def _index(node: ast.Subscript, index: ast.expr) -> Iterator[Replacement]:
    parts = list(index.elts) if isinstance(index, ast.Tuple) else [index]
    for place, part in enumerate(parts):
        for kind, other in _other_index(part):
            changed = [*parts[:place], other, *parts[place + 1 :]]
            whole = ast.Tuple(changed, ast.Load()) if isinstance(index, ast.Tuple) else changed[0]
            yield kind, ast.unparse(ast.Subscript(node.value, whole, node.ctx))


def _other_index(part: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    match part:
        case ast.Slice(lower=lower, upper=upper, step=step):
            if lower is None and upper is None and step is None:
                return
            if lower is not None:
                yield "slice", ast.Slice(ast.BinOp(lower, ast.Add(), ast.Constant(1)), upper, step)
            if upper is not None:
                yield "slice", ast.Slice(lower, ast.BinOp(upper, ast.Sub(), ast.Constant(1)), step)
            if step is not None:
                yield "slice", ast.Slice(lower, upper, None)
        case ast.Name() | ast.BinOp():
            yield "index", ast.BinOp(part, ast.Sub(), ast.Constant(1))
            yield "index", ast.BinOp(part, ast.Add(), ast.Constant(1))


def _call(node: ast.Call) -> Iterator[Replacement]:
    function, arguments, keywords = node.func, node.args, node.keywords
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    own = function.value if isinstance(function, ast.Attribute) else None
    if name in _FUNCTIONS and own is not None:
        other = ast.Attribute(own, _FUNCTIONS[name], ast.Load())
        yield "function", _text(ast.Call(other, arguments, keywords))
    if name in _DROPPED:
        if len(arguments) >= 1:
            yield "function-dropped", _text(arguments[0])
        elif own is not None:
            yield "function-dropped", _text(own)
    if name == "where" and len(arguments) == 3:
        test, one, two = arguments
        yield "branches-swapped", _text(ast.Call(function, [test, two, one], keywords))
        yield "mask-dropped", _text(one)
    if name in ("transpose", "swapaxes", "reshape") and len(arguments) >= 2:
        for place in range(len(arguments) - 1):
            swapped = [*arguments[:place], arguments[place + 1], arguments[place], *arguments[place + 2 :]]
            yield "order-swapped", _text(ast.Call(function, swapped, keywords))
    if name == "range" and len(arguments) == 1:
        less = ast.BinOp(arguments[0], ast.Sub(), ast.Constant(1))
        yield "range", _text(ast.Call(function, [less], keywords))
        yield "range", _text(ast.Call(function, [ast.Constant(1), arguments[0]], keywords))
    for place, keyword in enumerate(keywords):
        if keyword.arg == "axis":
            for axis in _other_axes(keyword.value):
                changed = [*keywords[:place], ast.keyword("axis", axis), *keywords[place + 1 :]]
                yield "axis", _text(ast.Call(function, arguments, changed))
            yield "axis", _text(ast.Call(function, arguments, [*keywords[:place], *keywords[place + 1 :]]))


def _other_axes(value: ast.expr) -> Iterator[ast.expr]:
    try:
        axis = ast.literal_eval(value)
    except ValueError:
        return
    if isinstance(axis, int):
        yield from (ast.Constant(other) for other in _AXIS_SWAPS.get(axis, ()))
    elif isinstance(axis, tuple) and len(axis) > 1:
        yield from (ast.Constant(axis[:place] + axis[place + 1 :]) for place in range(len(axis)))


def _statement(node: ast.stmt) -> Iterator[Replacement]:
    match node:
        case ast.AugAssign(target=target, op=operator, value=value):
            yield "accumulation-lost", ast.unparse(ast.Assign([_loaded(target, ast.Store())], value, lineno=0))
            if type(operator) in _ARITHMETIC:
                yield "operator", ast.unparse(ast.AugAssign(target, _ARITHMETIC[type(operator)](), value))
            yield "statement-dropped", "pass"
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="at"), args=[target, index, value])):
            place = ast.Subscript(target, index, ast.Store())
            yield "repeats-lost", ast.unparse(ast.AugAssign(place, ast.Add(), value))
            yield "statement-dropped", "pass"
        case ast.Assign(targets=[ast.Name() | ast.Subscript() | ast.Attribute()]) | ast.Expr():
            yield "statement-dropped", "pass"


def _loaded(target: ast.expr, context: ast.expr_context) -> ast.expr:
    match target:
        case ast.Name(id=name):
            return ast.Name(name, context)
        case ast.Subscript(value=value, slice=index):
            return ast.Subscript(value, index, context)
        case ast.Attribute(value=value, attr=attr):
            return ast.Attribute(value, attr, context)
        case _:
            return target


def _text(node: ast.expr) -> str:
    """The source of an expression, in brackets where another operator may stand beside it."""
    text = ast.unparse(node)
    bare = isinstance(node, ast.Name | ast.Constant | ast.Call | ast.Attribute | ast.Subscript)
    return text if bare else f"({text})"
