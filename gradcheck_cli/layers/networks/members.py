"""From what a user put into a network to the layer that is meant, wherever it is defined."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.conventions import derivative_rules, syntax
from gradcheck_cli.layers.explicit import Declaration, declaration_of
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.network import is_instance
from gradcheck_cli.layers.networks.instances import of_instance
from gradcheck_cli.layers.reading import read_source
from gradcheck_cli.layers.selection import select

Find = Callable[[Module], tuple[Layer, ...]]
"""All layers of a module, as discovery finds them."""


@dataclass(frozen=True)
class Member:
    """A layer of a network and the module that defines it; `has_values`: its parameters have values already."""

    module: Module
    layer: Layer
    has_values: bool = False


class Members:
    """Finds layers for one network's module; other modules are searched once each.

    Args:
        layers: of the module itself.
        find: searches another module of the project.
    """

    def __init__(self, module: Module, layers: tuple[Layer, ...], find: Find) -> None:
        self._module = module
        self._find = find
        self._modules = {module.name: (module, layers)}

    def member(self, target: Any, line: int, at: Callable[[ModuleType], Any]) -> Member:
        """The layer of `target`.

        Args:
            line: where the user wrote it, for errors.
            at: finds the same object in another copy of the module.

        Raises:
            UserError: GC502, for what is no layer with a backward.
        """
        if isinstance(target, str):
            return self._named(self._module, target, line)
        if isinstance(target, Declaration):
            name = next((key for key, value in vars(self._module.namespace).items() if value is target), "")
            return self._named(self._module, name or target.name or _called(target.target), line)
        if declaration_of(target) is None and is_instance(target):
            home = self._home(type(target), line)
            found = at if home is self._module else lambda namespace: _in_copy(target, namespace)
            return Member(home, of_instance(home, target, found), has_values=True)
        # a rule that a factory made, `wide = make_affine(8)`, is known by the name it has here
        layers = self._modules[self._module.name][1]
        here = [key for key, value in vars(self._module.namespace).items() if value is target and select(layers, key)]
        if here:
            return self._named(self._module, here[0], line)
        return self._named(self._home(target, line), _called(target), line)

    def _named(self, module: Module, name: str, line: int) -> Member:
        module, layers = self._layers_of(module)
        chosen = select(layers, name)
        if chosen:
            return Member(module, chosen[0])
        known = ", ".join(f"`{layer.name}`" for layer in layers[:12]) or "none"
        raise UserError(
            f"`{name}` in a network has no backward that was found; the layers of `{module.path.name}` are {known}",
            code="GC502",
            path=self._module.path,
            line=line,
            mend=f"give it one that is named after it, or write `layer(forward={name}, backward=...)`",
        )

    def _layers_of(self, module: Module) -> tuple[Module, tuple[Layer, ...]]:
        if module.name not in self._modules:
            self._modules[module.name] = (module, self._find(module))
        return self._modules[module.name]

    def _home(self, target: Any, line: int) -> Module:
        """The module that defines a function or a class."""
        rule = derivative_rules.rule_of(target)
        plain = syntax.plain_function(target if rule is None else derivative_rules.undecorated(rule))
        name = getattr(plain if plain is not None else target, "__module__", "")
        if not name or name == self._module.namespace.__name__:
            return self._module
        if name in self._modules:
            return self._modules[name][0]
        namespace = sys.modules.get(name)
        file = getattr(namespace, "__file__", None)
        if namespace is None or file is None or not str(file).endswith(".py"):
            if any(value is target for value in vars(self._module.namespace).values()):
                return self._module
            raise UserError(
                f"`{_called(target)}` in a network is defined in no file",
                code="GC502",
                path=self._module.path,
                line=line,
                mend="define it in a module",
            )
        path = Path(file).resolve()
        return Module(path, name, namespace, read_source(path), self._module.project, self._module.uses_jax)


def _in_copy(target: Any, namespace: ModuleType) -> Any:
    """An object of a class in another module than the network, as one of that class in this copy of the module."""
    kind = getattr(namespace, type(target).__name__, type(target))
    if kind is type(target):
        return target
    twin = copy.copy(target)
    twin.__class__ = kind
    return twin


def _called(target: Any) -> str:
    rule = derivative_rules.rule_of(target)
    plain = syntax.plain_function(target if rule is None else derivative_rules.undecorated(rule))
    return str(getattr(plain if plain is not None else target, "__name__", type(target).__name__))
