"""From what a backward returned to gradients by argument, nothing judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradcheck_cli.layers.conventions import naming
from gradcheck_cli.layers.layer import BackwardResult


@dataclass(frozen=True)
class Layout:
    """What the returned gradients may stand for.

    Attributes:
        inputs: the arguments that a gradient may be for, in order.
        every: all arguments of the forward, settings included, in order.
        names: names in the backward's return statement, "" where one has none; empty where unknown.
        by_name: those names decide, not the position: the docstring lists them in this order, too.
    """

    inputs: tuple[str, ...]
    every: tuple[str, ...]
    names: tuple[str, ...] = ()
    by_name: bool = False

    @property
    def targets(self) -> tuple[str | None, ...]:
        """The argument that each returned name is a gradient of."""
        return tuple(naming.gradient_target(name, self.inputs) if name else None for name in self.names)

    def named(self, argument: str) -> str:
        """What the return statement calls the gradient of `argument`; "" where it does not say."""
        targets = self.targets
        if targets.count(argument) == 1:
            return self.names[targets.index(argument)]
        position = self.inputs.index(argument) if argument in self.inputs else -1
        if len(self.names) == len(self.inputs) and position >= 0 and not any(targets):
            return self.names[position]
        return ""


def read(returned: Any, layout: Layout, differentiable: Sequence[str], arguments: Mapping[str, Any]) -> BackwardResult:
    """Give each returned gradient to its argument: a dict by its keys, anything else by position.

    A gradient for an argument that is not differentiable (labels, indices) may be None or left out.
    """
    wanted = [name for name in layout.inputs if name in differentiable]
    if isinstance(returned, Mapping):
        return _by_key(returned, layout, wanted, arguments)
    if len(wanted) == 1 and _is_whole(returned, arguments.get(wanted[0])):
        return BackwardResult({wanted[0]: returned}, 1, 1)
    if isinstance(returned, tuple) and (names := getattr(returned, "_fields", None)):
        fields = dict(zip(names, returned))
        if all(naming.gradient_target(key, layout.inputs) for key in fields):
            return _by_key(fields, layout, wanted, arguments)
    items = list(returned) if isinstance(returned, (tuple, list)) else [returned]
    targets = layout.targets if len(layout.targets) == len(items) else ()
    named = [target for target in targets if target is not None]
    resolved = len(named) == len(items) and len(set(named)) == len(named)
    if layout.by_name and resolved:
        return BackwardResult(dict(zip(named, items)), len(items), _expected(named, wanted))
    for order in (wanted, list(layout.inputs), list(layout.every)):
        if len(order) == len(items):
            gradients = {name: item for name, item in zip(order, items) if name in wanted or item is not None}
            return BackwardResult(gradients, len(items), len(items))
    if resolved:
        return BackwardResult(dict(zip(named, items)), len(items), len(wanted))
    return BackwardResult(dict(zip(wanted, items)), len(items), len(wanted), surplus=tuple(items[len(wanted) :]))


def _expected(named: Sequence[str], wanted: Sequence[str]) -> int:
    """As many as came, where none that is wanted is left out."""
    return len(named) if set(wanted) <= set(named) else len(wanted)


def _is_whole(returned: Any, value: Any) -> bool:
    """Whether what came back is the one argument's own container, and not a tuple around its gradient."""
    if not isinstance(value, (list, tuple)) or not isinstance(returned, (list, tuple)):
        return False
    if isinstance(returned, tuple) and len(returned) == 1 and isinstance(returned[0], (list, tuple)):
        return False
    return type(returned) is type(value) or len(returned) == len(value)


def _by_key(
    returned: Mapping[Any, Any], layout: Layout, wanted: Sequence[str], arguments: Mapping[str, Any]
) -> BackwardResult:
    containers = {name: arguments[name] for name in wanted if isinstance(arguments.get(name), Mapping)}
    for name, value in containers.items():
        if set(returned) == set(value) or (len(wanted) == 1 and set(returned) <= set(value)):
            return BackwardResult({name: returned}, None, None)
    gradients: dict[str, Any] = {}
    inside: dict[str, dict[Any, Any]] = {}
    unknown: list[str] = []
    for key, item in returned.items():
        if not isinstance(key, str):
            unknown.append(repr(key))
        elif (target := naming.gradient_target(key, layout.inputs)) is not None:
            gradients[target] = item
        elif (place := _in_container(key, containers)) is not None:
            inside.setdefault(place[0], {})[place[1]] = item
        else:
            unknown.append(key)
    for name, part in inside.items():
        gradients.setdefault(name, part)
    return BackwardResult(gradients, None, None, unknown=tuple(unknown))


def _in_container(key: str, containers: Mapping[str, Mapping[Any, Any]]) -> tuple[str, Any] | None:
    """Which entry of which dictionary argument a key such as `dWax` is the gradient of."""
    for name, value in containers.items():
        target = naming.gradient_target(key, [entry for entry in value if isinstance(entry, str)])
        if target is not None:
            return name, target
    return None
