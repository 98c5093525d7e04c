"""A net of three methods: `forward(X)`, a loss that is told the labels, and `backward(X, y)` that stores gradients.

What the backward differentiates is the loss of the forward's output: `loss(y)`, `compute_loss(X, y)`,
`loss(y_pred, y_true)`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gradcheck_cli.layers.conventions import naming, net_settings, signatures, syntax
from gradcheck_cli.layers.conventions.methods import BACKWARDS, FORWARDS, method
from gradcheck_cli.layers.conventions.signatures import Parameter

_LOSS = re.compile(r"_?(compute_|calc(ulate)?_|get_)?(\w*_)?(loss|cost)(_function|_fn)?|(binary_)?cross_?entropy")
_TRAINING = re.compile(r"train|plot|history|print|update")
_OUTPUT = re.compile(r"y_?(pred\w*|hat\d?|out)|[aA](\d|L|_out)?|pred\w*|probs?|probabilities|scores|logits|outputs?")


@dataclass(frozen=True)
class Labelled:
    """The names of a net's three methods, and what its backward calls the labels."""

    forward: str
    loss: str
    backward: str
    label: str

    def parameters(self, owner: type) -> tuple[Parameter, ...]:
        """What the three together are given: the forward's parameters and the labels."""
        own = [item for item in _parameters(owner, self.forward) if not item.variadic]
        labels = [item for item in _parameters(owner, self.backward) if item.name == self.label]
        return (*own, *(labels or [Parameter(self.label)]))

    def call(self, owner: type, name: str, given: Mapping[str, Any], output: Any) -> tuple[list[Any], dict[str, Any]]:
        """How to call the method `name`; `output` is what the forward returned."""
        wanted = _parameters(owner, name)
        values = {item.name: self._value(item.name, given, output) for item in wanted if self._knows(item, given)}
        return signatures.call_with(wanted, values)

    def _value(self, name: str, given: Mapping[str, Any], output: Any) -> Any:
        if name in given:
            return given[name]
        if net_settings.is_label(name):
            return given[self.label]
        return 0.0 if naming.is_learning_rate(name) else output

    def _knows(self, item: Parameter, given: Mapping[str, Any]) -> bool:
        return item.name in given or (not item.has_default and _is_known(item.name, ()))


def labelled(owner: type) -> Labelled | None:
    """The three methods of a class; None where its backward takes no labels, or nothing gives the loss."""
    forward = next((name for name in FORWARDS if method(owner, name) is not None), "")
    backward = next((name for name in BACKWARDS if method(owner, name) is not None), "")
    if not forward or not backward:
        return None
    own = {item.name for item in _parameters(owner, forward)}
    taken = [item for item in _parameters(owner, backward) if not item.has_default]
    labels = [item.name for item in taken if net_settings.is_label(item.name) and item.name not in own]
    if len(labels) > 1 or not all(_is_known(item.name, own) for item in taken):
        return None
    for name in _losses(owner):
        told = [item for item in _parameters(owner, name) if not item.has_default]
        given = [item.name for item in told if net_settings.is_label(item.name) and item.name not in own]
        if len(given) == 1 and labels and all(_is_known(item.name, own) for item in told):
            return Labelled(forward, name, backward, labels[0])
    return None


def takes_labels(backward: ast.AST | None, name: str) -> bool:
    """Whether a backward's parameter is named like labels, and something is compared with it: `self.y - t`."""
    if backward is None or not naming.is_label(name):
        return False
    return any(
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Sub)
        and any(isinstance(side, ast.Name) and side.id == name for side in (node.left, node.right))
        for node in ast.walk(backward)
    )


def _losses(owner: type) -> Iterator[str]:
    for base in owner.__mro__:
        for name, member in vars(base).items():
            if callable(member) and _LOSS.fullmatch(name) and not _TRAINING.search(name):
                returns = syntax.returns(syntax.definition(member))
                if returns and not any(isinstance(value, ast.Tuple) for value in returns):
                    yield name


def _is_known(name: str, own: Any) -> bool:
    is_output = _OUTPUT.fullmatch(name) or naming.is_output(name)
    return name in own or net_settings.is_label(name) or bool(is_output) or naming.is_learning_rate(name)


def _parameters(owner: type, name: str) -> tuple[Parameter, ...]:
    found = method(owner, name)
    return signatures.parameters(found, 0 if isinstance(found, staticmethod) else 1)
