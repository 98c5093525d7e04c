"""Parameters on an instance of a layer class, and where the class stores their gradients."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradcheck_cli.layers.conventions import naming, self_update, self_update_text, syntax
from gradcheck_cli.layers.leaves import is_floating

Steps = tuple[tuple[str, Any], ...]
"""How to get from an instance to a value: `(("attribute", "params"), ("item", "W"))`."""

_CONTAINERS = ("params", "parameters", "weights", "param", "_params", "variables", "theta")
_GRADIENT_CONTAINERS = ("grads", "gradients", "grad", "_grads", "dparams", "param_grads", "d_params", "dtheta")
_VALUES = ("data", "value", "val", "array", "w", "weight")


@dataclass(frozen=True)
class Owned:
    """A floating array on an instance: its name, where it is, and where its gradient is ("": not seen yet).

    `update`: the backward updates it by itself and stores no gradient, which is read off the update.
    Not `differentiated`: it does so in a way from which none can be read.
    `depth`: how many of the steps lead to the sub-layer that holds it (0: the instance itself).
    """

    name: str
    steps: Steps
    gradient: str
    differentiated: bool = True
    depth: int = 0
    update: self_update.Update | None = None


class Missing:
    """Stands for a gradient that was not found."""


MISSING = Missing()


def follow(instance: Any, steps: Steps) -> Any:
    """The value at `steps`.

    Raises:
        LookupError, AttributeError: where there is none.
    """
    for kind, key in steps:
        instance = getattr(instance, key) if kind == "attribute" else instance[key]
    return instance


def show(steps: Steps) -> str:
    """`self.params['W']`."""
    return "self" + "".join(f".{key}" if kind == "attribute" else f"[{key!r}]" for kind, key in steps)


def attributes(instance: Any) -> dict[str, Any]:
    """An instance's own attributes, slots included."""
    found = dict(getattr(instance, "__dict__", {}))
    for owner in type(instance).__mro__:
        slots = vars(owner).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(instance, name):
                found.setdefault(name, getattr(instance, name))
    return found


def owned(instance: Any, nodes: Sequence[ast.AST], backward: ast.AST | None = None) -> list[Owned]:
    """The float arrays of an instance that have a companion gradient, or sit in its list or dict of parameters.

    Attributes first, then what only a container holds, then one level of nested objects (a `Parameter` with `data`
    and `grad`).

    Args:
        nodes: the class's methods, whose text names the gradients that only a backward creates.
        backward: the backward's text: what it updates in place, or returns a gradient for, is a parameter, too.
    """
    updated, plain = self_update_text.updated(backward), self_update_text.plain_updates(backward)
    returned = _returned(backward)
    values = attributes(instance)
    known = {name for node in nodes for name in syntax.attributes_set(node)} | set(values)
    seen: set[int] = set()
    found: list[Owned] = []
    members = {id(item) for _, item in _in_containers(values)}
    for name, value in values.items():
        if _is_array(value) and id(value) not in seen and name not in _GRADIENT_CONTAINERS:
            gradient = next((item for item in naming.gradient_names(name) if item in known), "")
            in_dictionary = _key_of_gradient(name, values, known, nodes)
            returns = any(naming.gradient_target(item, [name]) == name for item in returned)
            if gradient or id(value) in members or in_dictionary or returns:
                seen.add(id(value))
                found.append(Owned(name, (("attribute", name),), gradient or in_dictionary))
            elif name in updated:
                seen.add(id(value))
                update = plain.of.get(name) if plain is not None else None
                found.append(Owned(name, (("attribute", name),), "", differentiated=update is not None, update=update))
    for steps, value in _in_containers(values):
        if _is_array(value) and id(value) not in seen:
            seen.add(id(value))
            key = steps[-1][1]
            found.append(Owned(key if isinstance(key, str) else f"{steps[0][1]}[{key}]", steps, ""))
    for name, value in values.items():
        inner = attributes(value) if hasattr(value, "__dict__") and not _is_array(value) and not callable(value) else {}
        for part in _VALUES:
            if _is_array(inner.get(part)) and any(item in inner for item in ("grad", "gradient", "g", "d")):
                found.append(Owned(name, (("attribute", name), ("attribute", part)), ""))
                break
    return found


