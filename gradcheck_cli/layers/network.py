"""`Sequential([...])` and `Graph()`: saying how layers make a network. Imports nothing heavy."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Call", "Graph", "NetworkDeclarationError", "Node", "Sequential", "Value"]


class NetworkDeclarationError(TypeError):
    """A network that cannot be meant: the rule, what was received, and the mend."""


@dataclass(frozen=True, eq=False)
class Value:
    """What flows along a wire of a network: an input of it, or an output of one of its layers.

    `value[1]` is the second output of a layer that has several.

    Attributes:
        name: of the input; "" for the output of a layer.
        call: the call of a layer whose output it is; None for an input.
        position: which output.
    """

    graph: Graph = field(repr=False)
    name: str = ""
    call: Call | None = field(default=None, repr=False)
    position: int = 0

    def __getitem__(self, position: int) -> Value:
        if self.call is None or not isinstance(position, int) or position < 0:
            raise NetworkDeclarationError(
                f"`[{position!r}]` picks an output of a layer, counted from 0; received "
                + (f"the network's input `{self.name}`" if self.call is None else f"the index {position!r}")
            )
        return Value(self.graph, call=self.call, position=position)

    def __iter__(self) -> Iterator[Value]:
        raise NetworkDeclarationError(
            "how many outputs a layer has is not known before it runs; write `h, c = net.layer(f, outputs=2)(x)`, or "
            "`value[0]`, `value[1]`"
        )


@dataclass(frozen=True, eq=False)
class Call:
    """One use of a node: what goes into its layer there.

    Attributes:
        positional, named: the layer's inputs, in its own order or by its argument's name.
        line: of the user's module.
    """

    node: Node
    positional: tuple[Value, ...]
    named: Mapping[str, Value]
    line: int


@dataclass(eq=False)
class Node:
    """A layer of a network. Called with values it gives values; each call uses the same parameters.

    Attributes:
        target: a forward function, a class, an instance, a JAX rule, a `layer(...)` declaration, or a layer's name.
        name: what the report calls it; "" for its layer's name, and "block." for that inside a block.
        inputs, settings: as given to `Graph.layer`.
        outputs: how many its call gives.
        line: of the user's module.
    """

    graph: Graph = field(repr=False)
    target: Any
    name: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    outputs: int = 1
    line: int = 1

    def __call__(self, *values: Value, **named: Value) -> Any:
        """Use the layer on these values: a `Value`, or as many as `outputs` says.

        Raises:
            NetworkDeclarationError: for what is no value of the same network.
        """
        self.graph._check_values(self.name or _called(self.target), [*values, *named.values()])
        call = Call(self, values, dict(named), _callers_line())
        self.graph.calls.append(call)
        given = tuple(Value(self.graph, call=call, position=position) for position in range(self.outputs))
        return given if self.outputs > 1 else given[0]


class Graph:
    """A network whose values may go several ways: residual, parallel, shared, with several inputs and outputs.

        net = Graph()
        x = net.input("x", "N,D")
        fc = net.layer(affine_forward, name="fc", inputs={"w": "D,D"})
        h = net.layer(relu_forward)(fc(x))
        net.output(net.layer(add_forward)(h, x))

    Args:
        inputs: for arguments of layers by `NODE.ARGUMENT`, and for the network's inputs by name: as in `layer()`.
        settings: for configuration arguments, by `NODE.ARGUMENT`.
        name: what the report calls the network; by default the variable's name.
    """

    def __init__(
        self, *, inputs: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None, name: str = ""
    ) -> None:
        self.name = name
        self.given = dict(_mapping("inputs", inputs))
        self.settings = dict(_mapping("settings", settings))
        self.nodes: list[Node] = []
        self.calls: list[Call] = []
        self.inputs: dict[str, Any] = {}
        self.outputs: list[Value] = []
        self.line = _callers_line()

    def input(self, name: str, shape: Any = None) -> Value:
        """An input of the network.

        Args:
            name: of the input.
            shape: `"N,D"`, `("N", 3)` or an array; None: what the first layer that takes it says.

        Raises:
            NetworkDeclarationError: for a name that is taken, or is none.
        """
        if not isinstance(name, str) or not name.isidentifier():
            raise NetworkDeclarationError(f'`input` takes a name; received {name!r}; write `net.input("x", "N,D")`')
        if name in self.inputs:
            raise NetworkDeclarationError(f"the network has an input `{name}` already; use its value twice, or rename")
        self.inputs[name] = shape
        return Value(self, name)

    def layer(
        self,
        layer: Any,
        *,
        name: str = "",
        inputs: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        outputs: int = 1,
    ) -> Node:
        """A layer, to be called with the values that go into it.

        Args:
            layer: a forward function, a class, an instance of one, a JAX rule, a `layer(...)`, or a layer's name.
            name: what the report calls it.
            inputs: for its arguments, as in `layer()`: a shape or an array for each parameter that it is to have.
            settings: for its configuration arguments, by name.
            outputs: how many values its call gives.

        Raises:
            NetworkDeclarationError: for what is no layer.
        """
        if layer is None or isinstance(layer, Graph | Value | Node | int | float):
            raise NetworkDeclarationError(
                f"`layer` takes a forward, a class, an instance or a layer's name; received {type(layer).__name__}"
            )
        if not isinstance(outputs, int) or outputs < 1:
            raise NetworkDeclarationError(f"`outputs=` counts what a call gives; received {outputs!r}; write outputs=2")
        node = Node(self, layer, name, _mapping("inputs", inputs), _mapping("settings", settings), outputs)
        node.line = _callers_line()
        self.nodes.append(node)
        return node

    def __call__(self, layer: Any, *values: Value, name: str = "", **named: Value) -> Any:
        """A layer that is used once: `net(relu_forward, x)` is `net.layer(relu_forward)(x)`."""
        return self.layer(layer, name=name)(*values, **named)

    def output(self, *values: Value) -> None:
        """What the network gives: its outputs and losses, in this order.

        Raises:
            NetworkDeclarationError: for what is no value of this network.
        """
        self._check_values("output", values)
        self.outputs.extend(values)

    def _check_values(self, what: str, values: Sequence[Any]) -> None:
        for value in values:
            if not isinstance(value, Value):
                raise NetworkDeclarationError(
                    f"`{what}` takes values of the network; received {type(value).__name__}; an array is given in "
                    "`inputs=`, a setting in `settings=`"
                )
            if value.graph is not self:
                raise NetworkDeclarationError(f"`{what}` takes values of its own network; received one of another")


class Sequential(Graph):
    """A chain: the first output of each layer is the first input of the next.

        net = Sequential([affine_forward, relu_forward, ("head", affine_forward), softmax_loss])

    Args:
        layers: what `Graph.layer` takes, or `(name, layer)`; another `Sequential` stands for its layers.
        inputs, settings, name: as of `Graph`. An input of the network by the name of an argument that is no parameter
            (`{"t": "N,3"}` for `mse_loss(y, t)`) goes to the last layer that has it.

    Raises:
        NetworkDeclarationError: for what is no list of layers.
    """

    def __init__(
        self,
        layers: Sequence[Any],
        *,
        inputs: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        name: str = "",
    ) -> None:
        super().__init__(inputs=inputs, settings=settings, name=name)
        if not isinstance(layers, list | tuple) or not layers:
            raise NetworkDeclarationError(
                f"`Sequential` takes a list of layers; received {_shown(layers)}; "
                "write `Sequential([affine_forward, relu_forward])`"
            )
        made: dict[int, Node] = {}
        value: Value | None = None
        for member, called in _flat(layers):
            # the same instance twice is one layer that is used twice
            node = made.get(id(member)) if is_instance(member) else None
            if node is None:
                node = made[id(member)] = self.layer(member, name=called)
            value = node() if value is None else node(value)
        assert value is not None
        self.output(value)
        for inner, prefix in _blocks(layers):
            for own, its in ((self.given, inner.given), (self.settings, inner.settings)):
                for key, told in its.items():
                    if "." in key:  # of a layer; what it says of its inputs is for the case that it stands alone
                        own.setdefault(prefix + key, told)


def _blocks(layers: Sequence[Any], prefix: str = "") -> Iterator[tuple[Sequential, str]]:
    """The chains inside a chain, with what their layers' names begin with here."""
    for item in layers:
        called, member = item if isinstance(item, tuple) else ("", item)
        if isinstance(member, Sequential):
            yield member, f"{prefix}{called}." if called else prefix


