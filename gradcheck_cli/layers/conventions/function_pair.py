"""`affine_forward(x, w, b) -> out, cache` beside `affine_backward(dout, cache) -> dx, dw, db`, however it is named."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from gradcheck_cli.layers.conventions import naming, roles, signatures, syntax
from gradcheck_cli.layers.conventions.backward_call import Kept, Plan, arguments_for, at_output, plan, split_returned
from gradcheck_cli.layers.conventions.gradients import Layout, read
from gradcheck_cli.layers.conventions.pairing import Pair
from gradcheck_cli.layers.conventions.plain import PlainFunctions
from gradcheck_cli.layers.jax_use import refers_to_jax
from gradcheck_cli.layers.layer import Argument, BackwardResult, BoundLayer, Convention, ForwardResult, Layer, Role
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.users_code import Place, run

Finder = Callable[[ModuleType], Any]
"""Looks a live object up in one copy of the user's module."""


@dataclass(frozen=True)
class FunctionPair(PlainFunctions):
    """A function pair in one copy of its module."""

    forward_function: Any
    backward_function: Any
    forward_name: str
    backward_name: str
    parameters: tuple[signatures.Parameter, ...]
    how: Plan
    layout: Layout
    place: Place
    line: int
    forward_line: int

    def forward(self, arguments: Mapping[str, Any]) -> ForwardResult:
        """Run the forward; see `BoundLayer`."""
        result = self._split(arguments)
        return replace(result, residuals=replace(result.residuals, arguments=arguments))

    def backward(
        self, result: ForwardResult, cotangents: tuple[Any, ...], differentiable: tuple[str, ...]
    ) -> BackwardResult:
        """Run the backward; see `BoundLayer`."""
        kept: Kept = result.residuals
        positional, keywords = arguments_for(
            self.how, kept, cotangents, backward=self.backward_name, place=self.place, line=self.line
        )
        upstream = dict(zip(self.how.upstream, cotangents))
        returned = run(
            self.backward_function,
            positional,
            keywords,
            what=self.backward_name,
            place=self.place,
            line=self.line,
            inputs={**upstream, **kept.arguments},
        )
        if returned is None and set(self.layout.inputs) & set(differentiable):
            return none_returned(self.backward_name, self.layout, differentiable)
        return read(returned, self.layout, differentiable, kept.arguments)

    def evaluate(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """The outputs only; see `BoundLayer`."""
        return self._split(arguments).outputs

    def _split(self, arguments: Mapping[str, Any]) -> ForwardResult:
        return split_returned(
            self._call(self.forward_function, self.forward_name, arguments),
            self.how,
            what=self.forward_name,
            backward=self.backward_name,
            place=self.place,
            line=self.forward_line,
        )

    def reference(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """The outputs by the forward; see `BoundLayer`."""
        return self.evaluate(arguments)

    def _call(self, function: Any, name: str, arguments: Mapping[str, Any]) -> Any:
        positional, keywords = signatures.call_with(self.parameters, arguments)
        return run(
            function,
            positional,
            keywords,
            what=name,
            place=self.place,
            line=self.forward_line,
            inputs=arguments,
        )


def none_returned(
    backward: str, layout: Layout, differentiable: Sequence[str], stored: Mapping[str, Any] | None = None
) -> BackwardResult:
    """What a backward gave that returned None: a stub, or one that lacks its `return`; `stored` came beside it."""
    wanted = ", ".join(layout.named(name) or f"d{name}" for name in layout.inputs if name in differentiable)
    return BackwardResult(
        dict(stored or {}),
        stub=f"`{backward}` returned None: it is a stub, or lacks its `return`",
        mend=f"write the backward, and `return {wanted}`",
    )


def build(
    module: Module,
    pair: Pair,
    find_forward: Finder,
    find_backward: Finder,
) -> Layer:
    """The layer of a pair, from its live functions."""
    forward, backward = find_forward(module.namespace), find_backward(module.namespace)
    parameters = signatures.parameters(forward)
    forward_node, backward_node = syntax.definition(forward), syntax.definition(backward)
    names = tuple(parameter.name for parameter in parameters)
    backward_parameters = signatures.parameters(backward)
    local = not set(naming.split_tokens(pair.backward.lower())) & {"backward", "bwd", "bprop", "backprop", "backwards"}
    returned = syntax.returned_names(forward_node)
    first = next((p.name for p in backward_parameters if naming.is_upstream(p.name)), "")
    how = plan(
        backward_parameters,
        names,
        returned,
        returned_count=syntax.returned_count(forward_node),
        local=local,
        whole=bool(first) and signatures.is_unpacked(backward_node, first),
    )
    documentation = roles.documentation(forward, backward)
    gradients = syntax.returned_names(backward_node)
    arguments, layout = describe_arguments(
        parameters, forward_node, documentation, gradients, backward_node, backward, loss=naming.is_loss(pair.forward)
    )
    place = Place.of(module)
    line, forward_line = syntax.line_of(backward), syntax.line_of(forward)

    def bind(namespace: ModuleType, how: Plan = how) -> BoundLayer:
        return FunctionPair(
            find_forward(namespace),
            find_backward(namespace),
            pair.forward,
            pair.backward,
            parameters,
            how,
            layout,
            place,
            line,
            forward_line,
        )

    otherwise = at_output(how)

    return Layer(
        name=pair.name,
        convention=Convention.FUNCTION_PAIR,
        path=module.path,
        line=line,
        forward_line=forward_line,
        arguments=arguments,
        bind=bind,
        docstrings=documentation,
        unit_upstream=how.unit,
        upstream_names=how.upstream,
        uses_jax=module.uses_jax and refers_to_jax(forward, module.project),
        notes=tuple(_notes(how, returned, pair)),
        aliases=(pair.backward, pair.forward),
        at_output=None if otherwise is None else lambda namespace: bind(namespace, otherwise),
    )


def describe_arguments(
    parameters: Sequence[signatures.Parameter],
    forward_node: syntax.FunctionNode | None,
    documentation: Sequence[str],
    gradients: tuple[str, ...],
    backward_node: syntax.FunctionNode | None,
    backward: Any,
    *,
    loss: bool,
) -> tuple[tuple[Argument, ...], Layout]:
    """A forward's arguments with roles and gradient names, and how to read what the backward returns."""
    names = tuple(parameter.name for parameter in parameters)
    own = {item.arg for item in ast.walk(backward_node.args) if isinstance(item, ast.arg)} if backward_node else set()
    gradients = tuple("" if name in own else name for name in gradients)  # `return dout` names no gradient
    named = {target: name for name in gradients if name and (target := naming.gradient_target(name, names)) is not None}
    for key in syntax.string_keys(backward_node, gradients[0]) if len(gradients) == 1 and gradients[0] else ():
        if (target := naming.gradient_target(key, names)) is not None:
            named.setdefault(target, key)
    arguments = roles.forward_arguments(
        parameters,
        forward_node,
        "\n".join(documentation),
        with_gradient={name for name, gradient in named.items() if gradient != name},
        gradient_names=named,
    )
    arguments = tuple(without_labels(arguments, gradients, set(named), loss))
    layout = Layout(tuple(item.name for item in arguments if item.role is Role.INPUT), names, gradients)
    targets = layout.targets
    in_order = [target for target in targets if target is not None]
    swapped = len(in_order) == len(targets) and sorted(in_order, key=names.index) != in_order
    by_name = swapped and naming.in_gradient_order(gradients, syntax.docstring(backward))
    layout = replace(layout, by_name=by_name)
    return tuple(
        replace(item, gradient_name=layout.named(item.name) or item.gradient_name) for item in arguments
    ), layout


def without_labels(
    arguments: Sequence[Argument], gradients: tuple[str, ...], named: set[str], loss: bool
) -> list[Argument]:
    """Labels for which the backward returns nothing are no variables of the layer, whatever their dtype."""
    inputs = [item for item in arguments if item.role is Role.INPUT]
    if not gradients or len(gradients) >= len(inputs):
        return list(arguments)
    labels = set(roles.label_like(arguments, loss)) - named
    return [replace(item, differentiated=False) if item.name in labels else item for item in arguments]


def _notes(how: Plan, returned: Sequence[str], pair: Pair) -> list[str]:
    notes = []
    if not how.upstream:
        notes.append(f"`{pair.backward}` takes no upstream gradient: it is checked against an upstream of ones")
    if how.caches and len(returned) > how.outputs + 1 and how.caches == 1:
        extra = ", ".join(f"`{name}`" for name in returned[how.outputs : -1] if name)
        if extra:
            notes.append(f"`{pair.backward}` takes no upstream gradient for {extra}: taken as no output of the layer")
    return notes
