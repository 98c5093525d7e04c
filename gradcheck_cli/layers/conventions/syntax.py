"""What a definition's text says: where it is, what it returns, which attributes it sets. Nothing is run."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def parse(source: str) -> ast.Module:
    """The tree of a text that is known to parse, without warnings about its escapes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


@functools.lru_cache(maxsize=256)
def _tree(path: str, stamp: int) -> ast.Module | None:
    """Of the text that was imported, in whatever encoding: `layers.loading` leaves it with `linecache`."""
    del stamp
    linecache.checkcache(path)
    try:
        return parse("".join(linecache.getlines(path)))
    except (SyntaxError, ValueError, RecursionError):
        return None


@functools.lru_cache(maxsize=256)
def _functions(path: str, stamp: int) -> dict[str, list[FunctionNode]]:
    """The definitions in a file by their names, in the order in which `ast.walk` meets them."""
    tree = _tree(path, stamp)
    found: dict[str, list[FunctionNode]] = {}
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, FunctionNode):
            found.setdefault("<lambda>" if isinstance(node, ast.Lambda) else node.name, []).append(node)
    return found


def plain_function(value: Any) -> FunctionType | None:
    """The Python function under decorators, partials, bound methods and static methods; None where there is none."""
    for _ in range(20):
        if isinstance(value, FunctionType):
            wrapped = vars(value).get("__wrapped__") or _handed_on(value)
            if wrapped is None:
                return value
            value = wrapped
        elif isinstance(value, functools.partial):
            value = value.func
        elif isinstance(value, (staticmethod, classmethod)) or inspect.ismethod(value):
            value = value.__func__
        else:
            value = _wrapped(value)
            if value is None:
                return None
    return None


def _wrapped(value: Any) -> Any:
    for attribute in ("__wrapped__", "py_func"):  # functools and jit; numba
        try:
            inner = inspect.getattr_static(value, attribute, None)
            inner = getattr(value, attribute) if inner is not None else None
        except Exception:
            return None
        if inner is not None:
            return inner
    return None


def undecorated(value: Any) -> Any:
    """The function under decorators of the user's own that do not say what they wrap; `value` where there are none."""
    for _ in range(20):
        inner = _handed_on(value) if isinstance(value, FunctionType) else None
        if inner is None:
            break
        value = inner
    return value


def _handed_on(function: FunctionType) -> FunctionType | None:
    """What `def wrapper(self, *args, **kwargs)` without `functools.wraps` calls with all that it was given."""
    code = function.__code__
    if not code.co_flags & inspect.CO_VARARGS or not code.co_freevars:
        return None
    cells = dict(zip(code.co_freevars, function.__closure__ or ()))
    count = code.co_argcount
    handed = [*code.co_varnames[:count], f"*{code.co_varnames[count + code.co_kwonlyargcount]}"]
    calls = [item for item in ast.walk(_own_definition(function) or ast.Pass()) if isinstance(item, ast.Call)]
    named = {
        call.func.id
        for call in calls
        if isinstance(call.func, ast.Name)
        and [ast.unparse(item) for item in call.args] == handed
        and call.func.id in cells
    }
    if len(named) != 1:
        return None
    try:
        inner = cells[named.pop()].cell_contents
    except ValueError:
        return None
    return inner if isinstance(inner, FunctionType) and inner is not function else None


def definition(value: Any) -> FunctionNode | None:
    """The syntax of a live function's own definition; None where its source is not to be had."""
    function = plain_function(value)
    return _own_definition(function) if function is not None else None


def _own_definition(function: FunctionType) -> FunctionNode | None:
    code: CodeType = function.__code__
    try:
        stamp = Path(code.co_filename).stat().st_mtime_ns
    except OSError:
        return None
    for node in _functions(code.co_filename, stamp).get(code.co_name, ()):
        if isinstance(node, ast.Lambda):
            count = code.co_argcount + code.co_kwonlyargcount
            names = [item.arg for item in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            if node.lineno == code.co_firstlineno and tuple(names) == code.co_varnames[:count]:
                return node
        else:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if code.co_firstlineno in (first, node.lineno):
                return node
    return None


def line_of(value: Any, default: int = 1) -> int:
    """The line of the `def` (or `class`) of a live function or class."""
    node = definition(value)
    if node is not None:
        return node.lineno
    function = plain_function(value)
    return function.__code__.co_firstlineno if function is not None else default


def line_in(path: Path, value: Any) -> int | None:
    """The line of a live function's definition, where that is in the file at `path`; None elsewhere."""
    function = plain_function(value)
    if function is None or Path(function.__code__.co_filename) != path:
        return None
    return line_of(value)


def docstring(value: Any) -> str:
    """A live object's own docstring, or ""; never one that it inherits."""
    try:
        text = (
            vars(value).get("__doc__") if isinstance(value, type) else getattr(plain_function(value), "__doc__", None)
        )
    except Exception:
        return ""
    return inspect.cleandoc(text) if isinstance(text, str) else ""


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Every node of a function's body, without those of functions and classes that it defines."""
    body = function.body if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) else [function]
    stack: list[ast.AST] = list(reversed(body)) if isinstance(body, list) else [body]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        stack.extend(reversed(list(ast.iter_child_nodes(node))))


