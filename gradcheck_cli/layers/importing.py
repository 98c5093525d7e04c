"""How a user's file is imported so that its own siblings are found, and no library is disturbed.

`python FILE` puts the file's folder first on `sys.path`. Done in this process, a user's `random.py` or `layers.py`
would then shadow the library of that name for everybody. Here a finder answers only imports that come from the
user's own files, and each project's modules are set aside while another project is active, so that two folders may
each hold a `layers.py`.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import operator
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any


@lru_cache(maxsize=1)
def library_folders() -> tuple[Path, ...]:
    """Where the standard library and installed packages live."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = [Path(sysconfig.get_path(name)).resolve() for name in names]
    folders += [Path(entry).resolve() for entry in sys.path if entry.rstrip("/\\").endswith("-packages")]
    return tuple(dict.fromkeys(folders))


def is_library(path: Path) -> bool:
    """Whether a file belongs to the standard library, an installed package, or this tool."""
    resolved = path.resolve()
    return any(resolved.is_relative_to(folder) for folder in (*library_folders(), Path(__file__).parents[1]))


def module_file(module: object) -> Path | None:
    """The file a module came from; None for built-in and namespace modules."""
    try:
        name = getattr(module, "__file__", None)
    except BaseException:
        return None
    return Path(name) if isinstance(name, str) else None


@dataclass
class Project:
    """A folder whose modules see each other: what `sys.path[0]` would be, and what was imported from it.

    Attributes:
        folders: where its modules are looked for, in order.
        modules: its entries of `sys.modules`, kept while another project is active.
        path: `sys.path` as its modules left it.
    """

    folders: tuple[Path, ...]
    modules: dict[str, ModuleType] = field(default_factory=dict)
    path: list[str] = field(default_factory=list)


_projects: dict[Path, Project] = {}
_active: Project | None = None
_plain_path: list[str] = []
_finders: list[Any] = []
_seen: dict[str, list[Any]] = {}
"""`sys.path` and `sys.meta_path` as they were left last: all that belongs there was in them."""


def activate(root: Path, folders: Sequence[Path] = ()) -> Project:
    """Make `root`'s modules the ones that imports see; the modules of the project before it are set aside."""
    global _active, _plain_path, _finders
    if _active is not None and _projects.get(root) is _active:
        return _active
    project = _projects.setdefault(root, Project((root, *folders)))
    if _active is None:
        _at_start()
        _plain_path = list(sys.path)
        sys.meta_path.insert(0, _Siblings())
        _finders = list(sys.meta_path)
        _seen.clear()
    else:
        _set_aside(_active)
    _active = project
    sys.modules.update(project.modules)
    # last: what a library asks for by name must not be found here before it is found where it belongs
    sys.path[:] = project.path or [*_plain_path, *(str(folder) for folder in project.folders)]
    return project


def put_right() -> None:
    """Put back what the user's code took off `sys.path` and `sys.meta_path`: what checks it imports by them, too.

    What it added stays where it is.
    """
    for name, before in (("path", _plain_path), ("meta_path", _finders)):
        now, seen = getattr(sys, name, None), _seen.get(name, ())
        if isinstance(now, list) and len(now) == len(seen) and all(map(operator.is_, now, seen)):
            continue  # after most calls nothing has changed
        if not isinstance(now, list):
            now = list(before)
            setattr(sys, name, now)
        else:
            now += [entry for entry in before if not any(entry is one or _is_same(entry, one) for one in now)]
        _seen[name] = list(now)


def _is_same(entry: object, other: object) -> bool:
    return type(entry) is type(other) is str and entry == other


def resume(root: Path) -> None:
    """Make a project that was loaded before the active one again; nothing for a folder that no file was loaded from."""
    project = _projects.get(root)
    if project is not None and project is not _active:
        activate(root)


def widen(project: Project, folders: Sequence[Path]) -> None:
    """Look for the project's modules in these folders too."""
    for folder in folders:
        if folder not in project.folders:
            project.folders = (*project.folders, folder)
            sys.path.append(str(folder))


def forget(path: Path) -> None:
    """Take every module that came from this file off `sys.modules`, so that it is imported anew."""
    for name, module in list(sys.modules.items()):
        if module_file(module) == path:
            del sys.modules[name]


def users_modules() -> dict[str, ModuleType]:
    """The entries of `sys.modules` that are no library's: the active project's."""
    return {name: module for name, module in list(sys.modules.items()) if name != "__main__" and _is_users(module)}


def _is_users(module: ModuleType) -> bool:
    file = module_file(module)
    if file is not None:
        return not _is_library_file(str(file))
    # a namespace package has no file of its own, only folders
    try:
        folders = [str(folder) for folder in getattr(module, "__path__", ())] if type(module) is ModuleType else []
    except (KeyError, AttributeError):  # the import of its parent failed, where its path is asked for
        return False
    return bool(folders) and not any(is_library(Path(folder)) for folder in folders)


@lru_cache(maxsize=20_000)
def _is_library_file(name: str) -> bool:
    path = Path(name)
    if name in _at_start() or path.suffix != ".py":
        return True
    return is_library(path)


@lru_cache(maxsize=1)
def _at_start() -> frozenset[str]:
    """Files of whatever was imported before the first user's module: this process's own."""
    return frozenset(str(file) for module in list(sys.modules.values()) if (file := module_file(module)) is not None)


def _set_aside(project: Project) -> None:
    project.modules = users_modules()
    project.path = list(sys.path)
    for name in project.modules:
        del sys.modules[name]


class _Siblings:
    """Finds the user's own modules, for imports that come from the user's own files."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del target
        if path is not None or _active is None or fullname in sys.stdlib_module_names:
            return None
        importer = _importer(sys._getframe(1))
        if importer is None or not any(importer.is_relative_to(folder) for folder in _active.folders):
            return None
        return importlib.machinery.PathFinder.find_spec(fullname, [str(folder) for folder in _active.folders])


def _importer(frame: FrameType | None) -> Path | None:
    """The file whose import statement is being run: the first frame that is not the import system's."""
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith("<frozen importlib") and "importlib" not in Path(name).parts:
            return Path(name)
        frame = frame.f_back
    return None


def is_taken(name: str, path: Path) -> bool:
    """Whether a top-level module name belongs to a library, so that the user's file needs another one here."""
    if name in sys.stdlib_module_names or name in sys.builtin_module_names:
        return True
    loaded = sys.modules.get(name)
    if loaded is not None:
        file = module_file(loaded)
        return (file is None and not hasattr(loaded, "__path__")) or (file is not None and _is_library_file(str(file)))
    try:
        spec = importlib.machinery.PathFinder.find_spec(name, [str(folder) for folder in library_folders()])
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None and Path(spec.origin) != path
