"""Equinox's `filter_custom_vjp` and `filter_custom_jvp`, in the form of the rules of JAX that they stand for.

They are recognised by what they look like: Equinox need not be installed. Only the first argument of a
`filter_custom_vjp` is differentiated; where its function takes it apart, `q, k, v = qkv`, each part is an argument.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gradcheck_cli.layers.conventions import signatures, syntax


@dataclass(frozen=True)
class FilteredVJP:
    """A `filter_custom_vjp` as a `custom_vjp`; its functions take every argument by position, the parts first.

    Attributes:
        origin: Equinox's object.
        parameters: of `fun`, `fwd`.
        undifferentiated: names of the arguments beside the first.
    """

    origin: Any
    fun: Callable[..., Any]
    fwd: Callable[..., Any] | None
    bwd: Callable[..., Any] | None
    parameters: tuple[signatures.Parameter, ...]
    undifferentiated: frozenset[str]

    def defvjp(self) -> None:
        """What JAX's own rules are known by."""


@dataclass(frozen=True)
class FilteredJVP:
    """A `filter_custom_jvp` as a `custom_jvp`: what is passed by name is not differentiated."""

    origin: Any
    fun: Callable[..., Any]
    jvp: Callable[..., Any] | None
    parameters: tuple[signatures.Parameter, ...]
    nondiff_argnums: tuple[int, ...]

    def __call__(self, *flat: Any) -> Any:
        """Call Equinox's object."""
        positional, keywords = _by_kind(self.parameters, flat)
        return self.origin(*positional, **keywords)

    def defjvp(self) -> None:
        """What JAX's own rules are known by."""


def in_jax_form(value: Any) -> FilteredVJP | FilteredJVP | None:
    """The rule that an object of Equinox's is; None for any other value."""
    try:
        fields = {} if inspect.isclass(value) else dict(vars(value))
    except TypeError:
        return None
    if {"fn", "fn_fwd", "fn_bwd"} <= set(fields) and hasattr(type(value), "def_bwd"):
        return _vjp(value, fields["fn"], fields["fn_fwd"], fields["fn_bwd"])
    inner = fields.get("fn")
    if inner is not None and hasattr(type(value), "def_jvp") and hasattr(type(inner), "defjvp"):
        function = _closed_over(vars(inner).get("fun"), "fn")
        if function is not None:
            parameters = signatures.parameters(function)
            by_name = tuple(k for k, parameter in enumerate(parameters) if parameter.keyword_only)
            return FilteredJVP(value, function, _closed_over(vars(inner).get("jvp"), "fn_jvp"), parameters, by_name)
    return None


def _vjp(origin: Any, function: Any, forward: Any, backward: Any) -> FilteredVJP | None:
    own = signatures.parameters(function)
    if not own or own[0].variadic:
        return None
    parts = signatures.unpacked(syntax.definition(function), own[0].name)
    names = parts or (own[0].name,)
    first = [replace(own[0], name=name, annotation=None if parts else own[0].annotation) for name in names]
    parameters = (*first, *own[1:])

    def given(flat: Sequence[Any]) -> tuple[Any, list[Any], dict[str, Any]]:
        head = tuple(flat[: len(names)]) if parts else flat[0]
        return head, *_by_kind(own[1:], flat[len(names) :])

    @functools.wraps(function)
    def fun(*flat: Any) -> Any:
        head, positional, keywords = given(flat)
        return function(head, *positional, **keywords)

    @functools.wraps(forward or function)
    def fwd(*flat: Any) -> Any:
        head, positional, keywords = given(flat)
        returned = forward(_perturbed(head), head, *positional, **keywords)
        if not isinstance(returned, (tuple, list)) or len(returned) != 2:
            return returned
        return returned[0], (returned[1], flat)

    @functools.wraps(backward or function)
    def bwd(kept: Any, cotangent: Any) -> Any:
        residuals, flat = kept
        head, positional, keywords = given(flat)
        found = backward(residuals, cotangent, _perturbed(head), head, *positional, **keywords)
        if parts and not isinstance(found, (tuple, list)):
            return found
        return (*(found if parts else (found,)), *(None for _ in own[1:]))

    others = frozenset(parameter.name for parameter in own[1:])
    return FilteredVJP(origin, fun, fwd if forward else None, bwd if backward else None, parameters, others)


def _perturbed(head: Any) -> Any:
    import jax

    return jax.tree_util.tree_map(lambda _: True, head)


def _by_kind(parameters: Sequence[signatures.Parameter], flat: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
    """Values in the order of their parameters, as they are passed: by position, and by name."""
    together = list(zip(parameters, flat))
    positional = [value for parameter, value in together if not parameter.keyword_only]
    return positional, {parameter.name: value for parameter, value in together if parameter.keyword_only}


def _closed_over(function: Any, name: str) -> Any:
    """What a function that another made remembers under a name; None where it remembers nothing such."""
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None)
    if code is None or not cells or name not in code.co_freevars:
        return None
    return cells[code.co_freevars.index(name)].cell_contents
