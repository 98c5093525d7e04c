"""An object of a layer class in a network: the class's forward and backward, and the parameters it has already."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from types import ModuleType
from typing import Any

from gradcheck_cli.layers.conventions import classes
from gradcheck_cli.layers.conventions.instance import ClassLayer, Parameters
from gradcheck_cli.layers.layer import BoundLayer, Layer
from gradcheck_cli.layers.module import Module


@dataclass(frozen=True)
class InstanceLayer(ClassLayer):
    """A layer class that begins as copies of one object of it."""

    prototype: Any = None

    def _construct(self, arguments: Mapping[str, Any]) -> Any:
        del arguments
        try:
            return copy.deepcopy(self.prototype)
        except Exception as error:
            raise self.place.error(
                f"an object of `{self.name}` cannot be copied: {type(error).__name__}: {error}",
                line=self.line,
                mend=f"put the class into the network instead: `{self.name}`",
            ) from error


def of_instance(module: Module, target: Any, at: Callable[[ModuleType], Any]) -> Layer:
    """The layer of an object.

    Args:
        module: that defines its class.
        at: finds the object in a copy of the network's module.

    Raises:
        UserError: GC502, where its class is no layer.
    """
    kind = type(target)
    base = classes.build(module, kind.__name__, lambda namespace: getattr(namespace, kind.__name__, kind))
    bound = base.bind(module.namespace)
    assert isinstance(bound, ClassLayer)
    taken = {item.name for item in bound.parameters}
    owned = tuple(classes.parameters_of(target, bound.parameters))
    inputs = (item for item in base.arguments if item.name in taken)

    def bind(namespace: ModuleType) -> BoundLayer:
        prototype = at(namespace)
        known = {item.name: getattr(bound, item.name) for item in fields(ClassLayer)}
        known |= {"owner": type(prototype), "books": Parameters((), (), owned)}
        return InstanceLayer(**known, prototype=prototype)

    return replace(base, arguments=(*map(classes.own_argument, owned), *inputs), bind=bind, notes=())
