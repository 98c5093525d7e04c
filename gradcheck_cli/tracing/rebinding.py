"""A function given to us live (`check(forward, backward, inputs)`), rewritten to see the dual NumPy.

There is no module to run again: it may be `__main__`, a notebook cell or a test. The function's code is kept, and its
globals and closure are exchanged for copies in which NumPy, `math` and the user's other functions are dual ones.
"""

from __future__ import annotations

import builtins
import math
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import BuiltinFunctionType, CellType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from gradcheck_cli.tracing.namespace import DualFloat, dual_of, is_dressed

_DISPATCHER = type(np.sum)
_STANDARD_LIBRARY = Path(sysconfig.get_paths()["stdlib"])


class Rebinder:
    """Rewrites functions; each is rewritten once, so that recursion and sharing stay what they are.

    Attributes:
        files: the source files of the functions rewritten so far: the user's code.
    """

    def __init__(self) -> None:
        self.files: set[str] = set()
        self._done: dict[int, Any] = {}
        self._kept: list[Any] = []  # ids stay taken while we look things up by them
        self._globals: dict[int, dict[str, Any]] = {}

    def rebind(self, item: Any) -> Any:
        """`item` as the dual world sees it: NumPy's names dual, the user's functions and classes rewritten."""
        if isinstance(item, ModuleType):
            return dual_of(item) if is_dressed(item.__name__) else item
        if isinstance(item, (np.ufunc, _DISPATCHER, BuiltinFunctionType)):
            return self._library_function(item)
        if id(item) in self._done:
            return self._done[id(item)]
        if isinstance(item, FunctionType):
            return self._function(item) if _is_users(item.__code__.co_filename) else self._library_function(item)
        if isinstance(item, MethodType):
            return MethodType(self.rebind(item.__func__), item.__self__)
        if isinstance(item, type) and _is_users(_class_file(item)):
            return self._class(item)
        return item

    def _function(self, function: FunctionType) -> FunctionType:
        self.files.add(function.__code__.co_filename)
        world = self._world(function.__globals__)
        cells = tuple(CellType() for _ in function.__closure__ or ())
        duplicate = FunctionType(function.__code__, world, function.__name__, function.__defaults__, cells or None)
        duplicate.__kwdefaults__ = function.__kwdefaults__
        duplicate.__dict__.update(function.__dict__)
        duplicate.__module__, duplicate.__qualname__ = function.__module__, function.__qualname__
        self._remember(function, duplicate)
        for cell, own in zip(cells, function.__closure__ or ()):
            try:
                cell.cell_contents = self.rebind(own.cell_contents)
            except ValueError:  # an empty cell: a name that is not bound yet
                continue
        for name in _names(function.__code__):
            if name in function.__globals__ and name not in world:
                world[name] = None  # so that a cycle finds it taken
                world[name] = self.rebind(function.__globals__[name])
        return duplicate

    def _world(self, original: dict[str, Any]) -> dict[str, Any]:
        if id(original) not in self._globals:
            self._kept.append(original)
            own_builtins = {**vars(builtins), "__import__": _import, "float": DualFloat}
            self._globals[id(original)] = {"__builtins__": own_builtins, "__name__": original.get("__name__", "")}
        return self._globals[id(original)]

    def _class(self, item: type) -> type:
        bases = tuple(self.rebind(base) for base in item.__bases__)
        body = {name: part for name, part in vars(item).items() if name not in ("__dict__", "__weakref__")}
        duplicate = type(item)(item.__name__, bases, body)
        self._remember(item, duplicate)
        for name, part in body.items():
            if isinstance(part, (staticmethod, classmethod)):
                setattr(duplicate, name, type(part)(self.rebind(part.__func__)))
            elif isinstance(part, property):
                accessors = (self.rebind(accessor) for accessor in (part.fget, part.fset, part.fdel))
                setattr(duplicate, name, property(*accessors))
            elif isinstance(part, FunctionType):
                setattr(duplicate, name, self.rebind(part))
        return duplicate

    def _library_function(self, item: Any) -> Any:
        module = sys.modules.get(getattr(item, "__module__", None) or "numpy")
        name = getattr(item, "__name__", "")
        if module is math or (module is not None and is_dressed(module.__name__)):
            return getattr(dual_of(module), name, item)
        return item

    def _remember(self, item: Any, duplicate: Any) -> None:
        self._kept.append(item)
        self._done[id(item)] = duplicate


def _import(name: str, *args: Any, **kwargs: Any) -> Any:
    found = builtins.__import__(name, *args, **kwargs)
    return dual_of(found) if is_dressed(found.__name__) else found


def _names(code: Any) -> set[str]:
    """The global names that a function's code, and the functions nested in it, may look up."""
    nested: list[set[str]] = [_names(part) for part in code.co_consts if hasattr(part, "co_names")]
    return set(code.co_names).union(*nested)


def _class_file(item: type) -> str:
    module = sys.modules.get(item.__module__)
    return getattr(module, "__file__", None) or ("<user>" if item.__module__ == "__main__" else "")


def _is_users(file: str) -> bool:
    """Whether code from this file is the user's own: not a library's, not Python's."""
    if not file or file.startswith("<frozen"):
        return False
    path = Path(file)
    installed = "site-packages" in path.parts or "dist-packages" in path.parts
    return not installed and not path.is_relative_to(_STANDARD_LIBRARY)


def rebound(function: Callable[..., Any]) -> tuple[Callable[..., Any], frozenset[str]]:
    """The dual of one live function, and the user's files it runs code from."""
    rebinder = Rebinder()
    return rebinder.rebind(function), frozenset(rebinder.files)