def sub_layers(instance: Any, is_layer: Callable[[type], bool]) -> Iterator[tuple[Steps, Any]]:
    """Layers that an instance is made of: in its attributes, or in a list or dict there."""
    for name, value in attributes(instance).items():
        steps: Steps = (("attribute", name),)
        if isinstance(value, (list, tuple, dict)):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            yield from (((*steps, ("item", key)), item) for key, item in items if is_layer(type(item)))
        elif is_layer(type(value)):
            yield steps, value


def left_for_later(instance: Any) -> list[str]:
    """Parameters that the constructor only names, `self.params = {"W": None}`, for the first forward to make."""
    values = attributes(instance)
    named = (values[container] for container in _CONTAINERS if isinstance(values.get(container), Mapping))
    return [str(key) for held in named if all(item is None for item in held.values()) for key in held]


def of_sub_layer(prefix: Steps, item: Owned) -> Owned:
    """A sub-layer's parameter, seen from the layer that holds it: `fc1.W`, `layers[0].W`."""
    name = show(prefix).removeprefix("self.") + "." + item.name
    return Owned(name, (*prefix, *item.steps), "", item.differentiated and item.update is None, len(prefix))


def _returned(backward: ast.AST | None) -> set[str]:
    """What a backward calls the gradients it returns: `return dx, dW, {"b": db}` gives all three, and the key."""
    if not isinstance(backward, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return set()
    names = set(syntax.returned_names(backward))
    for value in syntax.returns(backward):
        for node in ast.walk(value):
            if isinstance(node, ast.Dict):
                names |= {
                    key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
                }
    for name in list(names):
        names |= set(syntax.string_keys(backward, name)) if name else set()
    own = {item.arg for item in ast.walk(backward.args) if isinstance(item, ast.arg)}
    return names - own - {""}


def _key_of_gradient(name: str, values: Mapping[str, Any], known: set[str], nodes: Sequence[ast.AST]) -> str:
    """`grads['W']` where the class stores a gradient for `name` in a dictionary."""
    for container in _GRADIENT_CONTAINERS:
        if container in known:
            stored = values.get(container)
            keys = set(stored) if isinstance(stored, Mapping) else set()
            keys |= {key for node in nodes for key in syntax.string_keys(node, container)}
            for key in keys:
                if isinstance(key, str) and naming.gradient_target(key, [name]) == name:
                    return f"{container}[{key!r}]"
    return ""


def _in_containers(values: Mapping[str, Any]) -> Iterator[tuple[Steps, Any]]:
    for container in _CONTAINERS:
        held = values.get(container)
        if isinstance(held, Mapping):
            for key, value in held.items():
                yield (("attribute", container), ("item", key)), value
        elif isinstance(held, (list, tuple)):
            for position, value in enumerate(held):
                yield (("attribute", container), ("item", position)), value


def _is_array(value: Any) -> bool:
    shape = getattr(value, "shape", None)
    return isinstance(shape, tuple) and is_floating(value) and not isinstance(value, type)


def replace_array(instance: Any, old: Any, new: Any) -> None:
    """Put `new` in the place of `old` wherever an instance refers to it: attributes, lists, dicts, nested objects.

    References are exchanged, not contents: `new` may have another dtype, or be an array of another kind.
    """
    _replace(instance, old, new, depth=5, seen=set())


def _replace(holder: Any, old: Any, new: Any, depth: int, seen: set[int]) -> None:
    if depth == 0 or id(holder) in seen:
        return
    seen.add(id(holder))
    if isinstance(holder, dict):
        for key, value in list(holder.items()):
            if value is old:
                holder[key] = new
            else:
                _replace_inside(holder, key, value, old, new, depth, seen)
    elif isinstance(holder, list):
        for position, value in enumerate(holder):
            if value is old:
                holder[position] = new
            else:
                _replace_inside(holder, position, value, old, new, depth, seen)
    elif not _is_array(holder):
        for name, value in attributes(holder).items():
            if value is old:
                object.__setattr__(holder, name, new)
            elif type(value) is tuple and any(item is old for item in value):
                object.__setattr__(holder, name, tuple(new if item is old else item for item in value))
            elif _is_holder(value):
                _replace(value, old, new, depth - 1, seen)


def _replace_inside(holder: Any, key: Any, value: Any, old: Any, new: Any, depth: int, seen: set[int]) -> None:
    if type(value) is tuple and any(item is old for item in value):
        holder[key] = tuple(new if item is old else item for item in value)
    elif _is_holder(value):
        _replace(value, old, new, depth - 1, seen)


def _is_holder(value: Any) -> bool:
    return isinstance(value, (dict, list)) or (
        hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value) and not _is_array(value)
    )


