"""A class with `forward(x)` and `backward(dout)`: `Affine(W, b)`, `Linear(in_features, out_features)`, `ReLU()`.

Also the closure written as a class: a `forward` (or `__call__`) that returns `(out, backprop)`.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.conventions import naming, net_settings, roles, self_update_text, signatures, stored, syntax
from gradcheck_cli.layers.conventions.backward_call import Plan, all_upstream, plan, with_rate
from gradcheck_cli.layers.conventions.class_text import (
    class_node,
    given_parameters,
    is_upstream_by_another_name,
    left_out,
    said_of_updates,
    stored_name,
)
from gradcheck_cli.layers.conventions.closure import closure_plan, pull_back_of
from gradcheck_cli.layers.conventions.constructor import constructor_role, is_called, is_window, trial_value
from gradcheck_cli.layers.conventions.function_pair import describe_arguments
from gradcheck_cli.layers.conventions.instance import ClassLayer, Parameters
from gradcheck_cli.layers.conventions.labelled import takes_labels
from gradcheck_cli.layers.conventions.methods import closure_method, method, methods
from gradcheck_cli.layers.conventions.predictions import of_predictions
from gradcheck_cli.layers.conventions.starting import start
from gradcheck_cli.layers.jax_use import refers_to_jax
from gradcheck_cli.layers.layer import Argument, BoundLayer, Convention, Layer, Role
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.users_code import Place, run


def needs_settings(owner: type) -> bool:
    """Whether the constructor asks for a setting that has no default and that the field has no usual value for."""
    init, tree = syntax.definition(initializer(owner)), class_node(owner)
    return any(
        not item.has_default
        and constructor_role(item, init, tree, "") is Role.CONFIG
        and (is_called(item.name, init, tree) or not is_window(item.name))
        for item in _asked(owner)
    )


def build(module: Module, name: str, find_class: Callable[[ModuleType], Any]) -> Layer:
    """The layer of a class."""
    owner = find_class(module.namespace)
    closure = closure_method(owner)
    forward_name, backward_name = methods(owner) or (closure or "__call__", "")
    closed = not backward_name
    forward = method(owner, forward_name)
    forward_node = syntax.definition(forward)
    backward: Any = method(owner, backward_name) if backward_name else None
    backward_node = syntax.definition(backward) if backward is not None else pull_back_of(forward_node)
    parameters = signatures.parameters(forward, 1)
    how, gradients = _plan(parameters, forward_node, backward_node, backward)
    documentation = roles.documentation(forward, owner, vars(owner).get("__init__"), backward)
    inputs, layout = describe_arguments(
        parameters, forward_node, documentation, gradients, backward_node, backward, loss=naming.is_loss(name)
    )
    place = Place.of(module)
    asked = constructor_parameters(owner)
    taken = tuple(net_settings.double(item) if net_settings.is_single(item) else item for item in asked)
    constructed, owned, notes = constructor(owner, name, taken, documentation, place, backward_node)
    if single := [item.name for item in asked if net_settings.is_single(item)]:
        notes.append(f"`{single[0]}` is float64 in place of its default: double precision shows the same mistakes")
    owned = own_parameters(owned, parameters, {item.name for item in (*constructed, *inputs)})
    updates = self_update_text.plain_updates(backward_node)
    if updates is not None and not updates.is_kept:
        how = with_rate(how, updates.rate)
    notes += said_of_updates(backward_name, updates, constructed, owned)
    if first := left_out(owner, backward_node, inputs, [*given_parameters(constructed), *map(own_argument, owned)]):
        notes.append(
            f"`{backward_name}` returns None, as of a first layer: no gradient of `{'`, `'.join(first)}` checked"
        )
        inputs = tuple(replace(item, differentiated=False) if item.name in first else item for item in inputs)
    arguments = (*constructed, *(own_argument(item) for item in owned), *inputs)
    line = backward_node.lineno if backward_node is not None else syntax.line_of(backward)
    forward_line = syntax.line_of(forward)
    books = Parameters(
        constructor=taken,
        given=tuple(item.name for item in given_parameters(constructed)),
        owned=tuple(owned),
    )

    def bind(namespace: ModuleType) -> BoundLayer:
        return ClassLayer(
            find_class(namespace),
            name,
            forward_name,
            backward_name,
            parameters,
            how,
            layout,
            books,
            place,
            line,
            forward_line,
            updates,
        )

    return Layer(
        name=name,
        convention=Convention.CLOSURE if closed else Convention.CLASS,
        path=module.path,
        line=line,
        forward_line=forward_line,
        arguments=unique_arguments(arguments),
        bind=bind,
        docstrings=documentation,
        unit_upstream=how.unit,
        upstream_names=how.upstream,
        uses_jax=module.uses_jax and refers_to_jax(owner, module.project),
        notes=tuple(notes),
        aliases=tuple(f"{name}.{called}" for called in (backward_name, forward_name) if called),
        early_updates=() if updates is None else updates.early,
    )


def _plan(
    parameters: tuple[signatures.Parameter, ...],
    forward_node: syntax.FunctionNode | None,
    backward_node: syntax.FunctionNode | None,
    backward: Any,
) -> tuple[Plan, tuple[str, ...]]:
    names = tuple(parameter.name for parameter in parameters)
    if backward is None:
        how = closure_plan(backward_node)
    else:
        taken = signatures.parameters(backward, 1)
        first = next((item.name for item in taken if naming.is_upstream(item.name)), taken[0].name if taken else "")
        how = plan(
            taken,
            names,
            syntax.returned_names(forward_node),
            returned_count=syntax.returned_count(forward_node),
            has_cache=any(naming.is_cache(item.name) for item in taken),
            whole=bool(first) and signatures.is_unpacked(backward_node, first),
            labels=[item.name for item in taken if takes_labels(backward_node, item.name)],
        )
        how = of_predictions(how, names, forward_node, backward_node)
        needed = [[item.name for item in group if not item.has_default] for group in (parameters, taken)]
        if is_upstream_by_another_name(forward_node, backward_node, *needed):
            how = all_upstream(taken)
    return how, syntax.returned_names(backward_node)


def _has_constructor(owner: type) -> bool:
    return initializer(owner) is not object.__init__


def constructor_parameters(owner: type) -> tuple[signatures.Parameter, ...]:
    """What a class is made with; nothing where neither it nor a base has an `__init__`."""
    # `def __init__(self, size, *args): super().__init__(*args)`, for the sake of an interface
    return tuple(item for item in _asked(owner) if not item.variadic)


def _asked(owner: type) -> tuple[signatures.Parameter, ...]:
    return signatures.parameters(initializer(owner), 1) if _has_constructor(owner) else ()


def initializer(owner: type) -> Any:
    """The `__init__` of a class, its own or inherited."""
    return inspect.getattr_static(owner, "__init__")


def constructor(
    owner: type,
    name: str,
    parameters: tuple[signatures.Parameter, ...],
    documentation: tuple[str, ...],
    place: Place,
    backward: ast.AST | None,
    *,
    usual: bool = False,
) -> tuple[tuple[Argument, ...], list[stored.Owned], list[str]]:
    """The constructor's arguments, and the arrays that it makes by itself, seen on an instance built for a look.

    `usual`: settings without a default have values that everybody gives them, with which it ought to run.
    """
    if not _has_constructor(owner):
        return (), [], []
    init = syntax.definition(initializer(owner))
    tree = class_node(owner)
    text = "\n".join(documentation)
    updated, plain = self_update_text.updated(backward), self_update_text.plain_updates(backward)
    arguments = []
    for parameter in parameters:
        role = constructor_role(parameter, init, tree, text)
        gradient = stored_name(parameter.name, tree) if role is Role.PARAMETER else ""
        update = None if gradient or plain is None else plain.of.get(parameter.name)
        judged = bool(gradient) or update is not None or parameter.name not in updated
        argument = roles.argument(parameter, role, gradient or (update.called if update else ""), judged)
        arguments.append(replace(argument, is_updated=parameter.name in updated))
    notes: list[str] = []
    found: list[stored.Owned] = []
    if not any(item.role is Role.PARAMETER for item in arguments):
        found, notes = _look(owner, name, arguments, tree, place, backward)
        if not usual and any(item.role is Role.CONFIG and not item.has_default for item in arguments) and not found:
            notes = []  # a setting that nobody knows yet may be all that is wrong
    return tuple(arguments), found, notes


def _look(
    owner: type, name: str, arguments: list[Argument], tree: ast.AST, place: Place, backward: ast.AST | None
) -> tuple[list[stored.Owned], list[str]]:
    missing = [item.name for item in arguments if item.role is Role.CONFIG and not item.has_default]
    settings: dict[str, Any] = {name: trial_value(name) for name in missing}
    trouble = ""
    for size in (4, 2, 6, 1):
        values = settings | {item.name: size for item in arguments if item.role is Role.SIZE}
        try:
            instance = run(
                lambda **named: start(owner(**named)),
                [],
                values,
                what=name,
                place=place,
                line=syntax.line_of(initializer(owner)),
                inputs=values,
            )
        except UserError as error:
            trouble = error.message
            continue
        found = _held(instance, tree, backward)
        late = [] if found else stored.left_for_later(instance)
        made = f"`{'`, `'.join(late)}` are made in its forward: only the gradients of its inputs are checked"
        return found, [made] if late else []
    return [], [f"its own parameters are not known, for its constructor did not run: {trouble}"]


def _held(instance: Any, tree: ast.AST, backward: ast.AST | None) -> list[stored.Owned]:
    """The arrays with a gradient that an object holds, those of the layers that it is made of too."""
    found = stored.owned(instance, [tree], backward)
    seen = {id(stored.follow(instance, item.steps)) for item in found}
    for prefix, layer in stored.sub_layers(instance, lambda kind: methods(kind) is not None):
        names = methods(type(layer)) or ("", "")
        node = syntax.definition(method(type(layer), names[1]))
        for item in stored.owned(layer, [class_node(type(layer))], node):
            value = stored.follow(layer, item.steps)
            if id(value) not in seen:
                seen.add(id(value))
                found.append(stored.of_sub_layer(prefix, item))
    return found


def own_parameters(
    owned: list[stored.Owned], parameters: tuple[signatures.Parameter, ...], taken: set[str]
) -> list[stored.Owned]:
    """Without what is no parameter, and under names that nothing else in `taken` has."""
    # gradients that accumulate (`self.grad_w += ...`) begin at the constructor's zeros: they are not drawn
    buffers = {item.gradient for item in owned if item.differentiated and item.gradient}
    buffers |= {made for item in parameters for made in (item.name, *naming.gradient_names(item.name))}
    # `self.x = np.zeros(shape)`, and `self.grad_x`, where `forward(self, x)` puts its input and backward its gradient
    owned = [item for item in owned if item.depth or len(item.steps) > 1 or item.name not in buffers]
    # `Linear(..., bias=True)` beside `self.bias`
    return [replace(item, name=f"self.{item.name}") if item.name in taken else item for item in owned]


def parameters_of(instance: Any, parameters: tuple[signatures.Parameter, ...]) -> list[stored.Owned]:
    """The parameters that an object of a layer class has now; `parameters` are its forward's own arguments."""
    owner = type(instance)
    names = methods(owner) or ("", "")
    backward = syntax.definition(method(owner, names[1])) if names[1] else None
    held = _held(instance, class_node(owner), backward)
    return own_parameters(held, parameters, {item.name for item in parameters})


def own_argument(item: stored.Owned) -> Argument:
    """The argument that stands for an array that an object holds."""
    return Argument(
        item.name,
        Role.OWN_PARAMETER,
        gradient_name=f"self.{item.gradient}" if item.gradient else item.update.called if item.update else "",
        differentiated=item.differentiated,
        is_updated=item.update is not None or not item.differentiated,
    )


def unique_arguments(arguments: tuple[Argument, ...]) -> tuple[Argument, ...]:
    """One argument a name: the constructor's, where the forward takes one of the same name."""
    return tuple({item.name: item for item in reversed(arguments)}.values())[::-1]
