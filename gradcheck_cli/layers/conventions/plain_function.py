"""Any function of a module as something that can be run and traced: it has no backward."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from gradcheck_cli.layers.conventions import roles, signatures, syntax
from gradcheck_cli.layers.conventions.plain import PlainFunctions
from gradcheck_cli.layers.jax_use import refers_to_jax
from gradcheck_cli.layers.layer import BackwardResult, BoundLayer, Convention, ForwardResult, Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.users_code import Place, run


@dataclass(frozen=True)
class PlainFunction(PlainFunctions):
    """A function in one copy of its module."""

    function: Any
    name: str
    parameters: tuple[signatures.Parameter, ...]
    place: Place
    line: int

    def forward(self, arguments: Mapping[str, Any]) -> ForwardResult:
        """Run the function; all that it returns is its outputs."""
        positional, keywords = signatures.call_with(self.parameters, arguments)
        returned = run(
            self.function, positional, keywords, what=self.name, place=self.place, line=self.line, inputs=arguments
        )
        return ForwardResult(returned if isinstance(returned, tuple) else (returned,), None)

    def backward(
        self, result: ForwardResult, cotangents: tuple[Any, ...], differentiable: tuple[str, ...]
    ) -> BackwardResult:
        """There is none."""
        del result, cotangents, differentiable
        return BackwardResult({})


def build(module: Module, name: str, find: Callable[[ModuleType], Any]) -> Layer:
    """The function `name` of a module."""
    function = find(module.namespace)
    parameters = signatures.parameters(function)
    documentation = roles.documentation(function)
    arguments = roles.forward_arguments(parameters, syntax.definition(function), "\n".join(documentation))
    place, line = Place.of(module), syntax.line_of(function)

    def bind(namespace: ModuleType) -> BoundLayer:
        return PlainFunction(find(namespace), name, parameters, place, line)

    return Layer(
        name=name,
        convention=Convention.FUNCTION,
        path=module.path,
        line=line,
        forward_line=line,
        arguments=tuple(arguments),
        bind=bind,
        docstrings=documentation,
        uses_jax=module.uses_jax and refers_to_jax(function, module.project),
    )
