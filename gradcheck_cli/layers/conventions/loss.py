"""`softmax_loss(x, y) -> loss, dx`: a loss that returns its own gradients."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from gradcheck_cli.layers.conventions import loss_return, naming, roles, signatures, syntax
from gradcheck_cli.layers.conventions.gradients import Layout, read
from gradcheck_cli.layers.conventions.loss_return import Returned
from gradcheck_cli.layers.conventions.plain import PlainFunctions
from gradcheck_cli.layers.jax_use import refers_to_jax
from gradcheck_cli.layers.layer import Argument, BackwardResult, BoundLayer, Convention, ForwardResult, Layer, Role
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.users_code import Place, run

_LOSS_VALUE = re.compile(r"loss|cost|nll|objective|energy|^(L|J|l|E|err|error|value|obj|out|total)$", re.I)
_NAMED = re.compile(r"loss|cost|criterion|objective|entropy|nll|likelihood|mse|hinge|svm|bce", re.I)
_GRADIENTS = re.compile(r"^(d\w*|grads?\w*|gradients?\w*|\w+_grads?|g[a-zA-Z]?|g_\w+)$")
_TRAINING = re.compile(r"train|fit|optimi[sz]e|descent|update|solve|model", re.I)


@dataclass(frozen=True)
class Kept:
    """The residuals of a loss: what it was given, and the gradients that came with it."""

    arguments: Mapping[str, Any]
    gradients: Any


@dataclass(frozen=True)
class Loss(PlainFunctions):
    """A loss in one copy of its module."""

    function: Any
    name: str
    parameters: tuple[signatures.Parameter, ...]
    said: Returned
    layout: Layout
    place: Place
    line: int

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
        loss, gradients = parted(
            returned, self.said, self.name, self._wanted(self.layout.inputs), self.place, self.line
        )
        return ForwardResult((loss,), Kept(arguments, gradients))

    def backward(
        self, result: ForwardResult, cotangents: tuple[Any, ...], differentiable: tuple[str, ...]
    ) -> BackwardResult:
        """The gradients that came with the loss, times the upstream gradient only where that is not one."""
        del cotangents
        kept: Kept = result.residuals
        if kept.gradients is None:
            return BackwardResult(
                {},
                stub=f"`{self.name}` returned None as its gradient: it is a stub",
                mend=f"write the gradient, and {self._wanted(differentiable)}",
            )
        return read(kept.gradients, self.layout, differentiable, kept.arguments)

    def _wanted(self, names: Iterable[str]) -> str:
        gradients = [self.layout.named(name) or f"d{name}" for name in names]
        return f"`return {', '.join([*gradients, 'loss'] if self.said.loss_last else ['loss', *gradients])}`"


def parted(returned: Any, said: Returned, name: str, mend: str, place: Place, line: int) -> tuple[Any, Any]:
    """The loss, and its gradients, of what a loss returned.

    Raises:
        UserError: GC502, where that is no loss with gradients.
    """
    several = isinstance(returned, (tuple, list)) and len(returned) > 1
    loss, gradients = said.part(returned) if several else (None, None)
    if loss is None:
        got = "None" if returned is None else "no pair `(loss, dx)`"
        raise place.error(f"`{name}` returned {got}", line=line, mend=mend)
    return loss, gradients


def is_loss(function: Any) -> bool:
    """Whether a function returns a loss and gradients of its own arguments, by its name and return statement."""
    return returned_by(function) is not None


def returned_by(function: Any) -> Returned | None:
    """What the return statement of a loss says; None for a function that is none."""
    node = syntax.definition(function)
    arguments = [parameter.name for parameter in signatures.parameters(function)]
    if not arguments:
        return None
    name = getattr(syntax.plain_function(function), "__name__", "")
    if (said := loss_return.returned(node)) is not None and _has_loss_first(said, name, arguments):
        return said
    said = loss_return.loss_last(node)
    if said is None or _TRAINING.search(name) or not loss_return.is_by_hand(node):
        return None
    names = said.keys if said.is_grouped else said.gradients
    return said if loss_return.are_of_arguments(names, arguments) else None


def _has_loss_first(said: Returned, name: str, arguments: Sequence[str]) -> bool:
    if _NAMED.search(name):
        # `return margins.sum() / N, dx / N`: the name says enough, unless something else comes second
        return all(not item or _GRADIENTS.match(item) is not None for item in said.gradients)
    named = loss_return.are_of_arguments(said.keys if said.keys else said.gradients, arguments)
    grouped = said.is_grouped and said.gradients[0] != ""
    return bool(_LOSS_VALUE.search(said.loss or "-")) and (named or grouped)


def build(module: Module, name: str, find_function: Callable[[ModuleType], Any]) -> Layer:
    """The layer of a loss function."""
    function = find_function(module.namespace)
    parameters = signatures.parameters(function)
    node = syntax.definition(function)
    said = returned_by(function) or Returned("", ())
    gradients, keys = said.gradients, said.keys
    names = tuple(parameter.name for parameter in parameters)
    targets = {
        target: gradient
        for gradient in (*gradients, *keys)
        if gradient and (target := naming.gradient_target(gradient, names)) is not None and gradient not in names
    }
    documentation = roles.documentation(function)
    arguments = roles.forward_arguments(
        parameters, node, "\n".join(documentation), with_gradient=targets, gradient_names=targets
    )
    chosen = _chosen(arguments, gradients, targets, node)
    arguments = tuple(
        item if item.role is not Role.INPUT or item.name in chosen else replace(item, differentiated=False)
        for item in arguments
    )
    resolved = len(targets) == len(gradients) and set(targets.values()) == set(gradients)
    layout = Layout(tuple(chosen), names, gradients if resolved else (), by_name=resolved)
    place, line = Place.of(module), syntax.line_of(function)
    label = getattr(syntax.plain_function(function), "__name__", name)

    def bind(namespace: ModuleType) -> BoundLayer:
        return Loss(find_function(namespace), label, parameters, said, layout, place, line)

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


def _chosen(
    arguments: Sequence[Argument],
    gradients: Sequence[str],
    targets: Mapping[str, str],
    node: syntax.FunctionNode | None,
) -> list[str]:
    """The arguments that the loss gives a gradient for, in their order.

    By the gradients' names where each has one; by string keys for a dictionary of gradients; else by position,
    predictions before labels.
    """
    inputs = [item.name for item in arguments if item.role is Role.INPUT]
    if targets and len(targets) >= len(gradients):
        return [name for name in inputs if name in targets]
    trees = _pytrees(node, inputs)
    if len(gradients) == 1 and trees:
        return [name for name in inputs if name in trees]
    labels = roles.label_like(arguments, loss=True)
    first = [name for name in inputs if name not in labels] + [name for name in inputs if name in labels]
    taken = set(first[: len(gradients)])
    return [name for name in inputs if name in taken]


def _pytrees(node: syntax.FunctionNode | None, inputs: Sequence[str]) -> set[str]:
    """Arguments that the body reads by string keys: `model["W1"]`."""
    found = set()
    for item in ast.walk(node) if node is not None else ():
        match item:
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str())) if name in inputs:
                found.add(name)
            case _:
                pass
    return found
