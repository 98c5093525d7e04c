"""A net whose `loss(X, y)` returns the loss and the gradients of its own parameters: `return loss, grads`.

Also one whose `gradient(x, t)` returns those of its `loss(x, t)`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import replace
from types import FunctionType, ModuleType
from typing import Any

from gradcheck_cli.layers.case import ArgumentShape
from gradcheck_cli.layers.conventions import (
    class_text,
    classes,
    loss_return,
    naming,
    net_settings,
    roles,
    signatures,
    syntax,
)
from gradcheck_cli.layers.conventions.backward_call import Plan
from gradcheck_cli.layers.conventions.gradients import Layout
from gradcheck_cli.layers.conventions.instance import Parameters
from gradcheck_cli.layers.conventions.labelled import Labelled
from gradcheck_cli.layers.conventions.loss import returned_by
from gradcheck_cli.layers.conventions.loss_instance import LossMethod
from gradcheck_cli.layers.conventions.loss_return import Returned
from gradcheck_cli.layers.conventions.methods import method as find_method
from gradcheck_cli.layers.jax_use import refers_to_jax
from gradcheck_cli.layers.layer import Argument, BoundLayer, Convention, Layer, Role
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.users_code import Place

_METHOD = re.compile(r"loss|cost|objective|propagate|forward_?(and_?)?backward|grads?\b|gradients?\b", re.I)
_OTHER = re.compile(r"numeric|check|train|fit|history|plot|update|step|descent|optimi[sz]e|^__", re.I)
_LOSS = re.compile(r"_?(compute_|calc_|get_)?(loss|cost)(_function|_fn)?")
_GRADIENTS_ONLY = re.compile(r"_?(compute_|calc_|get_)?(grads?|gradients?)")
_GRADIENT = re.compile(r"\w*grads?|\w*gradients?|grads?_\w+")
_UNIT = Plan((), (), 0, unit=True)


def losses(owner: type) -> list[tuple[str, str]]:
    """The methods of a class that give a loss and gradients of what the class holds, by their text.

    Each with "", where it returns both, or with the method that returns the gradients.
    """
    every = {name: find_method(owner, name) for base in owner.__mro__ for name in vars(base)}
    own = {name: item for name, item in every.items() if isinstance(item, FunctionType) and not _OTHER.search(name)}
    both = [(name, "") for name in own if _METHOD.search(name) and _said(own[name]) is not None]
    if both:
        return both
    gradient = next((name for name in own if _is_gradient_method(name, own[name])), "")
    takes = _names(own.get(gradient))
    loss = next((name for name in own if _LOSS.fullmatch(name) and takes and _names(own[name]) == takes), "")
    return [(loss, gradient)] if loss and syntax.returned_count(syntax.definition(own[loss])) != 2 else []


def _is_gradient_method(name: str, method: Any) -> bool:
    node = syntax.definition(method)
    returned = syntax.returned_names(node)
    if node is None or not _GRADIENTS_ONLY.fullmatch(name) or len(returned) != 1:
        return False
    grouped = re.fullmatch(r"grads|gradients", returned[0]) or syntax.string_keys(node, returned[0])
    return bool(grouped) and loss_return.is_by_hand(node)


def _names(method: Any) -> tuple[str, ...]:
    return tuple(item.name for item in signatures.parameters(method, 1)) if method is not None else ()


def _said(method: Any) -> Returned | None:
    node = syntax.definition(method)
    match syntax.returns(node)[-1:]:
        case [ast.Call(func=ast.Name(id=called), args=[ast.Attribute(value=ast.Name(id="self")), *_])]:
            # `return svm_loss(self.W, X, y, reg)`
            return returned_by(method.__globals__.get(called))
    if not loss_return.is_by_hand(node):
        return None
    for said in (loss_return.returned(node), loss_return.loss_last(node)):
        if said is not None and said.gradients and all(map(_is_gradient, said.gradients)):
            return said
        if said is not None and said.is_grouped:
            return said
    return None


def _is_gradient(name: str) -> bool:
    return bool(_GRADIENT.fullmatch(name)) or (len(name) > 1 and name[0] == "d" and naming.begins_like_gradient(name))


def build(
    module: Module,
    title: str,
    name: str,
    method_names: tuple[str, str],
    find_class: Callable[[ModuleType], Any],
    net: Labelled | None = None,
) -> Layer | str:
    """The layer of a net; a sentence where nothing that it holds can be checked.

    Args:
        title: what the layer is called.
        name: the class's own name.
        method_names: as `losses` gives them.
        net: where it is three methods, of which those are the last two.
    """
    owner = find_class(module.namespace)
    method_name, gradient_name = method_names
    method, backward = find_method(owner, method_name), find_method(owner, gradient_name or method_name)
    node = syntax.definition(backward)
    both = _said(method) if not gradient_name else None
    said = both or _only_gradients(node)
    forward = find_method(owner, net.forward) if net else None
    documentation = roles.documentation(forward, method, owner, vars(owner).get("__init__"), backward)
    place, line, forward_line = Place.of(module), syntax.line_of(backward), syntax.line_of(method)
    parameters = net_settings.called(net.parameters(owner) if net else signatures.parameters(method, 1))
    taken = classes.constructor_parameters(owner)
    init = syntax.definition(classes.initializer(owner))
    settings = net_settings.checked(taken, init, class_text.class_node(owner))
    constructed, owned, notes = classes.constructor(owner, name, settings, documentation, place, node, usual=True)
    inputs = _inputs(parameters, node, documentation, said)
    owned = classes.own_parameters(owned, parameters, {item.name for item in (*constructed, *inputs)})
    judged = tuple(item.name for item in inputs if item.role is Role.INPUT and item.differentiated)
    layout = Layout(judged, (), said.gradients if len(said.gradients) > 1 else ())
    given = tuple(item.name for item in constructed if item.role is Role.PARAMETER)
    # `__init__(self, W=None)`
    left_open = {item.name for item in constructed if item.has_default and item.default is None}
    taken_names = {item.name for item in owned} | {item.name for item in constructed}
    late = _late(node, said, taken_names - left_open)
    constructed = tuple(item for item in constructed if item.name not in late)
    if not (late or owned or given or judged):
        why = notes[0] if notes else "it holds no arrays after it is made"
        return f"`{name}.{gradient_name or method_name}` returns gradients, but nothing to check them by: {why}"
    books = Parameters(taken, (*given, *late), tuple(owned))
    smaller = [f"{new.name} = {new.default!r}" for old, new in zip(taken, settings) if _differs(old, new)]
    if smaller:
        notes.append(f"{', '.join(smaller)} in place of the default: a small net in double precision shows the same")
    own = [classes.own_argument(item) for item in owned]
    own += [Argument(item, Role.OWN_PARAMETER, has_default=True) for item in late]
    own = [replace(item, gradient_name=_gradient_name(item.name, said)) for item in own]
    passed_over = [item.name for item in inputs if item.role is Role.INPUT and not item.differentiated]
    data = [item for item in passed_over if not net_settings.is_label(item)]
    if data:
        called = f"`{gradient_name or method_name}` returns no gradient for `{'`, `'.join(data)}`"
        notes.append(f"{called}: only those it returns are checked")

    def bind(namespace: ModuleType) -> BoundLayer:
        return LossMethod(
            find_class(namespace),
            name,
            method_name,
            gradient_name,
            parameters,
            _UNIT,
            layout,
            books,
            place,
            line,
            forward_line,
            said=both,
            late=late,
            net=net,
        )

    return Layer(
        name=title,
        convention=Convention.LOSS,
        path=module.path,
        line=line,
        forward_line=forward_line,
        arguments=classes.unique_arguments((*constructed, *own, *inputs)),
        bind=bind,
        docstrings=documentation,
        declared_inputs=_images(constructed, inputs) | _numbers(late, class_text.class_node(owner)),
        unit_upstream=True,
        uses_jax=module.uses_jax and refers_to_jax(owner, module.project),
        notes=tuple(notes),
        aliases=tuple(f"{name}.{called}" for called in (gradient_name, method_name) if called),
    )


def _late(node: ast.AST | None, said: Returned, known: set[str]) -> tuple[str, ...]:
    """Parameters that the constructor leaves to the first batch: `self.W`, where `dW` is returned."""
    read = (
        {syntax.name_of_attribute(item) for item in ast.walk(node) if isinstance(item, ast.Attribute)} if node else ()
    )
    wanted = (naming.gradient_target(name, sorted(read)) for name in (*said.keys, *said.gradients) if name not in read)
    return tuple(dict.fromkeys(name for name in wanted if name and name not in known))


def _numbers(late: tuple[str, ...], tree: ast.AST) -> dict[str, ArgumentShape]:
    """Those that the class begins with a plain number: `self.b = 0.0`."""
    begun = syntax.attributes_set(tree)
    plain = [name for name in late if isinstance(value := begun.get(name), ast.Constant) and value.value is not None]
    return dict.fromkeys(plain, ArgumentShape((), "float", "constructor"))


def _only_gradients(node: syntax.FunctionNode | None) -> Returned:
    names = syntax.returned_names(node)
    return Returned("", names, syntax.string_keys(node, names[0]) if names else ())


def _differs(old: signatures.Parameter, new: signatures.Parameter) -> bool:
    return new.has_default and new.default is not old.default


def _inputs(
    parameters: tuple[signatures.Parameter, ...],
    node: syntax.FunctionNode | None,
    documentation: tuple[str, ...],
    said: Returned,
) -> tuple[Argument, ...]:
    """The loss's arguments; one whose gradient is not named in the return statement is not differentiated."""
    names = [item.name for item in parameters]
    targets = {
        target: gradient
        for gradient in (*said.gradients, *said.keys)
        if gradient not in names and (target := naming.gradient_target(gradient, names)) is not None
    }
    found = roles.forward_arguments(
        parameters, node, "\n".join(documentation), with_gradient=targets, gradient_names=targets
    )
    return tuple(replace(item, differentiated=item.name in targets) for item in found)


def _gradient_name(parameter: str, said: Returned) -> str:
    """`grads['W1']`, or `dW` where each gradient has a name."""
    if len(said.gradients) != 1 or naming.gradient_target(said.gradients[0], [parameter]) == parameter:
        return next((item for item in said.gradients if naming.gradient_target(item, [parameter]) == parameter), "")
    key = next((key for key in said.keys if naming.gradient_target(key, [parameter]) == parameter), parameter)
    return f"{said.gradients[0] or 'grads'}[{key!r}]"


def _images(constructed: tuple[Argument, ...], inputs: tuple[Argument, ...]) -> dict[str, ArgumentShape]:
    """The data of a net that is told the size of an image, `input_dim=(3, 32, 32)`: a batch of those."""
    sizes = [item.default for item in constructed if re.match(r"in(put)?_?(dims?|shape|size)", item.name)]
    data = [item.name for item in inputs if item.role is Role.INPUT and not net_settings.is_label(item.name)]
    if not data or not sizes or not isinstance(sizes[0], tuple) or not all(type(size) is int for size in sizes[0]):
        return {}
    return {data[0]: ArgumentShape(("N", *sizes[0]), "float", "constructor")}
