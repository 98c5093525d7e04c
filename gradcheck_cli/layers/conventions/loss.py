"""`softmax_loss(x, y) -> loss, dx`: a loss that returns its own gradients."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from gradcheck_cli.layers import naming, roles, signatures, syntax
from gradcheck_cli.layers.gradients import Layout, read
from gradcheck_cli.layers.jax_use import refers_to_jax
from gradcheck_cli.layers.layer import BackwardResult, BoundLayer, Convention, ForwardResult, Layer, Role
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.users_code import Place, run

_LOSS_VALUE = re.compile(r"loss|cost|nll|objective|energy|^(L|J|l|E|err|error|value|obj|out|total)$", re.I)
_GRADIENTS = re.compile(r"^(d\w*|grads?\w*|gradients?\w*|\w+_grads?|g[a-zA-Z]?)$")


@dataclass(frozen=True)
class Kept:
    """The residuals of a loss: what it was given, and the gradients that came with it."""

    arguments: Mapping[str, Any]
    gradients: Any


@dataclass(frozen=True)
class Loss:
    """A loss in one copy of its module."""

    function: Any
    name: str
    parameters: tuple[signatures.Parameter, ...]
    layout: Layout
    place: Place
    line: int

    def initial(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Functions own no parameters."""
        del arguments
        return {}

    def forward(self, arguments: Mapping[str, Any]) -> ForwardResult:
        """Run the loss; its gradients wait among the residuals."""
        positional, keywords = signatures.call_with(self.parameters, arguments)
        returned = run(
            self.function,
            positional,
            keywords,
            what=self.name,
            place=self.place,
            line=self.line,
            inputs=arguments,
        )
        if not isinstance(returned, (tuple, list)) or len(returned) < 2 or returned[0] is None:
            got = "None" if returned is None else "no pair `(loss, dx)`"
            raise self.place.error(
                f"`{self.name}` returned {got}",
                line=self.line,
                mend=f"`return {', '.join(self._wanted(self.layout.inputs))}`",
            )
        rest = tuple(returned[1:])
        return ForwardResult((returned[0],), Kept(arguments, rest[0] if len(rest) == 1 else rest))

    def backward(
        self, result: ForwardResult, cotangents: tuple[Any, ...], differentiable: tuple[str, ...]
    ) -> BackwardResult:
        """The gradients that came with the loss, times the upstream gradient only where that is not one."""
        del cotangents
        kept: Kept = result.residuals
        if kept.gradients is None:
            raise self.place.error(
                f"`{self.name}` returned None as its gradient: it is a stub",
                line=self.line,
                mend=f"write the gradient, and `return {', '.join(self._wanted(differentiable))}`",
            )
        return read(kept.gradients, self.layout, differentiable, kept.arguments)

    def evaluate(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """The loss only; see `BoundLayer`."""
        return self.forward(arguments).outputs

    def reference(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """The loss by the forward; see `BoundLayer`."""
        return self.evaluate(arguments)

    def _wanted(self, names: Iterable[str]) -> list[str]:
        return ["loss", *(self.layout.named(name) or f"d{name}" for name in names)]


def is_loss(function: Any) -> bool:
    """Whether a function returns a loss and gradients of its own arguments, by its return statement."""
    node = syntax.definition(function)
    names = syntax.returned_names(node)
    if len(names) < 2 or not _GRADIENTS.match(names[-1] or "-"):
        return False
    name = getattr(syntax.plain_function(function), "__name__", "")
    arguments = [parameter.name for parameter in signatures.parameters(function)]
    if not arguments:
        return False
    gradients = [
        naming.gradient_target(item, arguments) is not None and item not in arguments for item in names[1:] if item
    ]
    grouped = len(names) == 2 and re.fullmatch(r"grads?|gradients?|d", names[1]) is not None
    says_loss = bool(_LOSS_VALUE.search(names[0] or "-")) or naming.is_loss(name)
    return says_loss and bool(gradients) and (all(gradients) or grouped)


def build(module: Module, name: str, find_function: Callable[[ModuleType], Any]) -> Layer:
    """The layer of a loss function."""
    function = find_function(module.namespace)
    parameters = signatures.parameters(function)
    node = syntax.definition(function)
    gradients = syntax.returned_names(node)[1:]
    names = tuple(parameter.name for parameter in parameters)
    keys = syntax.string_keys(node, gradients[0]) if len(gradients) == 1 else ()
    targets = {
        target: gradient
        for gradient in (*gradients, *keys)
        if gradient and (target := naming.gradient_target(gradient, names)) is not None and gradient not in names
    }
    documentation = roles.documentation(function)
    arguments = roles.forward_arguments(
        parameters, node, "\n".join(documentation), with_gradient=targets, gradient_names=targets
    )
    inputs = [item.name for item in arguments if item.role is Role.INPUT]
    # `loss, grad` names nothing: the gradient is for what the loss is a function of first
    chosen = set(targets) or _pytrees(node, inputs) or set(inputs[:1])
    arguments = tuple(
        item if item.role is not Role.INPUT or item.name in chosen else replace(item, differentiated=False)
        for item in arguments
    )
    grouped = len(gradients) == 1 and gradients[0] not in targets.values()
    inputs = [name for name in inputs if name in chosen]
    layout = Layout(tuple(inputs), names, () if grouped else gradients, by_name=not grouped)
    place, line = Place.of(module), syntax.line_of(function)
    label = getattr(syntax.plain_function(function), "__name__", name)

    def bind(namespace: ModuleType) -> BoundLayer:
        return Loss(find_function(namespace), label, parameters, layout, place, line)

    return Layer(
        name=name,
        convention=Convention.LOSS,
        path=module.path,
        line=line,
        forward_line=line,
        arguments=arguments,
        bind=bind,
        docstrings=documentation,
        unit_upstream=True,
        uses_jax=module.uses_jax and refers_to_jax(function, module.project),
        aliases=(label,),
    )


def _pytrees(node: syntax.FunctionNode | None, inputs: Sequence[str]) -> set[str]:
    """Arguments that the body reads by string keys: `model["W1"]`."""
    import ast

    found = set()
    for item in ast.walk(node) if node is not None else ():
        match item:
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str())) if name in inputs:
                found.add(name)
            case _:
                pass
    return found
