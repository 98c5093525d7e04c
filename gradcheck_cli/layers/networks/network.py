"""What a network is: layers, each used once or more, and what goes into each use. Found, and not yet run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.module import Module


@dataclass(frozen=True)
class Source:
    """Where a value comes from: an input of the network, or an output of an earlier use.

    Attributes:
        use: position of the use in `Network.uses`; -1 for an input.
        output: which of its outputs.
        input: the network's input; "" for an output.
    """

    use: int = -1
    output: int = 0
    input: str = ""


@dataclass(frozen=True)
class Node:
    """A layer with parameters of its own in the network.

    Attributes:
        name: unique in the network.
        module: that defines the layer: the network's own, or one that it imports.
        inputs: declared shapes and arrays, by argument name.
        settings: configuration arguments, by name.
        has_values: an object of the user's holds its parameters' values already.
    """

    name: str
    module: Module
    layer: Layer
    inputs: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    has_values: bool = False


@dataclass(frozen=True)
class Use:
    """One use of a node.

    Attributes:
        name: unique in the network: the node's, with a number where it is used several times.
        node: position in `Network.nodes`.
        sources: by the layer's argument.
        line: in the network's module.
        first: whether no earlier use has the same node.
    """

    name: str
    node: int
    sources: Mapping[str, Source]
    line: int
    first: bool = True


@dataclass(frozen=True)
class Network:
    """Layers that feed each other.

    Attributes:
        name: as `PATH::name` picks it.
        path, line: of its declaration.
        inputs: declared shapes of its inputs by name, None where nothing was declared.
        nodes: in the order of their first use.
        uses: each after all that it needs.
        outputs: what it gives.
        make_inputs: a function of the module's, `net_inputs(rng)` or `net_data(rng)`: a dict of its inputs, and of
            parameters (`fc.w`) that are to begin at a value; None where there is none.
    """

    name: str
    path: Path
    line: int
    inputs: Mapping[str, Any]
    nodes: tuple[Node, ...]
    uses: tuple[Use, ...]
    outputs: tuple[Source, ...]
    make_inputs: Callable[..., Any] | None = None

    def node_of(self, use: Use) -> Node:
        """The layer of a use."""
        return self.nodes[use.node]

    def shown(self, source: Source) -> str:
        """What a reader calls a value: an input's name, or that of the use that gives it."""
        if source.use < 0:
            return source.input
        name = self.uses[source.use].name
        return f"{name}[{source.output}]" if source.output else name

    def fan_out(self, source: Source) -> int:
        """How many uses a value has whose gradients add, the network's own outputs among them."""
        return len(self.users(source)) + self.outputs.count(source)

    def users(self, source: Source) -> tuple[tuple[int, str], ...]:
        """The uses that take a value, with the argument, in order; several are a fan-out."""
        return tuple(
            (position, argument)
            for position, use in enumerate(self.uses)
            for argument, found in use.sources.items()
            if found == source
        )
