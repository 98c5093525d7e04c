"""The copy of the user's module, and of the modules of its project that it imports, in which `numpy` is the dual one.

Only the copies see it: each has builtins of its own, with its own `__import__`, so `sys.modules` stays as it is and no
library is ever handed a dual NumPy.
"""

from __future__ import annotations

import builtins
import importlib.util
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from gradcheck_cli.layers.loading import as_a_script
from gradcheck_cli.layers.module import Module
from gradcheck_cli.tracing.namespace import DualFloat, dual_of, is_dressed
from gradcheck_cli.tracing.recorder import TraceError


class DualProject:
    """The dual copies of one project's modules.

    Attributes:
        files: the source files copied so far: the user's code.
    """

    def __init__(self, module: Module) -> None:
        self._project = module.project
        self._module = module
        self._packages_too = "site-packages" in module.path.parts
        self._copies: dict[str, ModuleType] = {}
        self._builtins = {**vars(builtins), "__import__": self._import, "float": DualFloat}
        self.files: set[str] = set()

    def copy(self, name: str, path: Path, real: ModuleType) -> ModuleType:
        """The dual copy of the module that `real` is; its source is run again.

        Raises:
            Exception: whatever the module raises on its second import.
        """
        if name in self._copies:
            return self._copies[name]
        duplicate = ModuleType(real.__name__, real.__doc__)
        for attribute in ("__file__", "__package__", "__path__", "__spec__", "__loader__"):
            if hasattr(real, attribute):
                setattr(duplicate, attribute, getattr(real, attribute))
        duplicate.__dict__["__builtins__"] = self._builtins
        self._copies[name] = duplicate
        self.files.add(str(path))
        # the user's file as it was read: it may be edited, or delete itself, while it is checked
        source = self._module.source if path == self._module.path else importlib.util.decode_source(path.read_bytes())
        code = compile(source, str(path), "exec", dont_inherit=True)
        try:
            with as_a_script(path):
                exec(code, duplicate.__dict__)
        except BaseException:
            del self._copies[name]
            raise
        parent, _, leaf = name.rpartition(".")
        if parent in self._copies:
            setattr(self._copies[parent], leaf, duplicate)
        return duplicate

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        found = builtins.__import__(name, globals, locals, fromlist or (), level)
        if found is math:
            return dual_of(math)
        root = found.__name__
        if root == "numpy" or root.startswith(("numpy.", "scipy")):
            return self._library(found)
        if fromlist:
            for part in fromlist:
                child = sys.modules.get(f"{root}.{part}")
                if child is not None:
                    self._own(child)
            return self._own(found) or found
        # `import a.b.c` gives `a`, and promises that `a.b.c` can be reached from it.
        top = self._own(found)
        if top is None:
            return found
        parts = name.split(".")
        for end in range(2, len(parts) + 1):
            child = sys.modules.get(".".join(parts[:end]))
            if child is not None:
                self._own(child)
        return top

    def _library(self, found: ModuleType) -> ModuleType:
        if is_dressed(found.__name__):
            return dual_of(found)
        # `scipy` itself: only its dressed submodules differ.
        return _Overlay(found)

    def _own(self, real: ModuleType) -> ModuleType | None:
        file = getattr(real, "__file__", None)
        if file is None or not str(file).endswith(".py"):
            return None
        path = Path(file)
        if not path.is_relative_to(self._project) or ("site-packages" in path.parts and not self._packages_too):
            return None
        return self.copy(real.__name__, path, real)


class _Overlay(ModuleType):
    """A package seen through: its dressed submodules are dual, everything else is its own."""

    def __init__(self, real: ModuleType) -> None:
        super().__init__(real.__name__)
        self.__dict__["_real"] = real

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.__dict__["_real"], name)
        if isinstance(found, ModuleType) and found.__name__.startswith("scipy"):
            return dual_of(found) if is_dressed(found.__name__) else _Overlay(found)
        return found


def dual_project(module: Module) -> tuple[ModuleType, DualProject]:
    """The dual copy of the user's module, and what keeps it.

    Raises:
        TraceError: the module cannot be run a second time; says why and where.
    """
    project = DualProject(module)
    try:
        with np.errstate(all="ignore"):
            return project.copy(module.name, module.path, module.namespace), project
    except TraceError:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        line = _line(error, project.files)
        message = f"the module does not run on dual arrays: {type(error).__name__}: {error}"
        raise TraceError(message, module.path, line) from error


def _line(error: BaseException, files: set[str]) -> int | None:
    line, traceback = None, error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename in files:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
