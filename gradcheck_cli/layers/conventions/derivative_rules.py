"""What a `jax.custom_vjp` or `jax.custom_jvp` object consists of, recognised by what it looks like.

JAX's classes are not asked for by type: a newer form of `custom_vjp` is another class, with `f` for `fun` and
`static_argnums` for `nondiff_argnums`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import CodeType, ModuleType
from typing import Any

from gradcheck_cli.layers.conventions import signatures, syntax
from gradcheck_cli.layers.conventions.filtered_rules import in_jax_form


def rule_of(value: Any) -> Any | None:
    """The custom derivative that `value` is, or that it wraps (`jit`); None where there is none."""
    for _ in range(10):
        fields = fields_of(value)
        if is_vjp(value) or is_jvp(value):
            return value
        if (filtered := in_jax_form(value)) is not None:
            return filtered
        value = fields.get("__wrapped__") or _static(value, "__wrapped__")
        if value is None or inspect.isclass(value):
            return None
    return None


def is_vjp(value: Any) -> bool:
    """Whether a value is a `custom_vjp` object."""
    fields = fields_of(value)
    # `jit` copies these fields onto its own object: only the rule's class has `defvjp`
    return ("fun" in fields or "f" in fields) and hasattr(type(value), "defvjp")


def is_jvp(value: Any) -> bool:
    """Whether a value is a `custom_jvp` object."""
    fields = fields_of(value)
    return "fun" in fields and hasattr(type(value), "defjvp")


def undecorated(rule: Any) -> Any:
    """The function that the rule is for, as its author wrote it."""
    fields = fields_of(rule)
    return fields["fun"] if "fun" in fields else fields["f"]


def parameters_of(rule: Any) -> tuple[signatures.Parameter, ...]:
    """The parameters of the function that a rule is for."""
    own: tuple[signatures.Parameter, ...] | None = fields_of(rule).get("parameters")
    return signatures.parameters(undecorated(rule)) if own is None else own


def implementations(rule: Any) -> set[str]:
    """Names of the functions that implement a rule: they are no layers of their own."""
    parts = (part_of(rule, key) for key in ("fwd", "bwd", "jvp", "fun", "f"))
    return {function.__name__ for part in parts if (function := syntax.plain_function(part)) is not None}


def helpers(rule: Any) -> set[str]:
    """Names of the functions that the implementations of a rule call, directly or through each other."""
    found: set[str] = set()
    waiting = [syntax.plain_function(part_of(rule, key)) for key in ("fwd", "bwd", "jvp", "fun", "f")]
    while waiting:
        function = waiting.pop()
        if function is None:
            continue
        for name in _names_in(function.__code__):
            if name not in found and (other := syntax.plain_function(function.__globals__.get(name))) is not None:
                found.add(name)
                waiting.append(other if other.__module__ == function.__module__ else None)
    return found


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def fields_of(value: Any) -> dict[str, Any]:
    """A value's own attributes, never those of a function that it wraps."""
    # `custom_vjp` forwards unknown attributes to its function: only its own fields tell what it is
    try:
        return dict(vars(value)) if not inspect.isclass(value) and not isinstance(value, ModuleType) else {}
    except TypeError:
        return {}


def _static(value: Any, name: str) -> Any:
    try:
        return getattr(value, name) if inspect.getattr_static(value, name, None) is not None else None
    except Exception:
        return None


def part_of(rule: Any, name: str) -> Any:
    """A part of a rule, None where it has none; never an attribute of its function, to which JAX forwards."""
    return inspect.getattr_static(rule, name, None)


def settings_of(rule: Any) -> tuple[int, ...]:
    """Positions of the arguments that the rule does not differentiate."""
    fields = fields_of(rule)
    numbers = fields.get("nondiff_argnums", fields.get("static_argnums", ())) or ()
    return tuple(numbers) if isinstance(numbers, (tuple, list, set, frozenset)) else (int(numbers),)
