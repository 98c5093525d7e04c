"""`jax.custom_vjp` and `jax.custom_jvp` objects, jitted or not: their rules are called as they are written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import ModuleType
from typing import Any

from gradcheck_cli.layers.conventions import naming, roles, signatures, syntax
from gradcheck_cli.layers.conventions.custom_jvp import CustomJVP
from gradcheck_cli.layers.conventions.custom_rule import CustomRule, as_outputs, is_tuple
from gradcheck_cli.layers.conventions.derivative_rules import (
    fields_of,
    implementations,
    is_vjp,
    parameters_of,
    part_of,
    rule_of,
    settings_of,
    undecorated,
)
from gradcheck_cli.layers.conventions.gradients import Layout
from gradcheck_cli.layers.layer import Argument, BackwardResult, BoundLayer, Convention, ForwardResult, Layer, Role
from gradcheck_cli.layers.leaves import is_floating
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.users_code import Place


class CustomVJP(CustomRule):
    """A `custom_vjp`: its `fwd` and `bwd` are called as written, with none of JAX's own checks."""

    def forward(self, arguments: Mapping[str, Any]) -> ForwardResult:
        """Run the `fwd` rule; the residuals are its own."""
        fwd, bwd = self._rules()
        positional = self.in_order(arguments)
        if part_of(self.rule, "symbolic_zeros") or part_of(self.rule, "symz"):
            numbers = set(settings_of(self.rule))
            positional = [item if k in numbers else _with_perturbation(item) for k, item in enumerate(positional)]
        returned = self.call(fwd, self._called(fwd, "fwd"), positional, arguments)
        if not isinstance(returned, (tuple, list)) or len(returned) != 2:
            got = "None" if returned is None else f"{_count(returned)}"
            raise self.place.error(
                f"`{self._called(fwd, 'fwd')}`, the fwd rule of `{self.name}`, returned {got} in place of a pair",
                line=syntax.line_of(fwd, self.line),
                mend="`return out, residuals`",
            )
        return ForwardResult(as_outputs(returned[0]), (arguments, returned[1], is_tuple(returned[0]), bwd))

    def backward(
        self, result: ForwardResult, cotangents: tuple[Any, ...], differentiable: tuple[str, ...]
    ) -> BackwardResult:
        """Run the `bwd` rule: `bwd(*nondiff, residuals, cotangent)`."""
        del differentiable  # a rule has one cotangent an argument, whatever its dtype
        arguments, residuals, several, bwd = result.residuals
        cotangent = tuple(cotangents) if several else cotangents[0]
        numbers = set(settings_of(self.rule))
        settings = [item for k, item in enumerate(self.in_order(arguments)) if k in numbers]
        what = self._called(bwd, "bwd")
        returned = self.call(bwd, what, [*settings, residuals, cotangent], {**arguments, "cotangent": cotangent})
        if not isinstance(returned, (tuple, list)):
            wanted = ", ".join(f"d{name}" for name in self.inputs) + ("," if len(self.inputs) == 1 else "")
            mend = f"`return ({wanted})`: one cotangent for each differentiable argument"
            called = f"`{what}`, the bwd rule of `{self.name}`, returned"
            if returned is None:
                return BackwardResult({}, stub=f"{called} None: it is a stub, or lacks its `return`", mend=mend)
            raise self.place.error(
                f"{called} {'an array' if is_floating(returned) else type(returned).__name__} in place of a tuple",
                line=syntax.line_of(bwd, self.line),
                mend=mend,
            )
        items = list(returned)
        gradients = dict(zip(self.inputs, items))
        return BackwardResult(gradients, len(items), len(self.inputs), surplus=tuple(items[len(self.inputs) :]))

    def _rules(self) -> tuple[Any, Any]:
        fwd, bwd = part_of(self.rule, "fwd"), part_of(self.rule, "bwd")
        if not fwd or not bwd:
            raise self.place.error(
                f"`{self.name}` is a custom_vjp without rules",
                line=self.line,
                mend=f"add `{self.name}.defvjp({self.name}_fwd, {self.name}_bwd)`",
            )
        return fwd, bwd

    def _called(self, function: Any, kind: str) -> str:
        return getattr(syntax.plain_function(function), "__name__", f"{self.name} {kind}")


