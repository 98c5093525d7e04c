"""A class with static `forward(ctx, *inputs)` and `backward(ctx, *cotangents)`; `ctx` carries what is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from gradcheck_cli.layers.conventions import naming, roles, signatures, syntax
from gradcheck_cli.layers.conventions.backward_call import Kept, Plan, all_upstream, arguments_for, split_returned
from gradcheck_cli.layers.conventions.context import Context
from gradcheck_cli.layers.conventions.function_pair import describe_arguments, none_returned
from gradcheck_cli.layers.conventions.gradients import Layout, read
from gradcheck_cli.layers.conventions.plain import PlainFunctions
from gradcheck_cli.layers.jax_use import refers_to_jax
from gradcheck_cli.layers.layer import BackwardResult, BoundLayer, Convention, ForwardResult, Layer
from gradcheck_cli.layers.leaves import is_floating, walk
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.users_code import Place, run

_CONTEXT = frozenset({"ctx", "context", "cache", "self", "c"})


@dataclass(frozen=True)
class StaticPair(PlainFunctions):
    """A static pair in one copy of its module."""

    owner: Any
    name: str
    parameters: tuple[signatures.Parameter, ...]
    how: Plan
    layout: Layout
    place: Place
    line: int
    forward_line: int

    def forward(self, arguments: Mapping[str, Any]) -> ForwardResult:
        """Run the forward on a new context, which is the residual."""
        needs = tuple(
            any(is_floating(leaf) for _, leaf in walk(arguments.get(parameter.name))) for parameter in self.parameters
        )
        context = Context(needs)
        positional, keywords = signatures.call_with(self.parameters, arguments)
        what = f"{self.name}.forward"
        returned = run(
            self.owner.forward,
            [context, *positional],
            keywords,
            what=what,
            place=self.place,
            line=self.forward_line,
            inputs=arguments,
        )
        how = self.how
        if len(how.roles) == 1 and how.roles[0].parameter.variadic and type(returned) is tuple:
            result = ForwardResult(returned, Kept({}, returned, ()))
        else:
            result = split_returned(
                returned, how, what=what, backward=f"{self.name}.backward", place=self.place, line=self.forward_line
            )
        return replace(result, residuals=(context, replace(result.residuals, arguments=arguments)))

    def backward(
        self, result: ForwardResult, cotangents: tuple[Any, ...], differentiable: tuple[str, ...]
    ) -> BackwardResult:
        """Run the backward on the forward's context."""
        context, kept = result.residuals
        what = f"{self.name}.backward"
        positional, keywords = arguments_for(
            self.how, kept, cotangents, backward=what, place=self.place, line=self.line
        )
        returned = run(
            self.owner.backward,
            [context, *positional],
            keywords,
            what=what,
            place=self.place,
            line=self.line,
            inputs={**dict(zip(self.how.upstream, cotangents)), **kept.arguments},
        )
        if returned is None and set(self.layout.inputs) & set(differentiable):
            return none_returned(what, self.layout, differentiable)
        return read(returned, self.layout, differentiable, kept.arguments)


def is_static_pair(owner: type) -> bool:
    """Whether a class has a forward and a backward that share a context and no instance."""
    forward, backward = _function(owner, "forward"), _function(owner, "backward")
    if forward is None or backward is None:
        return False
    first = [next(iter(signatures.parameters(function)), None) for function in (forward, backward)]
    if first[0] is None or first[1] is None:
        return False
    names = [parameter.name for parameter in first if parameter is not None]
    static = all(isinstance(_static(owner, name), (staticmethod, classmethod)) for name in ("forward", "backward"))
    return (static and names[0] == names[1] and names[0] in _CONTEXT) or names == ["ctx", "ctx"]


def is_plain_static(owner: type, forward: str, backward: str) -> bool:
    """Whether a class merely groups a function pair: static, without a context."""
    return all(isinstance(_static(owner, name), staticmethod) for name in (forward, backward))


def _static(owner: type, name: str) -> Any:
    for base in owner.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return None


def _function(owner: type, name: str) -> Any:
    found = _static(owner, name)
    if isinstance(found, (staticmethod, classmethod)):
        found = found.__func__
    return found if callable(found) else None


def build(module: Module, name: str, find_class: Callable[[ModuleType], Any]) -> Layer:
    """The layer of a static pair."""
    owner = find_class(module.namespace)
    forward, backward = _function(owner, "forward"), _function(owner, "backward")
    bound_to_class = isinstance(_static(owner, "forward"), classmethod)
    skip = 2 if bound_to_class else 1
    parameters = signatures.parameters(forward, skip)
    forward_node, backward_node = syntax.definition(forward), syntax.definition(backward)
    backward_parameters = signatures.parameters(backward, skip)
    how = all_upstream(backward_parameters)
    documentation = roles.documentation(forward, owner, backward)
    gradients = syntax.returned_names(backward_node)
    arguments, layout = describe_arguments(
        parameters, forward_node, documentation, gradients, backward_node, backward, loss=naming.is_loss(name)
    )
    place = Place.of(module)
    line, forward_line = syntax.line_of(backward), syntax.line_of(forward)

    def bind(namespace: ModuleType) -> BoundLayer:
        return StaticPair(find_class(namespace), name, parameters, how, layout, place, line, forward_line)

    return Layer(
        name=name,
        convention=Convention.STATIC_PAIR,
        path=module.path,
        line=line,
        forward_line=forward_line,
        arguments=arguments,
        bind=bind,
        docstrings=documentation,
        unit_upstream=how.unit,
        upstream_names=how.upstream,
        uses_jax=module.uses_jax and refers_to_jax(owner, module.project),
        aliases=(f"{name}.backward", f"{name}.forward"),
    )
