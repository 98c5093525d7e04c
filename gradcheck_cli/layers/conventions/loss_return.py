"""What the return statement of a loss says: where the loss stands, and what its gradients are called."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gradcheck_cli.layers.conventions import naming, syntax

_GROUPED = re.compile(r"grads?|gradients?")
_LOSS_LAST = re.compile(r"(\w+_)?(loss|cost|nll|objective|J)")
"""Not `costs` or `loss_history`: those are of a training loop."""


@dataclass(frozen=True)
class Returned:
    """`return loss, dx`, `return loss, grads`, `return {"dw": dw, "db": db}, cost`.

    Attributes:
        loss: what the loss is called; "" where it has no name.
        gradients: what the other values are called; "" for one without a name of its own.
        keys: of a dictionary of gradients that is the only other value, as far as the text says.
        loss_last: the gradients come first.
    """

    loss: str
    gradients: tuple[str, ...]
    keys: tuple[str, ...] = ()
    loss_last: bool = False

    @property
    def is_grouped(self) -> bool:
        """Whether one value, by its name or as a dictionary display, stands for all gradients."""
        return len(self.gradients) == 1 and (
            _GROUPED.fullmatch(self.gradients[0]) is not None or (not self.gradients[0] and bool(self.keys))
        )

    def part(self, values: Sequence[object]) -> tuple[object, object]:
        """The loss, and its gradients: one value, or a tuple of several."""
        loss, rest = (values[-1], values[:-1]) if self.loss_last else (values[0], values[1:])
        return loss, rest[0] if len(rest) == 1 else tuple(rest)


def returned(node: syntax.FunctionNode | None) -> Returned | None:
    """The last return statement that has several values; None where there is none, or they cannot be gradients."""
    for value in reversed(syntax.returns(node)):
        if isinstance(value, ast.Tuple) and len(value.elts) > 1:
            first, *rest = value.elts
            if not any(isinstance(item, (ast.Tuple, ast.List, ast.Constant, ast.Starred)) for item in rest):
                names = tuple(_gradient_name(item) for item in rest)
                return Returned(syntax.name_of(first), names, _keys(node, rest))
    return None


def loss_last(node: syntax.FunctionNode | None) -> Returned | None:
    """The same where the loss comes last, by its name: `return grads, cost`; None where it does not."""
    for value in reversed(syntax.returns(node)):
        if isinstance(value, ast.Tuple) and len(value.elts) > 1:
            *rest, last = value.elts
            if _LOSS_LAST.fullmatch(syntax.name_of(last)):
                names = tuple(_gradient_name(item) for item in rest)
                return Returned(syntax.name_of(last), names, _keys(node, rest), loss_last=True)
    return None


def _keys(node: syntax.FunctionNode | None, gradients: Sequence[ast.expr]) -> tuple[str, ...]:
    if len(gradients) != 1:
        return ()
    if isinstance(gradients[0], ast.Dict):
        keys = gradients[0].keys
        return tuple(key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str))
    name = syntax.name_of(gradients[0])
    return syntax.string_keys(node, name) if name else ()


def _gradient_name(node: ast.expr) -> str:
    """`dx` for `dx` and for `dx / N`; "" where no name stands out."""
    plain = syntax.name_of(node)
    if plain or isinstance(node, ast.Dict):
        return plain
    names = {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
    found = [
        name for name in names if re.match(r"d[A-Za-z_]|grad|gradient", name) and name not in {"diff", "data", "delta"}
    ]
    return found[0] if len(found) == 1 else ""


def is_by_hand(node: syntax.FunctionNode | None) -> bool:
    """Whether a function calls nothing that differentiates for it, in numbers or by itself."""
    called = [ast.unparse(item.func) for item in ast.walk(node) if isinstance(item, ast.Call)] if node else []
    names = [part for function in called for part in (function.rpartition(".")[2], function)]
    return not any(name in naming.DIFFERENTIATORS or re.search(r"numeric|\btape\.", name, re.I) for name in names)


def are_of_arguments(gradients: Sequence[str], arguments: Sequence[str]) -> bool:
    """Whether each of these names is the gradient of an argument, and there are some."""
    named = [naming.gradient_target(name, arguments) is not None and name not in arguments for name in gradients]
    return bool(named) and all(named)
