"""`forward(x, ...) -> out, backprop`: a forward that returns its own backward as a nested function."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from gradcheck_cli.layers.conventions import naming, roles, signatures, syntax
from gradcheck_cli.layers.conventions.backward_call import Kept, Plan, all_upstream, arguments_for, split_returned
from gradcheck_cli.layers.conventions.function_pair import describe_arguments, none_returned
from gradcheck_cli.layers.conventions.gradients import Layout, read
from gradcheck_cli.layers.conventions.instance import part_closure
from gradcheck_cli.layers.conventions.plain import PlainFunctions
from gradcheck_cli.layers.jax_use import refers_to_jax
from gradcheck_cli.layers.layer import BackwardResult, BoundLayer, Convention, ForwardResult, Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.users_code import Place, run

_PULL_BACK = re.compile(r"(?:^|_)back(?!$)|^back$|bprop|pull|vjp|bwd|grad|finish|update|^d[A-Z_]", re.I)


@dataclass(frozen=True)
class Closure(PlainFunctions):
    """A closure in one copy of its module."""

    function: Any
    name: str
    parameters: tuple[signatures.Parameter, ...]
    how: Plan
    layout: Layout
    place: Place
    line: int
    forward_line: int

    def forward(self, arguments: Mapping[str, Any]) -> ForwardResult:
        """Run the forward; the residual is the function that it returned last."""
        positional, keywords = signatures.call_with(self.parameters, arguments)
        returned = run(
            self.function,
            positional,
            keywords,
            what=self.name,
            place=self.place,
            line=self.forward_line,
            inputs=arguments,
        )
        outputs, pull_back = part_closure(returned, self.name, self.place, self.forward_line)
        result = split_returned(
            outputs, self.how, what=self.name, backward="backprop", place=self.place, line=self.forward_line
        )
        return replace(result, residuals=(pull_back, replace(result.residuals, arguments=arguments)))

    def backward(
        self, result: ForwardResult, cotangents: tuple[Any, ...], differentiable: tuple[str, ...]
    ) -> BackwardResult:
        """Run the function that the forward returned."""
        pull_back: Any = result.residuals[0]
        kept: Kept = result.residuals[1]
        what = f"{self.name}'s `{getattr(pull_back, '__name__', 'backprop')}`"
        positional, keywords = arguments_for(
            self.how, kept, cotangents, backward=what, place=self.place, line=self.line
        )
        returned = run(
            pull_back,
            positional,
            keywords,
            what=what.replace("`", ""),
            place=self.place,
            line=self.line,
            inputs={**dict(zip(self.how.upstream, cotangents)), **kept.arguments},
        )
        if returned is None and set(self.layout.inputs) & set(differentiable):
            return none_returned(what.replace("`", ""), self.layout, differentiable)
        return read(returned, self.layout, differentiable, kept.arguments)


def pull_back_of(node: syntax.FunctionNode | None) -> syntax.FunctionNode | None:
    """The nested function (or lambda) that a function returns last in a tuple; None where it does not."""
    if node is None or isinstance(node, ast.Lambda):
        return None
    nested: dict[str, syntax.FunctionNode] = {}
    for item in syntax.own_nodes(node):
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)):
            nested[item.name] = item
        elif isinstance(item, ast.Assign) and isinstance(item.value, ast.Lambda):
            nested.update({target.id: item.value for target in item.targets if isinstance(target, ast.Name)})
    for value in syntax.returns(node):
        if not isinstance(value, ast.Tuple) or len(value.elts) < 2:
            continue
        last = value.elts[-1]
        found = last if isinstance(last, ast.Lambda) else nested.get(last.id) if isinstance(last, ast.Name) else None
        if found is None:
            continue
        name = last.id if isinstance(last, ast.Name) else "backprop"
        first = next((item.arg for item in found.args.args), "")
        if _PULL_BACK.search(name) or naming.is_upstream(first):
            return found
    return None


def closure_plan(node: syntax.FunctionNode | None) -> Plan:
    """How to call a closure's `backprop`: every parameter without a default is an upstream gradient."""
    arguments = node.args if node is not None else None
    named = [item.arg for item in (*arguments.posonlyargs, *arguments.args)] if arguments is not None else ["dout"]
    required = len(named) - len(arguments.defaults) if arguments is not None else 1
    taken = tuple(signatures.Parameter(item, has_default=k >= max(1, required)) for k, item in enumerate(named))
    return all_upstream(taken)


def build(module: Module, name: str, find_function: Callable[[ModuleType], Any]) -> Layer:
    """The layer of a function that returns `(out, backprop)`."""
    function = find_function(module.namespace)
    node = syntax.definition(function)
    nested = pull_back_of(node)
    parameters = signatures.parameters(function)
    documentation = roles.documentation(function)
    how = closure_plan(nested)
    gradients = syntax.returned_names(nested)
    arguments, layout = describe_arguments(
        parameters, node, documentation, gradients, nested, None, loss=naming.is_loss(name)
    )
    place, forward_line = Place.of(module), syntax.line_of(function)
    line = nested.lineno if nested is not None else forward_line
    label = getattr(syntax.plain_function(function), "__name__", name)

    def bind(namespace: ModuleType) -> BoundLayer:
        return Closure(find_function(namespace), label, parameters, how, layout, place, line, forward_line)

    return Layer(
        name=name,
        convention=Convention.CLOSURE,
        path=module.path,
        line=line,
        forward_line=forward_line,
        arguments=arguments,
        bind=bind,
        docstrings=documentation,
        unit_upstream=how.unit,
        upstream_names=how.upstream,
        uses_jax=module.uses_jax and refers_to_jax(function, module.project),
        aliases=(label,),
    )
