"""Layers made by hand from a source text, for tests of the input stage that need no discovery."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import Case, Specification
from gradcheck_cli.layers.inputs.sampling import draw
from gradcheck_cli.layers.inputs.specification import specify
from gradcheck_cli.layers.layer import Argument, BackwardResult, Convention, ForwardResult, Layer, Role
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.options import InputOptions

CONFIGURATION = ("conv_param", "pool_param", "bn_param", "gn_param", "dropout_param", "ln_param", "eps", "stride")


@dataclass(frozen=True)
class Pair:
    """`forward(*arguments) -> out, cache` and `backward(dout, cache) -> gradients`, bound."""

    forward_function: Any
    backward_function: Any
    differentiable: tuple[str, ...]

    def initial(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return {}

    def forward(self, arguments: Mapping[str, Any]) -> ForwardResult:
        try:
            result = self.forward_function(**arguments)
        except Exception as error:
            raise UserError(f"raised {type(error).__name__}: {error}", code="GC502") from error
        if self.backward_function is None:
            return ForwardResult((result,), None)
        out, cache = result
        return ForwardResult((out,), cache)

    def backward(self, result: ForwardResult, cotangents: Any, differentiable: tuple[str, ...]) -> BackwardResult:
        returned = self.backward_function(*cotangents, result.residuals)
        returned = returned if isinstance(returned, tuple) else (returned,)
        return BackwardResult(dict(zip(differentiable, returned)), len(returned), len(differentiable))

    def evaluate(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        return self.forward(arguments).outputs

    reference = evaluate


def make(source: str, name: str, **changes: Any) -> tuple[Layer, Module, Pair]:
    """The layer `name` (`<name>_forward`, and `<name>_backward` where it is there) in a module with this source."""
    source = textwrap.dedent(source)
    namespace = ModuleType("mylayer")
    exec(compile("import numpy as np\n" + source, "mylayer.py", "exec"), namespace.__dict__)
    forward = getattr(namespace, f"{name}_forward")
    backward = getattr(namespace, f"{name}_backward", None)
    arguments = tuple(
        Argument(
            parameter.name,
            Role.CONFIG if parameter.name in CONFIGURATION else Role.INPUT,
            parameter.default is not parameter.empty,
            None if parameter.default is parameter.empty else parameter.default,
            None if parameter.annotation is parameter.empty else parameter.annotation,
        )
        for parameter in inspect.signature(forward).parameters.values()
    )
    line = forward.__code__.co_firstlineno
    documents = tuple(inspect.getdoc(part) or "" for part in (forward, backward) if part is not None)
    path = Path("/nowhere/mylayer.py")
    pair = Pair(forward, backward, ())
    layer = Layer(name, Convention.FUNCTION_PAIR, path, line, line, arguments, lambda _: pair, documents)
    module = Module(path, "mylayer", namespace, "import numpy as np\n" + source, path.parent, False)
    return replace(layer, **changes), module, pair


def specified(source: str, name: str, **options: Any) -> Specification:
    """What `specify` makes of a layer in `source`."""
    layer, module, pair = make(source, name)
    return specify(layer, module, pair, InputOptions(**options))


def drawn(source: str, name: str, index: int = 0, **options: Any) -> Case:
    """Draw `index` of a layer in `source`."""
    layer, module, pair = make(source, name)
    chosen = InputOptions(**options)
    return draw(layer, specify(layer, module, pair, chosen), pair, chosen, index)
