"""Whether the user's code is written for JAX: as far as can be seen from its names, without importing JAX."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from gradcheck_cli.layers import importing

JAX_LIBRARIES = frozenset(
    {"jax", "jaxlib", "optax", "flax", "equinox", "haiku", "chex", "diffrax", "lineax", "numpyro"}
)


def imports_jax(namespace: ModuleType, source: str, project: Path) -> bool:
    """Whether the module, or one of its project's that it imports, imports JAX or a library that is written in it."""
    seen: set[str] = set()

    def visit(module: ModuleType, text: str) -> bool:
        for name in _imported(text, getattr(module, "__package__", None) or ""):
            if name.partition(".")[0] in JAX_LIBRARIES:
                return True
            if name in seen:
                continue
            seen.add(name)
            other = sys.modules.get(name)
            file = importing.module_file(other)
            if other is None or file is None or importing.is_library(file) or not file.is_relative_to(project):
                continue
            try:
                if visit(other, file.read_text(encoding="utf-8")):
                    return True
            except (OSError, UnicodeDecodeError):
                continue
        return False

    return visit(namespace, source)


def _imported(source: str, package: str) -> Iterator[str]:
    """Dotted names of the modules that `source` may import."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                parent = ".".join(parts[: len(parts) - node.level + 1])
                base = f"{parent}.{base}".strip(".") if base else parent
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def refers_to_jax(value: Any, project: Path) -> bool:
    """Whether a function, or a class's methods, or a helper of the project that they name, uses a JAX name."""
    return _refers(value, project, set())


def _refers(value: Any, project: Path, seen: set[int]) -> bool:
    if isinstance(value, ModuleType):
        return value.__name__.partition(".")[0] in JAX_LIBRARIES
    if id(value) in seen:
        return False
    seen.add(id(value))
    if isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    if isinstance(value, type):
        owners = [owner for owner in value.__mro__ if owner is not object]
        return any(_refers(member, project, seen) for owner in owners for member in vars(owner).values())
    home = getattr(value, "__module__", None)
    if isinstance(home, str) and home.partition(".")[0] in JAX_LIBRARIES:
        return True
    if type(value).__module__.partition(".")[0] in {"jax", "jaxlib"}:
        return True
    if isinstance(value, FunctionType):
        file = Path(value.__code__.co_filename)
        if importing.is_library(file) and not importing.is_library(project):
            return False
        names = set(_names(value.__code__))
        return any(_refers(value.__globals__[name], project, seen) for name in names if name in value.__globals__)
    return False


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
