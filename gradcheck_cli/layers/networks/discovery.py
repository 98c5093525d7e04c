"""The networks that a module defines: after its layers, for they are made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any, cast

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.conventions import syntax
from gradcheck_cli.layers.layer import BoundLayer, Convention, Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.network import Graph
from gradcheck_cli.layers.networks.members import Find
from gradcheck_cli.layers.networks.network import Network
from gradcheck_cli.layers.networks.wiring import arguments_of, wire
from gradcheck_cli.layers.outline import outline

Attribute = Callable[[str], Callable[[ModuleType], Any]]


def networks_of(
    module: Module, layers: tuple[Layer, ...], attribute: Attribute, find: Find
) -> tuple[tuple[Layer, ...], tuple[UserError, ...]]:
    """The module's networks in the order of the source, and what is wrong with others.

    Args:
        layers: of the module.
        attribute: a finder of a name in any copy of the module.
        find: searches another module for its layers.
    """
    if "gradcheck_cli" not in module.source:
        return (), ()
    found: list[Layer] = []
    problems: list[UserError] = []
    seen: set[int] = set()
    for name in outline(syntax.parse(module.source)).values:
        value = vars(module.namespace).get(name)
        if not isinstance(value, Graph) or id(value) in seen:
            continue
        seen.add(id(value))
        try:
            network = wire(module, name, attribute(name), layers, find)
            found.append(_layer(replace(network, make_inputs=_makes_inputs(module, network, name)), name))
        except UserError as error:
            problems.append(error)
    return tuple(found), tuple(problems)


def _makes_inputs(module: Module, network: Network, variable: str) -> Callable[..., Any] | None:
    """The module's `net_inputs(rng)` or `net_data(rng)`."""
    for name in dict.fromkeys((variable, network.name)):
        for ending in ("inputs", "data"):
            if callable(function := vars(module.namespace).get(f"{name}_{ending}")):
                return cast(Callable[..., Any], function)
    return None


def _layer(network: Network, name: str) -> Layer:
    def bind(_: ModuleType) -> BoundLayer:
        raise UserError(
            f"`{network.name}` is a network, and no single function",
            path=network.path,
            line=network.line,
            mend="name one of its layers",
        )

    return Layer(
        name=network.name,
        convention=Convention.NETWORK,
        path=network.path,
        line=network.line,
        forward_line=network.line,
        arguments=arguments_of(network),
        bind=bind,
        aliases=() if name == network.name else (name,),
        network=network,
    )
