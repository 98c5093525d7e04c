"""`softmax_loss(x, y) -> loss, dx`: a loss that returns its own gradients."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from gradcheck_cli.layers.conventions import naming, roles, signatures, syntax
from gradcheck_cli.layers.conventions.gradients import Layout, read
from gradcheck_cli.layers.conventions.plain import PlainFunctions
from gradcheck_cli.layers.jax_use import refers_to_jax
from gradcheck_cli.layers.layer import Argument, BackwardResult, BoundLayer, Convention, ForwardResult, Layer, Role
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.users_code import Place, run

_LOSS_VALUE = re.compile(r"loss|cost|nll|objective|energy|^(L|J|l|E|err|error|value|obj|out|total)$", re.I)
_NAMED = re.compile(r"loss|cost|criterion|objective|entropy|nll|likelihood|mse|hinge|svm|bce", re.I)
_GRADIENTS = re.compile(r"^(d\w*|grads?\w*|gradients?\w*|\w+_grads?|g[a-zA-Z]?)$")


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
            return BackwardResult(
                {},
                stub=f"`{self.name}` returned None as its gradient: it is a stub",
                mend=f"write the gradient, and `return {', '.join(self._wanted(differentiable))}`",
            )
        return read(kept.gradients, self.layout, differentiable, kept.arguments)

    def _wanted(self, names: Iterable[str]) -> list[str]:
        return ["loss", *(self.layout.named(name) or f"d{name}" for name in names)]


def is_loss(function: Any) -> bool:
    """Whether a function returns a loss and gradients of its own arguments, by its name and return statement."""
    node = syntax.definition(function)
    names = _returned(node)
    arguments = [parameter.name for parameter in signatures.parameters(function)]
    if len(names) < 2 or not arguments:
        return False
    if _NAMED.search(getattr(syntax.plain_function(function), "__name__", "")):
        # `return margins.sum() / N, dx / N`: the name says enough, unless something else comes second
        return all(not name or _GRADIENTS.match(name) is not None for name in names[1:])
    named = [naming.gradient_target(name, arguments) is not None and name not in arguments for name in names[1:]]
    grouped = len(names) == 2 and re.fullmatch(r"grads?|gradients?", names[1]) is not None
    return bool(_LOSS_VALUE.search(names[0] or "-")) and (all(named) or grouped)


def _returned(node: syntax.FunctionNode | None) -> tuple[str, ...]:
    """Names of the loss and its gradients in the return statement: `dx` for `dx / N`; "" where none stands out."""
    for value in reversed(syntax.returns(node)):
        if isinstance(value, ast.Tuple) and len(value.elts) > 1:
            first, *rest = value.elts
            if not any(isinstance(item, (ast.Tuple, ast.List, ast.Constant, ast.Starred)) for item in rest):
                return (syntax.name_of(first), *(_gradient_name(item) for item in rest))
    return ()


def _gradient_name(node: ast.expr) -> str:
    plain = syntax.name_of(node)
    if plain:
        return plain
    names = {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
    found = [
        name for name in names if re.match(r"d[A-Za-z_]|grad|gradient", name) and name not in {"diff", "data", "delta"}
    ]
    return found[0] if len(found) == 1 else ""


def build(module: Module, name: str, find_function: Callable[[ModuleType], Any]) -> Layer:
    """The layer of a loss function."""
    function = find_function(module.namespace)
    parameters = signatures.parameters(function)
    node = syntax.definition(function)
    gradients = _returned(node)[1:]
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
