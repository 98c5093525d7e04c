"""What the user's functions are called in their module, and how another file imports it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gradcheck_cli.checking.shrink.literals import Unwritable
from gradcheck_cli.layers import importing
from gradcheck_cli.layers.conventions.derivative_rules import part_of, rule_of
from gradcheck_cli.layers.module import Module

LIVE = "live"
"""The name of the namespace of a layer that was given as live functions: no file to import it from."""


class ModuleNames:
    """Finds live objects of a module by identity, and remembers which of its names were used."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self.used: dict[str, Any] = {}

    def of(self, value: Any) -> str:
        """`affine_forward`, `Affine.forward`, `swish.bwd`.

        Raises:
            Unwritable: for what has no name in the module.
        """
        for name, text, holder in self._candidates(value):
            self.used[name] = holder
            return text
        raise Unwritable(f"{getattr(value, '__qualname__', 'a function')} has no name in the module")

    def _candidates(self, value: Any) -> Iterator[tuple[str, str, Any]]:
        known = [(name, item) for name, item in vars(self._module.namespace).items() if name.isidentifier()]
        own = getattr(value, "__name__", "")
        for name, item in sorted(known, key=lambda pair: pair[0] != own):
            if item is value:
                yield name, name, item
        for name, item in known:
            if isinstance(item, type):
                for attribute, member in vars(item).items():
                    if member is value or getattr(member, "__func__", None) is value:
                        yield name, f"{name}.{attribute}", item
            elif (rule := rule_of(item)) is not None:
                parts = {"fwd": "fwd", "bwd": "bwd", "fun": "fun", "f": "f"}
                for part, text in parts.items():
                    if part_of(rule, part) is value and rule is item:
                        yield name, f"{name}.{text}", item

    def import_lines(self, text: str) -> list[str]:
        """The lines that import the names that occur in `text`, run from the current folder.

        Raises:
            Unwritable: for a layer of no module, or a module that is named like a library.
        """
        module = self._module
        if module.namespace.__name__ == LIVE or not module.path.is_file():
            raise Unwritable("no module to import")
        used = [name for name in sorted(self.used) if re.search(rf"\b{re.escape(name)}\b", text)]
        names = ", ".join(used)
        dotted = module.name
        if not all(part.isidentifier() for part in dotted.split(".")) or "__user" in dotted:
            if len(used) > 2 or module.name.count("."):
                raise Unwritable(f"`{module.path.name}` cannot be imported by name")
            loaded = ", ".join(f'm["{name}"]' for name in used)
            return ["import runpy", f'm = runpy.run_path("{_relative(module.path)}"); {names} = {loaded}']
        root = module.path.parent
        for _ in range(dotted.count(".") + (module.path.name == "__init__.py")):
            root = root.parent
        folders = [root, *(folder for folder in importing.activate(module.project).folders if folder != root)]
        lines = []
        wanted = [_relative(folder) for folder in folders if folder == root or folder != module.path.parent]
        if wanted != ["."]:
            text = ", ".join(f'"{folder}"' for folder in wanted)
            lines.append(f"import sys; sys.path[:0] = [{text}]")
        return [*lines, f"from {dotted} import {names}"]


def _relative(path: Path) -> str:
    here = Path.cwd()
    shown = path.relative_to(here) if path.is_relative_to(here) else path
    return str(shown).replace("\\", "/")