def gradient_of(instance: Any, name: str, steps: Steps, value: Any) -> tuple[Any, str]:
    """The stored gradient of a parameter and where it was found; `(MISSING, "")` where nothing is stored.

    Looked for beside the parameter first (`params['W']`: `grads['W']`; `params[0]`: `grads[0]`; `W.data`: `W.grad`),
    then under the names that people give (`dW`, `grad_W`, `W_grad`), then in a dictionary of gradients by key.
    """
    values = attributes(instance)
    if len(steps) == 2 and steps[1][0] == "attribute":
        holder = values.get(steps[0][1])
        for part in ("grad", "gradient", "g", "d"):
            if hasattr(holder, part):
                return getattr(holder, part), f"self.{steps[0][1]}.{part}"
    for path, item in _in_containers(values):
        if item is value or path == steps:
            key = path[1][1]
            for container in _GRADIENT_CONTAINERS:
                found = _entry(values.get(container), key)
                if found is not MISSING:
                    return found, f"self.{container}[{key!r}]"
                if _is_array(values.get(container)) and len(values[path[0][1]]) == 1:
                    return values[container], f"self.{container}"  # `self.params = [self.W]` beside `self.grads = dW`
    name = name.removeprefix("self.")
    lower = {attribute.lower(): attribute for attribute in reversed(values)}
    candidates = naming.gradient_names(name)
    for attribute in (
        *(item for item in candidates if item in values),
        *(lower.get(item.lower()) for item in candidates),
    ):
        if attribute is not None and attribute in values and not callable(values[attribute]):
            return values[attribute], f"self.{attribute}"
    for container in _GRADIENT_CONTAINERS:
        held = values.get(container)
        if isinstance(held, Mapping):
            for key in held:
                if isinstance(key, str) and naming.gradient_target(key, [name]) == name:
                    return held[key], f"self.{container}[{key!r}]"
    return MISSING, ""


def _entry(held: Any, key: Any) -> Any:
    if isinstance(held, Mapping):
        for candidate in (key, *(naming.gradient_names(key) if isinstance(key, str) else ())):
            if candidate in held:
                return held[candidate]
    elif isinstance(held, (list, tuple)) and isinstance(key, int) and key < len(held):
        return held[key]
    return MISSING


def positional_gradient(instance: Any, position: int, count: int) -> tuple[Any, str]:
    """The gradient in a list that stands beside `count` constructor parameters, where no list of those is kept."""
    values = attributes(instance)
    for container in _GRADIENT_CONTAINERS:
        held = values.get(container)
        if isinstance(held, (list, tuple)) and len(held) == count:
            return held[position], f"self.{container}[{position}]"
    return MISSING, ""