def _flat(layers: Sequence[Any], prefix: str = "") -> Iterator[tuple[Any, str]]:
    for item in layers:
        member, called = item, ""
        if isinstance(item, tuple):
            if len(item) != 2 or not isinstance(item[0], str):
                raise NetworkDeclarationError(
                    f'a layer with a name is written `("head", affine_forward)`; received {_shown(item)}'
                )
            called, member = item
        if isinstance(member, Sequential):
            chain = [call.node for call in member.calls]
            inner = [(node.name, node.target) if node.name else node.target for node in chain]
            yield from _flat(inner, f"{prefix}{called}." if called else prefix)
        elif isinstance(member, Graph):
            raise NetworkDeclarationError("a `Graph` cannot be a layer of a `Sequential`; write its layers instead")
        else:
            yield member, f"{prefix}{called}"


def is_instance(member: Any) -> bool:
    """Whether it is an object of a layer class, with parameters of its own."""
    return not isinstance(member, type) and callable(getattr(type(member), "forward", None))


def _mapping(called: str, value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise NetworkDeclarationError(
            f'`{called}=` takes a dict by name; received {_shown(value)}; write `{called}={{"fc.w": "D,M"}}`'
        )
    return value


def _called(target: Any) -> str:
    return target if isinstance(target, str) else getattr(target, "__name__", type(target).__name__)


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) < 60 else text[:57] + '...'}"


def _callers_line() -> int:
    """The line of the user's module that called into this one."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return frame.f_lineno