def returns(function: FunctionNode | None) -> list[ast.expr]:
    """The expressions that a function returns, in order; a name that holds a tuple display is looked up."""
    if function is None:
        return []
    if isinstance(function, ast.Lambda):
        return [function.body]
    found = []
    for node in own_nodes(function):
        if isinstance(node, ast.Return) and node.value is not None:
            value = node.value
            if isinstance(value, ast.Name):
                value = _assigned(function, value.id) or value
            found.append(value)
    return found


def _assigned(function: ast.AST, name: str) -> ast.expr | None:
    """The one tuple, list or dict display assigned to a local name."""
    values = [
        node.value
        for node in own_nodes(function)
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
    ]
    return values[-1] if len(values) == 1 and isinstance(values[0], (ast.Tuple, ast.List)) else None


def returned_names(function: FunctionNode | None) -> tuple[str, ...]:
    """Names in the last returned tuple (or of the single returned name); "" for what has no name. Empty: unknown."""
    values = [value for value in returns(function) if not (isinstance(value, ast.Constant) and value.value is None)]
    if not values:
        return ()
    tuples = [value for value in values if isinstance(value, (ast.Tuple, ast.List))]
    value = (tuples or values)[-1]
    if isinstance(value, (ast.Tuple, ast.List)):
        if any(isinstance(item, ast.Starred) for item in value.elts):
            return ()
        return tuple(name_of(item) for item in value.elts)
    return (name_of(value),)


def returned_count(function: FunctionNode | None) -> int | None:
    """How many values the function returns, as far as its text says: None where it does not."""
    counts: set[int | None] = set()
    for value in returns(function):
        if isinstance(value, ast.Constant) and value.value is None:
            continue
        if isinstance(value, (ast.Tuple, ast.List)) and not any(isinstance(item, ast.Starred) for item in value.elts):
            counts.add(len(value.elts))
        elif isinstance(value, ast.Call):
            counts.add(None)
        else:
            counts.add(1)
    return counts.pop() if len(counts) == 1 else None


def name_of(node: ast.AST) -> str:
    """`dx` for `dx`, `self.dx`, `dx.reshape(...)`, `dx[0]`, `np.array(dx)`; "" where no name stands for it."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=attribute, value=ast.Name(id="self" | "ctx")):
            return attribute
        case ast.Attribute(attr="T", value=value):
            return name_of(value)
        case ast.Call(func=ast.Attribute(value=value, attr=method)) if isinstance(value, ast.Name) and value.id in {
            "np",
            "numpy",
            "jnp",
        }:
            return name_of(node.args[0]) if node.args and method in {"array", "asarray", "float32", "float64"} else ""
        case ast.Call(func=ast.Attribute(value=value, attr="reshape" | "astype" | "copy" | "squeeze" | "ravel")):
            return name_of(value)
        case ast.Subscript(value=value):
            return name_of(value)
        case _:
            return ""


def string_keys(function: ast.AST | None, name: str) -> tuple[str, ...]:
    """String keys that are stored under a local or `self` name: `{"W1": ...}` and `grads["W1"] = ...`."""
    keys: dict[str, None] = {}
    for node in ast.walk(function) if function is not None else ():
        if isinstance(node, ast.Assign):
            whole = [target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target] for target in node.targets]
            for target in (part for parts in whole for part in parts):
                if name_of_attribute(target) == name and isinstance(node.value, ast.Dict):
                    for key in node.value.keys:
                        if isinstance(key, ast.Constant) and isinstance(key.value, str):
                            keys[key.value] = None
                if isinstance(target, ast.Subscript) and name_of_attribute(target.value) == name:
                    match target.slice:
                        case ast.Constant(value=str(key_text)):
                            keys[key_text] = None
                        case _:
                            pass
    return tuple(keys)


def name_of_attribute(node: ast.AST) -> str:
    """`W` for the name `W` and for `self.W`."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=attribute, value=ast.Name(id="self")):
            return attribute
        case _:
            return ""


def attributes_set(function: ast.AST | None) -> dict[str, ast.expr | None]:
    """`self.NAME` that a method assigns (also in a tuple, with `+=`, or `self.NAME[...] =`), and the value if plain."""
    found: dict[str, ast.expr | None] = {}

    def visit(target: ast.AST, value: ast.expr | None) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            values = value.elts if isinstance(value, (ast.Tuple, ast.List)) else [None] * len(target.elts)
            for item, part in zip(target.elts, values):
                visit(item, part)
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
            found.setdefault(target.attr, value)
        elif isinstance(target, ast.Subscript):
            visit(target.value, None)

    for node in ast.walk(function) if function is not None else ():
        if isinstance(node, ast.Assign):
            for target in node.targets:
                visit(target, node.value)
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
            visit(node.target, node.value)
    return found


def calls(function: ast.AST | None, name: str) -> bool:
    """Whether a function calls something named `name`."""
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        for node in (ast.walk(function) if function is not None else ())
    )


def calls_any(tree: ast.AST, target: str, called: Collection[str]) -> bool:
    """Whether an assignment to the name `target` calls one of these functions, by their last names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == target for t in node.targets):
            functions = [part.func for part in ast.walk(node.value) if isinstance(part, ast.Call)]
            return any((f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "")) in called for f in functions)
    return False
