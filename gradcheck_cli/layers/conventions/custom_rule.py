"""What `jax.custom_vjp` and `jax.custom_jvp` objects have in common: a function, its arguments in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gradcheck_cli.layers.conventions import signatures, syntax
from gradcheck_cli.layers.conventions.derivative_rules import undecorated
from gradcheck_cli.layers.conventions.plain import PlainFunctions
from gradcheck_cli.layers.users_code import Place, run


@dataclass(frozen=True)
class CustomRule(PlainFunctions):
    """A custom derivative in one copy of its module."""

    rule: Any
    whole: Any
    name: str
    parameters: tuple[signatures.Parameter, ...]
    settings: tuple[str, ...]
    inputs: tuple[str, ...]
    place: Place
    line: int

    def evaluate(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """The outputs of the undecorated function."""
        returned = self.call(undecorated(self.rule), self.name, self.in_order(arguments), arguments)
        return as_outputs(returned)

    def reference(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """The same: autodiff differentiates the undecorated function."""
        return self.evaluate(arguments)

    def in_order(self, arguments: Mapping[str, Any]) -> list[Any]:
        """Every argument by position, as JAX hands them to the rule."""
        found: list[Any] = []
        for parameter in self.parameters:
            if parameter.name in arguments:
                value = arguments[parameter.name]
                if parameter.name in self.inputs and parameter.name not in self.settings:
                    value = as_jax(value)  # JAX never hands a rule a NumPy array
                found.extend(value if parameter.variadic and isinstance(value, tuple) else (value,))
            elif parameter.has_default:
                found.append(parameter.default)
        return found

    def call(self, function: Any, what: str, positional: list[Any], inputs: Mapping[str, Any]) -> Any:
        """Call one of the user's functions; what it raises becomes a GC502 at its own line."""
        return run(
            function,
            positional,
            {},
            what=what,
            place=self.place,
            line=syntax.line_in(self.place.path, function) or self.line,
            inputs=inputs,
        )


def as_outputs(returned: Any) -> tuple[Any, ...]:
    """A tuple is several outputs; any other structure is one. Dicts are in JAX's order, as a call of the rule gives."""
    import jax

    returned = jax.tree_util.tree_map(lambda leaf: leaf, returned)
    return tuple(returned) if is_tuple(returned) else (returned,)


def is_tuple(value: Any) -> bool:
    """Whether a function returned several outputs."""
    return type(value) is tuple and len(value) > 0


def as_jax(value: Any) -> Any:
    """A pytree with JAX arrays for leaves: JAX never hands a rule a NumPy array."""
    import jax

    return jax.tree_util.tree_map(jax.numpy.asarray, value)
