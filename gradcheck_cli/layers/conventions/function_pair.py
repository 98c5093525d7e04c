"""`affine_forward(x, w, b) -> out, cache` beside `affine_backward(dout, cache) -> dx, dw, db`, however it is named."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from gradcheck_cli.layers import naming, roles, signatures, syntax
from gradcheck_cli.layers.backward_call import Kept, Plan, arguments_for, plan, split_returned
from gradcheck_cli.layers.gradients import Layout, read
from gradcheck_cli.layers.jax_use import refers_to_jax
from gradcheck_cli.layers.layer import Argument, BackwardResult, BoundLayer, Convention, ForwardResult, Layer, Role
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.users_code import Place, run

Finder = Callable[[ModuleType], Any]
"""Looks a live object up in one copy of the user's module."""


@dataclass(frozen=True)
class Pair:
    """Names of a forward and its backward, and the layer's own name."""

    name: str
    forward: str
    backward: str


@dataclass(frozen=True)
class FunctionPair:
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
    reference_function: Any = None

    def initial(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Functions own no parameters."""
        del arguments
        return {}

    def forward(self, arguments: Mapping[str, Any]) -> ForwardResult:
        """Run the forward; see `BoundLayer`."""
        returned = self._call(self.forward_function, self.forward_name, arguments)
        result = split_returned(
            returned,
            self.how,
            what=self.forward_name,
            backward=self.backward_name,
            place=self.place,
            line=self.forward_line,
        )
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
            raise none_returned(self.backward_name, self.layout, differentiable, self.place, self.line)
        return read(returned, self.layout, differentiable, kept.arguments)

    def evaluate(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """The outputs only; see `BoundLayer`."""
        return self.forward(arguments).outputs

    def reference(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """The outputs by the declared reference, else by the forward; see `BoundLayer`."""
        if self.reference_function is None:
            return self.evaluate(arguments)
        name = getattr(self.reference_function, "__name__", "reference")
        return reference_outputs(self._call(self.reference_function, name, arguments), self.how.outputs)

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


def reference_outputs(returned: Any, count: int) -> tuple[Any, ...]:
    """What a reference returned, without a cache that it may return as the forward does."""
    if isinstance(returned, tuple) and len(returned) >= count and (count > 1 or len(returned) > 1):
        return tuple(returned[:count])
    return (returned,)


def none_returned(backward: str, layout: Layout, differentiable: Sequence[str], place: Place, line: int) -> Exception:
    """The error for a backward that returned None: a stub."""
    wanted = ", ".join(layout.named(name) or f"d{name}" for name in layout.inputs if name in differentiable)
    return place.error(
        f"`{backward}` returned None: it is a stub, or lacks its `return`",
        line=line,
        mend=f"write the backward, and `return {wanted}`",
    )


def find(functions: Sequence[str], claimed: Iterable[str]) -> tuple[list[Pair], list[str]]:
    """Pairs among the module's own function names, in the order of their backwards, and notes on half ones."""
    taken = set(claimed)
    names = [name for name in functions if name not in taken and not name.startswith("test_")]
    forwards: dict[tuple[str, ...], str] = {}
    pairs: list[Pair] = []
    for name in names:
        for direction, before, after in naming.directions(name):
            if direction == "forward":
                forwards.setdefault((*before, "*", *after), name)
    used: set[str] = set()
    notes: list[str] = []
    for name in names:
        readings = [(before, after) for direction, before, after in naming.directions(name) if direction == "backward"]
        for before, after in readings:
            found = _forward_for(before, after, forwards, names, name)
            if found is not None and found != name and (name, found) not in {(p.backward, p.forward) for p in pairs}:
                pairs.append(Pair("_".join((*before, *after)) or "forward", found, name))
                used.update((found, name))
                break
        else:
            if readings and any(word in name.lower() for word in ("backward", "bprop", "_bwd")):
                stem = "_".join((*readings[0][0], *readings[0][1]))
                notes.append(
                    f"`{name}` has no forward beside it: write `{stem}_forward`" if stem else f"`{name}` stands alone"
                )
    notes.extend(
        f"`{name}` has no backward beside it, so there is nothing to check"
        for name in forwards.values()
        if name not in used
    )
    return pairs, notes


def _forward_for(
    before: tuple[str, ...],
    after: tuple[str, ...],
    forwards: Mapping[tuple[str, ...], str],
    names: Sequence[str],
    backward: str,
) -> str | None:
    """The forward of a backward: the same name, else without its last words (`_alt`), else the bare function."""
    exact = forwards.get((*before, "*", *after))
    if exact is not None:
        return exact
    bare = {"_".join(naming.split_tokens(name)): name for name in reversed(names) if name != backward}
    joined = "_".join((*before, *after))
    if joined in bare and not any(d == "backward" and (b or a) for d, b, a in naming.directions(bare[joined])):
        return bare[joined]
    if not before:
        return None
    for length in range(len(after) - 1, -1, -1):
        shorter = forwards.get((*before, "*", *after[:length])) or bare.get("_".join((*before, *after[:length])))
        if shorter is not None:
            return shorter
    variants = [name for key, name in forwards.items() if key[: len(before) + 1] == (*before, "*")]
    return variants[0] if len(variants) == 1 else None


def build(
    module: Module,
    pair: Pair,
    find_forward: Finder,
    find_backward: Finder,
    *,
    find_reference: Finder | None = None,
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

    def bind(namespace: ModuleType) -> BoundLayer:
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
            find_reference(namespace) if find_reference else None,
        )

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
