"""From `Sequential([...])` or `Graph()` to the network that is meant: every layer found, every wire in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.conventions import naming
from gradcheck_cli.layers.layer import Argument, Convention, Layer, Role
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.network import Call, Graph, Node, Sequential, Value
from gradcheck_cli.layers.networks.members import Find, Member, Members
from gradcheck_cli.layers.networks.network import Network, Source, Use
from gradcheck_cli.layers.networks.network import Node as Wired


def wire(
    module: Module, name: str, at: Callable[[ModuleType], Graph], layers: tuple[Layer, ...], find: Find
) -> Network:
    """The network that a module calls `name`.

    Args:
        at: finds it in a copy of the module.
        layers: of the module.
        find: searches another module for its layers.

    Raises:
        UserError: GC502 or GC503, for what cannot be meant.
    """
    return _Wiring(module, name, at, Members(module, layers, find)).network()


class _Wiring:
    def __init__(self, module: Module, name: str, at: Callable[[ModuleType], Graph], members: Members) -> None:
        self.module = module
        self.declared = at(module.namespace)
        self.at = at
        self.name = self.declared.name or name
        self.members = members
        self.inputs: dict[str, Any] = dict(self.declared.inputs)

    def network(self) -> Network:
        declared = self.declared
        if not declared.calls:
            raise self.error(f"the network `{self.name}` uses no layer", declared.line, "write `net.layer(f)(x)`")
        called = list(dict.fromkeys(id(call.node) for call in declared.calls))
        nodes = {id(node): node for node in declared.nodes}
        used = [nodes[key] for key in called]
        members = [self.member(node) for node in used]
        names = _unique([_name(node, member) for node, member in zip(used, members)])
        given = self.by_node(names)
        wired = tuple(self.node(node, member, title, given[title]) for node, member, title in zip(used, members, names))
        positions = {id(node): position for position, node in enumerate(used)}
        titles = _numbered([names[positions[id(call.node)]] for call in declared.calls])
        seen: set[int] = set()
        uses = []
        for call, title in zip(declared.calls, titles):
            position = positions[id(call.node)]
            sources = self.sources(call, wired[position].layer, title)
            uses.append(Use(title, position, sources, call.line, first=position not in seen))
            seen.add(position)
        if isinstance(declared, Sequential):
            uses = self.with_chain_inputs(uses, wired)
        outputs = tuple(self.source(value) for value in declared.outputs) or (Source(len(uses) - 1),)
        self.refuse_loss_inside(uses, wired)
        path, line = self.module.path, declared.line
        return Network(self.name, path, line, self.inputs, wired, tuple(uses), outputs)

    def member(self, node: Node) -> Member:
        position = self.declared.nodes.index(node)
        return self.members.member(node.target, node.line, lambda namespace: self.at(namespace).nodes[position].target)

    def node(self, node: Node, member: Member, name: str, given: tuple[Mapping[str, Any], Mapping[str, Any]]) -> Wired:
        inputs, settings = {**node.inputs, **given[0]}, {**node.settings, **given[1]}
        known = [argument.name for argument in member.layer.arguments]
        for key in (*inputs, *settings):
            if key not in known:
                raise self.error(
                    f"`{name}` has no argument `{key}`: it has {', '.join(f'`{item}`' for item in known)}",
                    node.line,
                    f"name one of them in place of `{key}`",
                )
        return Wired(name, member.module, member.layer, inputs, settings, member.has_values)

    def by_node(self, names: list[str]) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
        """What the network's own `inputs=` and `settings=` say of each node; the rest are inputs of the network."""
        found: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {name: ({}, {}) for name in names}
        for which, told in enumerate((self.declared.given, self.declared.settings)):
            for key, value in told.items():
                node, _, argument = key.rpartition(".")
                if node in found:
                    found[node][which][argument] = value
                elif not node and which == 0 and (isinstance(self.declared, Sequential) or key in self.inputs):
                    self.inputs[key] = value
                else:
                    called = "inputs" if which == 0 else "settings"
                    raise self.error(
                        f"`{called}=` names `{key}`, but the layers are {', '.join(f'`{name}`' for name in names)}",
                        self.declared.line,
                        "write `LAYER.ARGUMENT`" + ("" if node else f", such as `{names[0]}.{key}`"),
                    )
        return found

    def sources(self, call: Call, layer: Layer, title: str) -> dict[str, Source]:
        takes = [argument for argument in layer.arguments if argument.role is Role.INPUT]
        if len(call.positional) > len(takes):
            raise self.error(
                f"`{title}` is handed {len(call.positional)} values, but its layer takes "
                f"{', '.join(f'`{item.name}`' for item in takes) or 'none'}",
                call.line,
                "hand it as many as it takes",
            )
        found = {argument.name: self.source(value) for argument, value in zip(takes, call.positional)}
        for name, value in call.named.items():
            if name not in [argument.name for argument in layer.arguments]:
                raise self.error(f"`{title}` has no argument `{name}`", call.line, "check its spelling")
            if name in found:
                raise self.error(f"`{title}` is handed `{name}` twice", call.line, "leave one out")
            found[name] = self.source(value)
        return found

    def source(self, value: Value) -> Source:
        if value.call is None:
            return Source(input=value.name)
        return Source(self.declared.calls.index(value.call), value.position)

    def with_chain_inputs(self, uses: list[Use], nodes: tuple[Wired, ...]) -> list[Use]:
        """A chain's own inputs: what its first layer takes, and declared ones at the last layer that has them."""
        first, last = uses[0], uses[-1]
        free = _names(nodes[first.node].layer)
        if not free:
            raise self.error(f"`{first.name}`, the first layer, takes no input", first.line, "begin with one that does")
        later = {name for use in uses[1:] for name in _names(nodes[use.node].layer)}
        entry = (
            free[0] if free[0] in self.inputs else next((name for name in self.inputs if name not in later), free[0])
        )
        self.inputs = {entry: None, **self.inputs}
        uses[0] = replace(first, sources={**first.sources, free[0]: Source(input=entry)})
        layer = nodes[last.node].layer
        if layer.convention is Convention.LOSS or naming.is_loss(layer.name):
            wanted = [
                argument for argument in layer.arguments if argument.role is Role.INPUT and not argument.has_default
            ]
            for argument in wanted:
                if argument.name not in uses[-1].sources and argument.name != entry:
                    self.inputs.setdefault(argument.name, None)
        for name in self.inputs:
            if name == entry:
                continue
            takers = [
                position
                for position, use in enumerate(uses)
                if name in _names(nodes[use.node].layer) and name not in use.sources
            ]
            if not takers:
                raise self.error(
                    f"`inputs=` names `{name}`, which no layer takes", self.declared.line, "check its spelling"
                )
            use = uses[takers[-1]]
            uses[takers[-1]] = replace(use, sources={**use.sources, name: Source(input=name)})
        return uses

    def refuse_loss_inside(self, uses: list[Use], nodes: tuple[Wired, ...]) -> None:
        for use in uses:
            for source in use.sources.values():
                if source.use < 0:
                    continue
                giver = uses[source.use]
                if nodes[giver.node].layer.convention is Convention.LOSS:
                    raise self.error(
                        f"`{giver.name}` is a loss that returns its own gradient, for an upstream gradient of 1: "
                        f"`{use.name}` cannot come after it",
                        use.line,
                        "make the loss an output of the network",
                    )

    def error(self, message: str, line: int, mend: str) -> UserError:
        return UserError(message, code="GC502", path=self.module.path, line=line, mend=mend)


