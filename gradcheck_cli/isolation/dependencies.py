"""What a module's verdicts depend on: the files of its project that it imports, what it reads, what is installed."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from gradcheck_cli.isolation.messages import Dependencies
from gradcheck_cli.layers.importing import is_library, module_file, users_modules
from gradcheck_cli.layers.module import Module

_ALWAYS = ("jax", "jaxlib", "ml_dtypes", "numpy", "scipy")
"""Distributions that every verdict depends on."""

_OUTSIDE = {
    "os.exec": "runs another program",
    "os.fork": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.system": "runs another program",
    "socket.connect": "uses the network",
    "subprocess.Popen": "runs another program",
}
_NO_FILES = ("/proc/", "/sys/", "/dev/")
_PYTHONS = tuple(f"{prefix}{os.sep}" for prefix in (sys.base_prefix, sys.base_exec_prefix))
_DYNAMIC = {"import_module", "__import__", "exec", "run_path", "run_module", "spec_from_file_location"}
"""Calls that import what no import statement names."""


@dataclass
class Observed:
    """What was read while a module was imported and its layers were checked.

    Attributes:
        files, folders: absolute paths, those that were asked for and do not exist included.
        outside: what was done that depends on more than files, a few words; "" for nothing.
    """

    files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    outside: str = ""


class Observer:
    """Hears from Python itself what is read. One for a process: such hooks stay to its end.

    Args:
        private: folders that are ours or JAX's: the run's own, that of compiled programs.
    """

    def __init__(self, private: Sequence[Path]) -> None:
        self._into: Observed | None = None
        self._private = tuple(f"{folder}{os.sep}" for folder in private)
        sys.addaudithook(self._heard)

    @contextmanager
    def into(self, observed: Observed) -> Iterator[None]:
        """Inside, what is heard is written down there."""
        self._into = observed
        try:
            yield
        finally:
            self._into = None

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        into = self._into
        if into is None:
            return
        if event == "open":
            path, mode, flags = arguments
            name = _name(path) if _is_read(mode, flags) else None
            if name is not None and not name.startswith(self._private):
                into.files.add(name)
        elif event in ("os.listdir", "os.scandir"):
            name = _name(arguments[0] if arguments[0] is not None else ".")
            is_import = "importlib" in sys._getframe(1).f_code.co_filename
            if name is not None and not is_import and not f"{name}{os.sep}".startswith(self._private):
                into.folders.add(name)
        elif event in _OUTSIDE:
            into.outside = into.outside or _OUTSIDE[event]


def dependencies(module: Module, observed: Observed) -> Dependencies:
    """Of the module's layers, as far as can be told; see `docs/cache.md` for what cannot."""
    imported, libraries, is_whole = _imports(module)
    files = {str(path) for path in imported} | {name for name in map(_source, observed.files) if _is_users(name)}
    if not is_whole:  # what it imports in passing may be any of the project's
        files |= {str(file) for item in users_modules().values() if (file := module_file(item)) is not None}
    folders = {name for name in observed.folders if _is_users(name)}
    return Dependencies(
        files=tuple(sorted(files)),
        folders=tuple(sorted(folders)),
        distributions=_distributions(libraries),
        outside=observed.outside,
    )


def _imports(module: Module) -> tuple[set[Path], set[str], bool]:
    """Files of the project that it imports, by itself or by others; names of libraries; whether that is all."""
    found: set[Path] = set()
    libraries: set[str] = set()
    is_whole = True
    waiting: list[tuple[str, str, bool]] = [(module.name, module.source, module.path.name == "__init__.py")]
    found.add(module.path)
    while waiting:
        name, source, is_package = waiting.pop()
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            is_whole = False
            continue
        is_whole &= not any(_is_dynamic(node) for node in ast.walk(tree))
        for imported in _imported_names(tree, name, is_package):
            parts = imported.split(".")
            for length in range(1, len(parts) + 1):
                item = sys.modules.get(".".join(parts[:length]))
                file = module_file(item) if isinstance(item, ModuleType) else None
                if file is None:
                    continue
                if is_library(file):
                    libraries.add(parts[0])
                elif file not in found:
                    found.add(file)
                    waiting.append((".".join(parts[:length]), _text(file), file.name == "__init__.py"))
    return found, libraries, is_whole


def _imported_names(tree: ast.Module, name: str, is_package: bool) -> Iterator[str]:
    package = name if is_package else name.rpartition(".")[0]
    for depth in range(1, name.count(".") + 1):
        yield name.rsplit(".", depth)[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".") if package else []
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            origin = ".".join(part for part in (base, node.module or "") if part)
            yield origin
            yield from (f"{origin}.{alias.name}" if origin else alias.name for alias in node.names)


def _is_dynamic(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
            return name in _DYNAMIC
        case _:
            return False


def _text(file: Path) -> str:
    try:
        return importlib.util.decode_source(file.read_bytes()) if file.suffix == ".py" else ""
    except (OSError, SyntaxError, UnicodeDecodeError):
        return ""


@lru_cache(maxsize=1)
def _by_top_level() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())


def _distributions(libraries: set[str]) -> tuple[str, ...]:
    """The folders that say which version of each library is installed: an upgrade gives another name."""
    # asking which distribution each folder belongs to reads them all
    names = {name for library in libraries - set(_ALWAYS) for name in _by_top_level().get(library, ())}
    found = set()
    for name in names | set(_ALWAYS):
        try:
            path = getattr(importlib.metadata.distribution(name), "_path", None)
        except importlib.metadata.PackageNotFoundError:
            continue
        if path is not None:
            found.add(str(path))
    return tuple(sorted(found))


def _is_read(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str):
        return not set(mode) & {"w", "a", "x"}
    return isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR) == 0


def _name(path: Any) -> str | None:
    try:
        # not resolved: a link is a dependency by its own name, and following it takes time in every call
        return os.path.abspath(os.fsdecode(path))  # noqa: PTH100
    except (TypeError, ValueError, OSError):  # a descriptor
        return None


def _source(name: str) -> str:
    """A compiled module stands for its source."""
    if name.endswith(".pyc"):
        try:
            return importlib.util.source_from_cache(name)
        except ValueError:
            return name
    return name


def _is_users(name: str) -> bool:
    """Whether it is a file or folder of the user's: none of the system's, of Python's or of a library."""
    return not f"{name}{os.sep}".startswith((*_NO_FILES, *_PYTHONS)) and not is_library(Path(name))
