"""Layers declared with `layer(...)`: whatever convention they are written in, with what the declaration adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.conjugate import EXPECT, Conjugated
from gradcheck_cli.layers.conventions import (
    classes,
    closure,
    custom_derivative,
    derivative_rules,
    function_pair,
    loss,
    loss_method,
    methods,
    static_pair,
    syntax,
)
from gradcheck_cli.layers.conventions.pairing import Pair
from gradcheck_cli.layers.explicit import Declaration, declaration_of
from gradcheck_cli.layers.layer import Argument, BoundLayer, Convention, Layer, Role
from gradcheck_cli.layers.module import Module

Finder = Callable[[ModuleType], Any]


def build(module: Module, name: str, find_declared: Finder) -> Layer:
    """The layer of a declaration.

    Args:
        find_declared: finds, in a copy of the module, the declaration or the object that carries it.

    Raises:
        UserError: where the declaration names no backward and its target has none.
    """

    def declared(namespace: ModuleType) -> Declaration:
        found = declaration_of(find_declared(namespace))
        if found is None:
            raise LookupError(name)
        return found

    said = declared(module.namespace)
    base = _base(module, said, name, lambda namespace: declared(namespace).target, declared)
    return apply(base, said, module, name, declared)


def apply(
    base: Layer, said: Declaration, module: Module, name: str, declared: Callable[[ModuleType], Declaration]
) -> Layer:
    """A found layer, with what its declaration adds: inputs, reference, expectation, dtype, name."""
    inputs = said.inputs if isinstance(said.inputs, Mapping) else {}
    if not said.is_decorator and not isinstance(said.target, type):
        base = _in_this_file(base, said, module)
    _check_names(base, inputs, said, module)
    bind = base.bind
    if said.reference is not None:

        def with_reference(namespace: ModuleType) -> BoundLayer:
            return _Referenced(base.bind(namespace), base.arguments, declared(namespace).reference)

        bind = with_reference
    if said.expect == EXPECT:
        bind = conjugated(bind)
    return replace(
        base,
        name=name,
        convention=Convention.EXPLICIT,
        bind=bind,
        arguments=tuple(_declared_role(item, inputs) for item in base.arguments),
        declared_inputs=dict(inputs),
        make_inputs=said.inputs if callable(said.inputs) else None,
        expect=said.expect,
        has_reference=base.has_reference or said.reference is not None,
        dtype=said.dtype,
    )


def conjugated(bind: Callable[[ModuleType], BoundLayer]) -> Callable[[ModuleType], BoundLayer]:
    """The same, taking and giving the complex conjugates of JAX's cotangents."""
    return lambda namespace: Conjugated(bind(namespace))


def _in_this_file(base: Layer, said: Declaration, module: Module) -> Layer:
    """What a declaration only refers to may lie in another file; findings point into this one, at the declaration."""
    rule = derivative_rules.rule_of(said.target)
    forward = said.target if rule is None else derivative_rules.undecorated(rule)
    forward_line = syntax.line_in(module.path, forward)
    line = syntax.line_in(module.path, said.backward) if said.backward is not None else forward_line and base.line
    return replace(base, line=line or said.line, forward_line=forward_line or said.line)


class _Referenced:
    """A bound layer whose autodiff goes through the declared reference."""

    def __init__(self, inner: BoundLayer, arguments: Sequence[Argument], function: Any) -> None:
        self.inner = inner
        self.arguments = arguments
        self.function = function
        self.initial = inner.initial
        self.forward = inner.forward
        self.backward = inner.backward
        self.evaluate = inner.evaluate
        self.again = getattr(inner, "again", None)
        self.own = getattr(inner, "own", None)

    def reference(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """The outputs by the reference, called with the arguments that it names."""
        from gradcheck_cli.layers.conventions import signatures

        wanted = signatures.parameters(self.function)
        names = [item.name for item in self.arguments if item.role in (Role.INPUT, Role.CONFIG)]
        known = all(parameter.name in arguments or parameter.has_default for parameter in wanted)
        if known:
            positional, keywords = signatures.call_with(wanted, arguments)
        else:
            positional, keywords = [arguments[name] for name in names if name in arguments][: len(wanted)], {}
        place = getattr(self.inner, "place", None)
        if place is None:
            return _reference_outputs(self.function(*positional, **keywords), 1)
        from gradcheck_cli.layers.users_code import run

        name = getattr(self.function, "__name__", "reference")
        returned = run(
            self.function,
            positional,
            keywords,
            what=name,
            place=place,
            line=syntax.line_of(self.function),
            inputs=arguments,
        )
        how = getattr(self.inner, "how", None)
        count = how.outputs if how is not None else len(returned) if type(returned) is tuple else 1
        return _reference_outputs(returned, count)


def _base(module: Module, said: Declaration, name: str, target: Finder, declared: Finder) -> Layer:
    live = said.target
    if said.backward is not None:
        forward_name = getattr(syntax.plain_function(live), "__name__", name)
        backward_name = getattr(syntax.plain_function(said.backward), "__name__", "backward")
        pair = Pair(name, forward_name, backward_name)
        return function_pair.build(module, pair, target, lambda namespace: declared(namespace).backward)
    if derivative_rules.rule_of(live) is not None:
        return custom_derivative.build(module, name, target)
    if isinstance(live, type):
        if static_pair.is_static_pair(live):
            return static_pair.build(module, name, target)
        if methods.methods(live) is not None or methods.closure_method(live) is not None:
            return classes.build(module, name, target)
        if nets := loss_method.losses(live):
            built = loss_method.build(module, name, name, nets[0], target)
            if isinstance(built, Layer):
                return built
            raise UserError(built, code="GC502", path=module.path, line=said.line)
        raise _no_backward(module, said, name, f"add a `backward` method to `{name}`")
    if closure.pull_back_of(syntax.definition(live)) is not None:
        return closure.build(module, name, target)
    if loss.is_loss(live):
        return loss.build(module, name, target)
    raise _no_backward(module, said, name, f"write `layer(forward={name}, backward=...)`")


def _no_backward(module: Module, said: Declaration, name: str, mend: str) -> UserError:
    return UserError(
        f"the declared layer `{name}` has no backward", code="GC502", path=module.path, line=said.line, mend=mend
    )


def _check_names(base: Layer, inputs: Mapping[str, Any], said: Declaration, module: Module) -> None:
    names = [item.name for item in base.arguments]
    for name in inputs:
        if name not in names:
            raise UserError(
                f"`layer(inputs=...)` names `{name}`, but the arguments of `{base.name}` are "
                + ", ".join(f"`{item}`" for item in names),
                code="GC503",
                path=module.path,
                line=said.line,
                mend=f"name one of them in place of `{name}`",
                argument=name,
            )


def _declared_role(item: Argument, inputs: Mapping[str, Any]) -> Argument:
    """An argument whose shape is declared is no setting, whatever its name."""
    declared = inputs.get(item.name)
    shaped = isinstance(declared, (str, tuple)) or hasattr(declared, "shape")
    if item.role is Role.INPUT and item.has_default and inputs and item.name not in inputs:
        return replace(item, role=Role.CONFIG)  # the declaration says what varies; the rest keeps its default
    if item.role is Role.CONFIG and shaped and not (isinstance(declared, str) and not declared[:1].isupper()):
        return replace(item, role=Role.INPUT)
    return item


def _reference_outputs(returned: Any, count: int) -> tuple[Any, ...]:
    """What a reference returned, without a cache that it may return as the forward does."""
    if isinstance(returned, tuple) and len(returned) >= count and (count > 1 or len(returned) > 1):
        return tuple(returned[:count])
    return (returned,)
