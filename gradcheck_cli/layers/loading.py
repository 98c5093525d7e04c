"""From a path to a user's module, imported as Python itself would import it."""

from __future__ import annotations

import ast
import contextlib
import importlib.machinery
import importlib.util
import linecache
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, ModuleType
from typing import TypeGuard

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers import importing, search
from gradcheck_cli.layers.copies import leave_if_copied
from gradcheck_cli.layers.jax_use import imports_jax
from gradcheck_cli.layers.libraries import Libraries
from gradcheck_cli.layers.load_mends import mend
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.prefilter import may_hold_layers
from gradcheck_cli.layers.reading import read_source
from gradcheck_cli.layers.users_code import Place, deepest_line, put_right, raised

__all__ = ["load", "may_hold_layers", "read_source"]

_WIDENINGS = 8
"""How many folders that a module's imports ask for are added at most."""


def load(path: Path, source: str | None = None) -> Module:
    """Import the file at `path`: inside a package as `import package.module`, else as `python FILE` would.

    The file itself is always run anew; its siblings are imported once. `__name__` is never `__main__`, and `sys.argv`
    holds no arguments. A module that it imports and that is not found is looked for in the folders around it, as if
    the command had been started there: courses and books are run from the root of their repository.

    Args:
        source: its text where it was read before: it may have been edited since, or have deleted itself.

    Raises:
        UserError: GC501, with the user's own error and line, whatever the module raises (`sys.exit()` included).
    """
    path = path.resolve()
    source = read_source(path) if source is None else source
    root, names = _package(path)
    _parse(source, path)
    project, folders = root, [root, path.parent]
    for _ in range(_WIDENINGS):
        try:
            return _load(path, source, project, folders, names)
        except UserError as error:
            missing = error.__cause__
            name = missing.name if _is_missing(missing) else None
            found = search.home_of(name, path, folders) if name else None
            if found is None:
                raise
            folders.append(found)
            project = search.around(project, found)
    return _load(path, source, project, folders, names)


def _load(path: Path, source: str, project: Path, folders: list[Path], names: tuple[str, ...]) -> Module:
    """Import the file with these folders as what `sys.path` would hold for it; `project` lies around them all."""
    root, place = folders[0], Place(path, project)
    importing.widen(importing.activate(project, folders), folders)
    importing.forget(path)
    if importing.is_taken(names[0], path) and not _is_installed_here(path, names):
        # a library has this name: the user's file must not stand in for it
        names = (f"{names[0]}__user", *names[1:])
    try:
        with as_a_script(path) as replaced:
            namespace = _import(root, names, path, source)
    except (KeyboardInterrupt, UserError):
        raise
    except BaseException as error:
        importing.forget(path)
        raise _cannot_load(error, place, names[0]) from error
    uses_jax = imports_jax(namespace, source, project)
    return Module(path, ".".join(names), namespace, source, project, uses_jax, tuple(replaced))


def _is_missing(error: BaseException | None) -> TypeGuard[ModuleNotFoundError]:
    return isinstance(error, ModuleNotFoundError)


def _package(path: Path) -> tuple[Path, tuple[str, ...]]:
    """The folder of the top-level package (or of the file), and the module's dotted name from there."""
    names = [path.stem]
    folder = path.parent
    if path.name == "__init__.py":
        names = [folder.name]
        folder = folder.parent
    if path.stem.isidentifier():
        while (folder / "__init__.py").is_file() and folder.name.isidentifier() and folder.parent != folder:
            names.insert(0, folder.name)
            folder = folder.parent
    return folder, tuple(names)


def _parse(source: str, path: Path) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source, filename=str(path))
    except SyntaxError as error:
        raise UserError(
            f"`{path.name}` does not parse: {type(error).__name__}: {error.msg}",
            code="GC501",
            path=path,
            line=error.lineno,
            mend=f"mend line {error.lineno}" + (f": `{error.text.strip()}`" if error.text else ""),
        ) from error
    except (RecursionError, MemoryError, ValueError) as error:
        raise UserError(f"`{path.name}` does not parse: {raised(error)}", code="GC501", path=path, line=1) from error


