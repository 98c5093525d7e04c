"""What a layer class's constructor takes: arrays that are parameters, sizes, or settings."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gradcheck_cli.layers.conventions import naming, roles, syntax
from gradcheck_cli.layers.conventions.signatures import Parameter
from gradcheck_cli.layers.layer import Role

_SIZE = re.compile(
    r"^(n|num|in|out|input|output|hidden|embed\w*|vocab\w*|filter|kernel|n_?in|n_?out|[DHMNCFKVTO])$"
    r"|(^|_)(size|sizes|dim|dims|features|channels|units|neurons|nodes|width|height|filters|hidden|inputs|outputs|classes"
    r"|depth|embeddings?|vocab|heads|fan_in|fan_out|num|n|length)$|^(n|num|in|out|fan)_\w+$|^(d|n)_?(model|in|out|ff|k|v|hid\w*)$"
    r"|^(dim|size|units|channels|features|vocab_size|nb_\w+)\w*$",
    re.I,
)
_ARRAY = re.compile(
    r"^(W\w{0,3}|w|w\d|b|b\w?|b\d|bias\w*|weights?\w*|gamma|beta|kernel|filters?|embedding\w*|U|V|scale|shift|theta|params?"
    r"|W_\w+|b_\w+|w_\w+|\w+_weights?|\w+_bias|gain|table)$"
)
_CREATORS = frozenset(
    "zeros ones empty full randn rand random normal uniform standard_normal random_sample eye arange linspace "
    "truncated_normal glorot_uniform he_normal orthogonal integers".split()
)


def constructor_role(parameter: Parameter, init: ast.AST | None, owner: ast.AST, documentation: str) -> Role:
    """What one parameter of the constructor is for.

    A default makes it a setting; otherwise its annotation, its use in the constructor (the shape of a new array: a
    size), its companion gradient on the instance (an array), its documentation and its name decide, in that order.
    """
    name = parameter.name
    if parameter.has_default:
        array = hasattr(parameter.default, "shape") and not isinstance(parameter.default, type)
        return Role.PARAMETER if array else Role.CONFIG
    spoken = roles.annotated(parameter.annotation)
    if spoken == "array":
        return Role.PARAMETER
    if VOCABULARY.fullmatch(name):
        return Role.CONFIG
    if spoken == "setting":
        whole = str(getattr(parameter.annotation, "__name__", parameter.annotation)) == "int"
        return Role.SIZE if whole and not _is_strict_setting(name) else Role.CONFIG
    if _has_gradient(name, owner):
        return Role.PARAMETER
    if is_called(name, init, owner) or (WIDTHS.fullmatch(name) and _is_list(name, init)):
        return Role.CONFIG  # an activation, an initialiser; the widths of all hidden layers
    if _counts(name, init, owner):
        return Role.CONFIG if _is_strict_setting(name) or name.lower() in ("kernel", "k", "size") else Role.SIZE
    if _sizes_an_array(name, init):
        return Role.SIZE
    if _is_strict_setting(name):
        return Role.CONFIG
    if _used_as_array(name, init, owner):
        return Role.PARAMETER
    described = roles.described(name, documentation)
    if re.match(r"\W*(int|integer|number of|size of)\b", described, re.I):
        return Role.SIZE  # `(int): number of neurons (vector size)`
    if re.search(r"\b(array|ndarray|matrix|vector|of shape|shape)\b", described, re.I):
        return Role.PARAMETER
    if re.search(r"\b(int|integer|number of|size)\b", described, re.I):
        return Role.SIZE
    if name == "kernel":
        return Role.CONFIG  # nothing multiplies with it: a window's size, handed on
    if _ARRAY.match(name):
        return Role.PARAMETER
    return Role.SIZE if _SIZE.search(name) else Role.CONFIG


def _is_strict_setting(name: str) -> bool:
    return bool(
        re.search(r"stride|pad|dilat|kernel_size|pool|drop|momentum|eps|group|head|axis|mode|activation", name, re.I)
    )


def is_window(name: str) -> bool:
    """Whether a setting is a window's or another that everybody gives the same few values."""
    return name == "kernel" or _is_strict_setting(name)


def _has_gradient(name: str, owner: ast.AST) -> bool:
    """Whether the class stores something that is named like this parameter's gradient."""
    stored = syntax.attributes_set(owner)
    if any(candidate in stored for candidate in naming.gradient_names(name)):
        return True
    keys = [key for container in ("grads", "gradients") for key in syntax.string_keys(owner, container)]
    if any(naming.gradient_target(key, [name]) == name for key in keys):
        return True
    # `self.params = [W, b]`, or `params["W"] = W`
    for attribute in ("params", "parameters", "weights"):
        value = stored.get(attribute)
        if value is not None and any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(value)):
            return not any(isinstance(node, ast.Call) for node in ast.walk(value))
    return False


def _sizes_an_array(name: str, init: ast.AST | None) -> bool:
    """Whether the constructor uses it as (part of) the shape of an array that it makes, or counts with it."""
    names = _called_too(name, init)
    for node in ast.walk(init) if init is not None else ():
        if isinstance(node, ast.Call):
            function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            positions: Sequence[ast.expr] = ()
            if function in _CREATORS or function in {"range", "init", "initialize"}:
                positions = [*node.args, *(item.value for item in node.keywords)]
            for item in positions:
                if any(isinstance(part, ast.Name) and part.id in names for part in _plain_parts(item)):
                    return True
    return False