def _name(node: Node, member: Member) -> str:
    """The node's own name; its layer's where it has none, behind that of the block that it is in."""
    return node.name if node.name and not node.name.endswith(".") else node.name + member.layer.name


def _names(layer: Layer) -> list[str]:
    return [argument.name for argument in layer.arguments if argument.role is Role.INPUT]


def _unique(names: list[str]) -> list[str]:
    """`affine`, `relu`, `affine`: `affine_1`, `relu`, `affine_2`."""
    counts: dict[str, Iterator[int]] = {}
    found = []
    for name in names:
        if names.count(name) == 1:
            found.append(name)
            continue
        counter = counts.setdefault(name, iter(range(1, len(names) + 1)))
        found.append(next(f"{name}_{number}" for number in counter if f"{name}_{number}" not in names))
    return found


def _numbered(names: list[str]) -> list[str]:
    """`fc`, `fc`: `fc`, `fc (2)`: two uses of one node."""
    counts: dict[str, int] = {}
    found = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        found.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    return found


def arguments_of(network: Network) -> tuple[Argument, ...]:
    """The network's arguments: its inputs, then what each layer has of its own (`fc.w`, `conv.stride`)."""
    found = [Argument(name, Role.INPUT) for name in network.inputs]
    bound = [(use.node, name) for use in network.uses for name in use.sources]
    for position, node in enumerate(network.nodes):
        for argument in node.layer.arguments:
            if (position, argument.name) not in bound:
                role = argument.role if argument.role in (Role.CONFIG, Role.SIZE) else Role.PARAMETER
                found.append(replace(argument, name=f"{node.name}.{argument.name}", role=role))
    return tuple(found)