def _is_installed_here(path: Path, names: tuple[str, ...]) -> bool:
    """Whether the dotted name, asked for in the ordinary way, is this very file (a file of an installed library)."""
    if not importing.is_library(path):
        return False
    try:
        spec = importlib.util.find_spec(".".join(names))
    except BaseException:
        return False
    return spec is not None and spec.origin is not None and Path(spec.origin).resolve() == path


def _import(root: Path, names: tuple[str, ...], path: Path, source: str) -> ModuleType:
    """Import the packages above the file, then run the file itself as their submodule."""
    folder = root
    for depth in range(1, len(names)):
        folder = folder / names[depth - 1].removesuffix("__user")
        name = ".".join(names[:depth])
        if name not in sys.modules:
            _run(name, folder / "__init__.py", folder)
        if depth > 1:
            setattr(sys.modules[".".join(names[: depth - 1])], names[depth - 1], sys.modules[name])
    full = ".".join(names)
    if importing.is_library(path) and full in sys.modules:
        return sys.modules[full]
    if (loaded := sys.modules.get(full)) is not None and importing.module_file(loaded) == path:
        return loaded  # its own package's `__init__` has just imported it
    namespace = _run(full, path, path.parent if path.name == "__init__.py" else None, source)
    if len(names) > 1:
        setattr(sys.modules[".".join(names[:-1])], names[-1], namespace)
    return namespace


def _run(name: str, file: Path, package_folder: Path | None, source: str | None = None) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        name,
        file,
        loader=None if source is None else _Read(name, file, source),
        submodule_search_locations=[str(package_folder)] if package_folder else None,
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import {file}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    # a module may put another object in its own place
    return sys.modules.get(name, module)


class _Read(importlib.machinery.SourceFileLoader):
    """Imports a file whose text was read before, and lets tracebacks and `inspect` read the same text."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        super().__init__(name, str(path))
        self._source = source

    def get_source(self, fullname: str) -> str:
        """The text that was read."""
        del fullname
        return self._source

    def get_code(self, fullname: str) -> CodeType:
        """The text that was read, compiled."""
        del fullname
        # without a time of change the entry is never read anew
        linecache.cache[self.path] = (len(self._source), None, self._source.splitlines(keepends=True), self.path)
        return compile(self._source, self.path, "exec", dont_inherit=True)


@contextlib.contextmanager
def as_a_script(path: Path) -> Iterator[list[str]]:
    """What `python FILE` shows a module, and what a module may not leave changed behind it.

    Yields a list that is filled in the end: what the module had replaced in libraries (`numpy.sum`).
    """
    arguments, folder, libraries, deepest = sys.argv, Path.cwd(), Libraries.now(), sys.getrecursionlimit()
    replaced: list[str] = []
    streams = sys.stdin, sys.stdout, sys.stderr
    bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    os.environ.setdefault("MPLBACKEND", "Agg")  # a module that plots must not open a window
    sys.argv = [str(path)]
    try:
        with warnings.catch_warnings(), np.errstate():
            warnings.simplefilter("ignore")
            yield replaced
    finally:
        leave_if_copied()
        put_right(deepest)
        replaced += libraries.put_back()
        sys.argv = arguments
        sys.stdin, sys.stdout, sys.stderr = streams
        sys.dont_write_bytecode = bytecode
        os.chdir(folder)


def _cannot_load(error: BaseException, place: Place, name: str) -> UserError:
    path, line = deepest_line(error.__traceback__, place)
    if isinstance(error, SyntaxError) and error.filename:
        path, line = Path(error.filename), error.lineno
    return UserError(
        f"`{place.path.name}` does not import: it {raised(error)}",
        code="GC501",
        path=path or place.path,
        line=line if path else 1,
        mend=mend(error, place, name),
    )