def _called_too(name: str, init: ast.AST | None) -> set[str]:
    """The locals of a constructor that are this parameter: `self.h = hidden_dim; h = self.h`."""
    found, kept = {name}, set[str]()
    for node in ast.walk(init) if init is not None else ():
        match node:
            case ast.Assign(targets=[target], value=ast.Name(id=source)) if source in found:
                (kept if isinstance(target, ast.Attribute) else found).add(syntax.name_of_attribute(target))
            case ast.Assign(targets=[ast.Name(id=local)], value=ast.Attribute() as source):
                if syntax.name_of_attribute(source) in kept:
                    found.add(local)
            case _:
                pass
    return found


def _plain_parts(node: ast.expr) -> list[ast.AST]:
    """The parts of a shape expression: not those under an attribute (`W.shape[1]` makes no size of W)."""
    found: list[ast.AST] = []
    stack: list[ast.AST] = [node]
    while stack:
        part = stack.pop()
        found.append(part)
        if isinstance(part, ast.Attribute):
            continue
        stack.extend(ast.iter_child_nodes(part))
    return found


def _named(name: str, init: ast.AST | None) -> Callable[[ast.AST | None], bool]:
    """Whether a node is the parameter `name`, or the attribute that the constructor keeps it in."""
    attribute = next(
        (key for key, value in syntax.attributes_set(init).items() if isinstance(value, ast.Name) and value.id == name),
        None,
    )

    def is_it(node: ast.AST | None) -> bool:
        return (isinstance(node, ast.Name) and node.id == name and init is not None) or (
            # not a local of the attribute's name: `self.h = hidden_dim` beside `forward(self, x, h)`
            attribute is not None and isinstance(node, ast.Attribute) and syntax.name_of_attribute(node) == attribute
        )

    return is_it


def is_called(name: str, init: ast.AST | None, owner: ast.AST) -> bool:
    """Whether the class calls it."""
    return any(isinstance(node, ast.Call) and is_it(node.func) for node, is_it in _looked_at(name, init, owner))


def _is_list(name: str, init: ast.AST | None) -> bool:
    """Whether the constructor asks it for its length, an item, or all of them, or adds it to a list."""
    for node in ast.walk(init) if init is not None else ():
        match node:
            case ast.Call(func=ast.Name(id="len" | "enumerate" | "list" | "zip"), args=parts) | ast.List(elts=parts):
                found = [part.value if isinstance(part, ast.Starred) else part for part in parts]
            case ast.Subscript(value=part) | ast.For(iter=part) | ast.comprehension(iter=part):
                found = [part]
            case ast.BinOp(left=left, op=ast.Add(), right=right) if isinstance(left, ast.List) or isinstance(
                right, ast.List
            ):
                found = [left, right]
            case _:
                continue
        if any(isinstance(part, ast.Name) and part.id == name for part in found):
            return True
    return False


def _counts(name: str, init: ast.AST | None, owner: ast.AST) -> bool:
    """Whether the class bounds a slice or a loop with it: a whole number."""
    for node, is_it in _looked_at(name, init, owner):
        bounds: Sequence[ast.expr | None] = ()
        if isinstance(node, ast.Slice):
            bounds = (node.lower, node.upper, node.step)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "range":
            bounds = node.args
        if any(is_it(part) for bound in bounds if bound is not None for part in _plain_parts(bound)):
            return True
    return False


def _looked_at(
    name: str, init: ast.AST | None, owner: ast.AST
) -> Iterator[tuple[ast.AST, Callable[[ast.AST | None], bool]]]:
    """The constructor's nodes with a test for the parameter itself, all nodes with one for where it is kept.

    A local of that name in another method (`N, C, H, W = x.shape`) is not it.
    """
    is_it = _named(name, init)
    for node in ast.walk(init) if init is not None else ():
        yield node, is_it
    for node in ast.walk(owner):
        yield node, lambda item: isinstance(item, ast.Attribute) and is_it(item)


def _used_as_array(name: str, init: ast.AST | None, owner: ast.AST) -> bool:
    """Whether the class asks it for a shape, multiplies with it, or copies it as an array."""
    for node, is_it in _looked_at(name, init, owner):
        match node:
            case ast.Attribute(value=value, attr="shape" | "T" | "dot" | "ndim" | "copy" | "astype") if is_it(value):
                return True
            case ast.BinOp(op=ast.MatMult(), left=left, right=right) if is_it(left) or is_it(right):
                return True
            case ast.Call(func=ast.Attribute(attr=called), args=arguments) if called in {
                "dot",
                "matmul",
                "einsum",
                "zeros_like",
                "empty_like",
                "array",
                "asarray",
                "tensordot",
            } and any(is_it(item) for item in arguments):
                return True
            case _:
                pass
    return False


WIDTHS = re.compile(r"(?:hidden|layer)s?_?(?:dims|sizes|layers|units|widths|neurons|\w+_list)", re.I)
"""Settings that list the widths of hidden layers."""

SMALL_WIDTHS = (5, 4)
"""What they are given: two layers of different widths."""

VOCABULARY = re.compile(r"(?:word|token|char)s?_to_(?:idx|index|ix|id)s?")
"""Settings that number the words of a language."""

WORDS = {"<NULL>": 0, "<START>": 1, "<END>": 2, "cat": 3, "sat": 4}


def trial_value(name: str) -> Any:
    """A usual value of a setting without a default, only to build an instance and look at what it holds."""
    if WIDTHS.fullmatch(name):
        return list(SMALL_WIDTHS)
    if VOCABULARY.fullmatch(name):
        return dict(WORDS)
    if re.search(r"pad", name, re.I):
        return 0
    if re.search(r"stride|dilat|group", name, re.I):
        return 1
    return 0.5 if re.search(r"ratio|rate|prob|drop|momentum|eps|alpha|slope", name, re.I) else 2
