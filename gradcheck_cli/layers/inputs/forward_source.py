"""What the text of a forward tells about its arguments: what they index, which keys are read, how they unpack."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

_OF_SYMMETRIC = frozenset({"eigh", "eigvalsh", "cholesky", "cho_factor"})

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class KeyRead:
    """A key that a forward reads from a dictionary; `default` speaks only where `has_default`."""

    key: str
    has_default: bool
    default: Any = None


@dataclass(frozen=True)
class ForwardSource:
    """Facts read from the syntax of a forward (and, for a class, of its constructor).

    Attributes:
        indexes: names used inside the brackets of a subscript: `scores[i, y[i]]` gives `y: ("scores", 1)`, the array
            indexed and the position among the brackets; the array is "" where it is none with a name.
        keys: by argument name, the keys read from it.
        unpacked: by argument name, the names its shape is unpacked into: `N, D = x.shape`.
        booleans: names used as a condition by themselves (`if train:`).
        one_hot: names whose `argmax` is taken or that are compared in size with another array.
        clipped: names that are clipped to just inside (0, 1), as probabilities are before their logarithm is taken.
        definite: names of matrices that are taken apart as symmetric ones are: by `eigh`, `cholesky`.
    """

    indexes: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    keys: Mapping[str, tuple[KeyRead, ...]] = field(default_factory=dict)
    unpacked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    booleans: frozenset[str] = frozenset()
    one_hot: frozenset[str] = frozenset()
    clipped: frozenset[str] = frozenset()
    definite: frozenset[str] = frozenset()


def read_forward(source: str, line: int, names: Iterable[str]) -> ForwardSource:
    """Facts about the arguments `names` in the function that is defined at `line` of `source` (1-based).

    An attribute that only passes an argument on (`self.idx = idx`, `self.W = W` in the constructor) counts as it.
    """
    tree = _parse(source)
    found = _definition(tree, line) if tree is not None else None
    if tree is None or found is None:
        return ForwardSource()
    function, owner = found
    wanted = set(names)
    bodies: list[_Function] = [function]
    if owner is not None:
        bodies += [node for node in owner.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    aliases = _aliases(bodies, wanted)
    helpers = [(function, aliases), *_called_helpers(tree, function, aliases)]
    facts = _Facts({}, {}, {}, set(), set(), set(), set())
    for body, names_in_body in helpers:
        facts.read(body, names_in_body)
    for body in bodies[1:]:
        facts.read(body, aliases)
    return ForwardSource(
        facts.indexes,
        {name: tuple(keys.values()) for name, keys in facts.keys.items()},
        facts.unpacked,
        frozenset(facts.booleans),
        frozenset(facts.one_hot),
        frozenset(facts.clipped),
        frozenset(facts.definite),
    )


def functions_at(source: str, line: int) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The function that is defined at `line` of `source` (1-based), and its class's constructor."""
    tree = _parse(source)
    found = _definition(tree, line) if tree is not None else None
    if found is None:
        return []
    function, owner = found
    made = owner.body if owner is not None else []
    return [function, *(node for node in made if isinstance(node, ast.FunctionDef) and node.name == "__init__")]


@dataclass
class _Facts:
    indexes: dict[str, tuple[str, int]]
    keys: dict[str, dict[str, KeyRead]]
    unpacked: dict[str, tuple[str, ...]]
    booleans: set[str]
    one_hot: set[str]
    clipped: set[str]
    definite: set[str]

    def read(self, function: _Function, aliases: Mapping[str, str]) -> None:
        for node in ast.walk(function):
            if isinstance(node, ast.Subscript):
                self._subscript(node, aliases)
            elif isinstance(node, ast.Call):
                self._call(node, aliases)
            elif isinstance(node, ast.Assign):
                self._unpack(node, aliases)
            elif isinstance(node, (ast.If, ast.IfExp)):
                test = node.test.operand if isinstance(node.test, ast.UnaryOp) else node.test
                if name := aliases.get(dotted(test)):
                    self.booleans.add(name)

    def _subscript(self, node: ast.Subscript, aliases: Mapping[str, str]) -> None:
        base = dotted(node.value)
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if isinstance(key, str) and isinstance(node.ctx, ast.Load) and (name := aliases.get(base)):
            self._key(name, KeyRead(key, False))
        positions = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for position, part in enumerate(positions):
            for name in _names_used(part, aliases):
                self.indexes.setdefault(name, (aliases.get(base, base), position))

    def _call(self, node: ast.Call, aliases: Mapping[str, str]) -> None:
        called = dotted(node.func)
        owner, _, method = called.rpartition(".")
        match [*([node.func.value] if owner in aliases and isinstance(node.func, ast.Attribute) else []), *node.args]:
            case [value, low, ast.BinOp(left=ast.Constant(value=1 | 1.0), op=ast.Sub(), right=off)] if method == "clip":
                if (name := aliases.get(dotted(value))) and ast.dump(low) == ast.dump(off):
                    self.clipped.add(name)
        if name := aliases.get(owner):
            if method in ("get", "pop", "setdefault") and node.args and isinstance(node.args[0], ast.Constant):
                default = _literal(node.args[1]) if len(node.args) > 1 else None
                self._key(name, KeyRead(str(node.args[0].value), len(node.args) > 1 or method == "get", default))
            if method == "argmax":
                self.one_hot.add(name)
        if method == "argmax" and node.args and (name := aliases.get(dotted(node.args[0]))):
            self.one_hot.add(name)
        if method in _OF_SYMMETRIC and node.args and (name := aliases.get(dotted(node.args[0]))):
            self.definite.add(name)
        if called.endswith("add.at") and len(node.args) > 1:
            for name in _names_used(node.args[1], aliases):
                base = dotted(node.args[0])
                self.indexes.setdefault(name, (aliases.get(base, base), 0))
        if method in ("take", "one_hot", "take_along_axis") and len(node.args) > 1 - (method == "one_hot"):
            place = 0 if method == "one_hot" else 1
            if place < len(node.args) and (name := aliases.get(dotted(node.args[place]))):
                base = "" if method == "one_hot" else dotted(node.args[0])
                self.indexes.setdefault(name, (aliases.get(base, base), 0 if method == "take" else 1))

    def _unpack(self, node: ast.Assign, aliases: Mapping[str, str]) -> None:
        value, target = node.value, node.targets[0]
        if isinstance(value, ast.Attribute) and value.attr == "shape" and isinstance(target, (ast.Tuple, ast.List)):
            name = aliases.get(dotted(value.value))
            parts = tuple(dotted(part) for part in target.elts)
            if name and all(parts):
                self.unpacked.setdefault(name, parts)

    def _key(self, name: str, read: KeyRead) -> None:
        known = self.keys.setdefault(name, {})
        if read.key not in known or known[read.key].has_default:
            known[read.key] = read if read.key not in known or not read.has_default else known[read.key]


