"""What each object is called in a script: known by identity, so that whatever a convention hands on is recognised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcheck_cli.checking.shrink.literals import literal
from gradcheck_cli.checking.shrink.names import ModuleNames
from gradcheck_cli.layers.conventions.context import Context
from gradcheck_cli.layers.conventions.stored import attributes

_NAMELESS = (bool, int, str, bytes, type(None))
"""Python keeps one object for many of these: identity tells nothing, and a literal says more than a name."""
_DEPTH = 4


class Expressions:
    """Objects and the text that stands for each; the first text for an object stays."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, str]] = {}
        self._preferred: dict[int, tuple[Any, str]] = {}

    def learn(self, value: Any, text: str, depth: int = _DEPTH) -> None:
        """`text` stands for `value`, and `text[key]` for what it holds."""
        if isinstance(value, _NAMELESS) or (isinstance(value, tuple) and not value):
            return
        self._known.setdefault(id(value), (value, text))
        if depth == 0:
            return
        if isinstance(value, Mapping):
            for key, item in value.items():
                if isinstance(key, (str, int)):
                    self.learn(item, f"{text}[{key!r}]", depth - 1)
        elif isinstance(value, (list, tuple)):
            for position, item in enumerate(value):
                self.learn(item, f"{text}[{position}]", depth - 1)

    def prefer(self, value: Any, text: str) -> None:
        """`text` stands for `value` from now on, whatever it was called before, and though it be None or a number."""
        self._preferred[id(value)] = (value, text)

    def learn_instance(self, instance: Any, text: str, depth: int = _DEPTH) -> None:
        """The same for an object with attributes: a layer, and the layers and parameters that it holds."""
        for name, value in attributes(instance).items():
            self.learn(value, f"{text}.{name}", depth)
            if depth and hasattr(value, "__dict__") and not callable(value) and not hasattr(value, "shape"):
                self.learn_instance(value, f"{text}.{name}", depth - 1)
            elif depth and isinstance(value, (list, tuple)):
                for position, item in enumerate(value):
                    if hasattr(item, "__dict__") and not callable(item) and not hasattr(item, "shape"):
                        self.learn_instance(item, f"{text}.{name}[{position}]", depth - 1)

    def find(self, value: Any) -> str | None:
        """The text for this very object; None where it has none."""
        if id(value) in self._preferred:
            return self._preferred[id(value)][1]
        known = self._known.get(id(value))
        return None if known is None or isinstance(value, _NAMELESS) else known[1]

    def text(self, value: Any) -> str:
        """The text for this object, or for one that is equal to it, or its literal.

        Raises:
            Unwritable: where there is none.
        """
        if (found := self.find(value)) is not None:
            return found
        if isinstance(value, (dict, list, tuple)) and (found := self._rebuilt(value)) is not None:
            return found
        if type(value) is tuple and value:
            return "(" + ", ".join(map(self.text, value)) + ("," if len(value) == 1 else "") + ")"
        if type(value) is list:
            return "[" + ", ".join(map(self.text, value)) + "]"
        if type(value) is dict:
            return "{" + ", ".join(f"{key!r}: {self.text(item)}" for key, item in value.items()) + "}"
        if hasattr(value, "dtype"):
            for other, text in self._known.values():
                if type(other) is type(value) and _equal(other, value):
                    return text
        return literal(value)

    def _rebuilt(self, value: Any) -> str | None:
        """The text for a container of the same kind that holds the very same objects: JAX rebuilds what it walks."""
        for other, text in self._known.values():
            if type(other) is not type(value) or len(other) != len(value) or not value:
                continue
            if isinstance(value, dict):
                if other.keys() == value.keys() and all(other[key] is item for key, item in value.items()):
                    return text
            elif all(one is item for one, item in zip(other, value)):
                return text
        return None

    def function(self, value: Any, names: ModuleNames) -> str:
        """How a script names what was called: a function of the module, a method of an object it made, a closure.

        Raises:
            Unwritable: where it has no name.
        """
        if (found := self.find(value)) is not None:
            return found
        owner = getattr(value, "__self__", None)
        if owner is not None and (found := self.find(owner)) is not None:
            name = getattr(value, "__name__", "")
            return found if name == "__call__" else f"{found}.{name}"
        return names.of(value)


def context_text(context: Context, source: str) -> str:
    """An object that a static pair's forward and backward can share, in one expression."""
    members = []
    if context.saved_tensors:
        names = ("saved_values", "saved_arrays", "saved_variables")
        kept = next((name for name in names if f".{name}" in source), "saved_tensors")
        save = "save" if ".save(" in source else "save_for_backward"
        members.append(f'"{save}": lambda self, *kept: setattr(self, "{kept}", kept)')
    if "needs_input_grad" in source:
        members.append(f'"needs_input_grad": {context.needs_input_grad}')
    return f'type("Context", (), {{{", ".join(members)}}})()'


def _equal(one: Any, other: Any) -> bool:
    try:
        left, right = np.asarray(one), np.asarray(other)
        return left.dtype == right.dtype and left.shape == right.shape and bool((left == right).all())
    except Exception:  # a stranger's array
        return False