def _count(value: Any) -> str:
    return f"{len(value)} values" if isinstance(value, (tuple, list)) else "one value"


def _with_perturbation(value: Any) -> Any:
    """What `symbolic_zeros=True` hands to a fwd rule: each leaf with whether it is differentiated."""
    import jax
    from jax.custom_derivatives import CustomVJPPrimal

    from gradcheck_cli.layers.leaves import is_floating

    return jax.tree_util.tree_map(lambda leaf: CustomVJPPrimal(leaf, is_floating(leaf)), value)


def build(module: Module, name: str, find_object: Callable[[ModuleType], Any], line: int = 1) -> Layer:
    """The layer of a custom derivative; `line` is where the module names it, for a rule that is defined elsewhere."""
    live = find_object(module.namespace)
    rule = rule_of(live)
    function = undecorated(rule)
    parameters = parameters_of(rule)
    numbers = settings_of(rule)
    settings = tuple(parameter.name for k, parameter in enumerate(parameters) if k in numbers)
    kind = is_vjp(rule)
    backward = part_of(rule, "bwd" if kind else "jvp")
    documentation = roles.documentation(function, part_of(rule, "fwd"), backward)
    gradients = syntax.returned_names(syntax.definition(backward)) if kind else ()
    arguments = _arguments(parameters, settings, gradients, fields_of(rule).get("undifferentiated", frozenset()))
    settings = tuple(item.name for item in arguments if item.role is Role.CONFIG)
    inputs = tuple(p.name for k, p in enumerate(parameters) if k not in numbers)
    place = Place.of(module)
    forward_line = syntax.line_in(module.path, function) or line
    line = syntax.line_in(module.path, backward) or forward_line
    bound: type[CustomVJP] | type[CustomJVP] = CustomVJP if kind else CustomJVP

    def bind(namespace: ModuleType) -> BoundLayer:
        found = find_object(namespace)
        return bound(rule_of(found), found, name, parameters, settings, inputs, place, line)

    return Layer(
        name=name,
        convention=Convention.CUSTOM_VJP if kind else Convention.CUSTOM_JVP,
        path=module.path,
        line=line,
        forward_line=forward_line,
        arguments=arguments,
        bind=bind,
        docstrings=documentation,
        upstream_names=_cotangent_name(backward) if kind else (),
        uses_jax=True,
        aliases=tuple(sorted(implementations(rule) - {name})),
        has_reference=bool(kind),
    )


def _arguments(
    parameters: tuple[signatures.Parameter, ...],
    settings: tuple[str, ...],
    gradients: tuple[str, ...],
    undifferentiated: Collection[str] = (),
) -> tuple[Argument, ...]:
    names = [parameter.name for parameter in parameters if parameter.name not in settings]
    layout = Layout(tuple(names), tuple(names), gradients)
    found = []
    for parameter in parameters:
        plain = parameter.has_default and isinstance(parameter.default, (bool, str, int, type(None)))
        spoken = roles.annotated(parameter.annotation) == "setting" and not plain
        setting = parameter.name in settings or plain or (spoken and str(parameter.annotation) in _NOT_ARRAYS)
        role = Role.CONFIG if setting else Role.INPUT
        named = "" if setting else layout.named(parameter.name)
        found.append(roles.argument(parameter, role, named, differentiated=parameter.name not in undifferentiated))
    return tuple(found)


_NOT_ARRAYS = {"int", "bool", "str", "<class 'int'>", "<class 'bool'>", "<class 'str'>"}


def _cotangent_name(backward: Any) -> tuple[str, ...]:
    names = [parameter.name for parameter in signatures.parameters(backward)]
    return (names[-1],) if names and naming.is_upstream(names[-1]) else ()