def _names_used(part: ast.expr, aliases: Mapping[str, str]) -> list[str]:
    """Arguments whose *values* are used as an index: `y`, `y[i]`, `int(y[i])`, `y.astype(int)`, not `x.shape[0]`."""
    if isinstance(part, ast.Subscript):
        return _names_used(part.value, aliases)
    if isinstance(part, ast.Call):
        inner = list(part.args[:1])
        if isinstance(part.func, ast.Attribute) and part.func.attr in (
            "astype",
            "ravel",
            "flatten",
            "reshape",
            "squeeze",
        ):
            inner = [part.func.value]
        elif dotted(part.func) not in ("int", "np.asarray", "np.array", "jnp.asarray", "list", "np.int64"):
            return []
        return [name for argument in inner for name in _names_used(argument, aliases)]
    if isinstance(part, ast.BinOp):
        return _names_used(part.left, aliases) + _names_used(part.right, aliases)
    name = aliases.get(dotted(part))
    return [name] if name else []


def _aliases(functions: Iterable[_Function], wanted: set[str]) -> dict[str, str]:
    """Every spelling of an argument: `idx`, and `self.idx` after `self.idx = idx`; and loop variables over it."""
    aliases = {name: name for name in wanted}
    for function in list(functions)[::-1]:
        for node in ast.walk(function):
            if isinstance(node, ast.Assign):
                value = node.value
                if isinstance(value, ast.Call) and value.args and dotted(value.func) in ("np.asarray", "np.array"):
                    value = value.args[0]
                pairs = [(target, value) for target in node.targets]
                if isinstance(value, ast.Tuple) and isinstance(node.targets[0], ast.Tuple):
                    pairs = list(zip(node.targets[0].elts, value.elts))
                for target, one in pairs:
                    origin, spelled = aliases.get(dotted(one)), dotted(target)
                    if origin and spelled and spelled not in aliases:
                        aliases[spelled] = origin
            elif isinstance(node, (ast.For, ast.comprehension)):
                _alias_loop(node, aliases)
    return aliases


def _alias_loop(node: ast.For | ast.comprehension, aliases: dict[str, str]) -> None:
    over, target = node.iter, node.target
    if isinstance(over, ast.Call) and dotted(over.func) == "enumerate" and over.args:
        over = over.args[0]
        target = target.elts[1] if isinstance(target, ast.Tuple) and len(target.elts) == 2 else target
    origin, spelled = aliases.get(dotted(over)), dotted(target)
    if origin and spelled and spelled not in aliases:
        aliases[spelled] = origin


def _called_helpers(
    tree: ast.Module, function: _Function, aliases: Mapping[str, str]
) -> list[tuple[_Function, dict[str, str]]]:
    """Functions of the same file that the forward hands its arguments to, one level deep."""
    defined = {node.name: node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
    found: list[tuple[_Function, dict[str, str]]] = []
    for node in ast.walk(function):
        if not isinstance(node, ast.Call):
            continue
        helper = defined.get(dotted(node.func))
        if helper is None or helper is function:
            continue
        parameters = [parameter.arg for parameter in helper.args.args]
        passed = {**dict(zip(parameters, node.args)), **{word.arg: word.value for word in node.keywords if word.arg}}
        renamed = {inner: origin for inner, outer in passed.items() if (origin := aliases.get(dotted(outer)))}
        if renamed:
            found.append((helper, renamed))
    return found


@lru_cache(maxsize=32)
def _parse(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _definition(tree: ast.Module, line: int) -> tuple[_Function, ast.ClassDef | None] | None:
    """The function at `line` (its `def` or its first decorator), and the class it is in."""

    def search(node: ast.AST, owner: ast.ClassDef | None) -> tuple[_Function, ast.ClassDef | None] | None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
                if first <= line <= child.body[0].lineno and line <= child.lineno + 3:
                    return child, owner
            inside = search(child, child if isinstance(child, ast.ClassDef) else owner)
            if inside is not None:
                return inside
        return None

    return search(tree, None)


def dotted(node: ast.expr) -> str:
    """`self.mode` for that attribute, "" for what is no name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return None
