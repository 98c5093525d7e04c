"""`layer(...)`: saying in so many words what a layer is, where its form does not. Imports nothing heavy."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

Target = TypeVar("Target")

ATTRIBUTE = "__gradcheck_layer__"
"""Where a decorated function or class keeps its declaration."""

REGISTER = "__gradcheck_layers__"
"""The global of a user's module that lists its `layer(forward=...)` calls, in order."""

EXPECTATIONS = ("straight-through", "custom", "conjugate")
"""What a layer may be expected to give in place of the derivative by JAX's convention: a straight-through gradient, or
a complex one's conjugate, which are checked for what they should be then, or any other, whose values are not."""


class LayerDeclarationError(TypeError):
    """A `layer(...)` call that cannot be meant: the rule, what was received, and the mend."""


@dataclass(frozen=True, eq=False)
class Declaration:
    """What a `layer(...)` call said.

    Attributes:
        target: the forward, the class, or the `custom_vjp` or `custom_jvp` object.
        backward: the backward function; None where the target has its own.
        inputs: by argument name, a text such as "N,D", a tuple of names and sizes, an array, or a nested dict or list
            of these; or a function `rng -> dict or tuple` of arguments; or None.
        reference: a plainly written forward for autodiff, None where the forward itself will do.
        line: of the call.
    """

    target: Any
    backward: Callable[..., Any] | None = None
    inputs: Mapping[str, Any] | Callable[..., Any] | None = None
    reference: Callable[..., Any] | None = None
    name: str = ""
    expect: str = ""
    dtype: str = ""
    line: int = 1
    is_decorator: bool = field(default=False)


@overload
def layer(target: Target, /, **told: Any) -> Target: ...
@overload
def layer(
    target: None = None,
    /,
    *,
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None = None,
    inputs: Mapping[str, Any] | Callable[..., Any] | None = None,
    reference: Callable[..., Any] | None = None,
    name: str = "",
    expect: str = "",
    dtype: str = "",
) -> Declaration: ...
@overload
def layer(
    target: None = None,
    /,
    *,
    backward: Callable[..., Any] | None = None,
    inputs: Mapping[str, Any] | Callable[..., Any] | None = None,
    reference: Callable[..., Any] | None = None,
    name: str = "",
    expect: str = "",
    dtype: str = "",
) -> Callable[[Target], Target]: ...
def layer(target: Any = None, /, **told: Any) -> Any:
    """Declare a layer. Three forms:

        affine = layer(forward=affine_forward, backward=affine_backward, inputs={"x": "N,D", "w": "D,M", "b": "M"})

        @layer(inputs={"x": "N,D"})
        def relu_forward(x): ...            # or a class, or a custom_vjp object; returned unchanged

        layer(jax.nn.relu, inputs={"x": "N"})

    Args:
        target: (by position) a `custom_vjp` or `custom_jvp` object, a class, or a forward.
        forward: the forward function, in place of `target`.
        backward: the backward function, where there is one beside the forward.
        inputs: by argument name: `"N,D"` or `("N", 3)` for an array of that shape, an array to use its shape and
            kind (an integer array for labels), nested dicts and lists of these; or a function `rng -> dict`.
        reference: a slow, plainly written forward that autodiff differentiates, for a forward that cannot be traced.
        name: what the report calls the layer; by default the variable's or the function's name.
        expect: what is deliberately not the derivative: `"straight-through"` (checked with the forward's steps as the
            identity), or `"custom"` (a gradient that is scaled, reversed, clipped: its values are not checked).
        dtype: numpy's name of the floating dtype to draw in.

    Returns:
        A declaration; used as a decorator, or on an object by position that can carry a note, the object itself.

    Raises:
        LayerDeclarationError: for a use that cannot be meant.
    """
    unknown = set(told) - {"forward", "backward", "inputs", "reference", "name", "expect", "dtype"}
    if unknown:
        raise LayerDeclarationError(
            f"`layer` takes forward, backward, inputs, reference, name, expect and dtype; received "
            f"`{sorted(unknown)[0]}=`; check its spelling"
        )
    forward = told.pop("forward", None)
    if target is not None and forward is not None:
        raise LayerDeclarationError(
            "`layer` takes one forward; received one by position and `forward=`; write `layer(forward=f, backward=b)`"
        )
    check_declaration(told)
    frame = sys._getframe(1)
    line = frame.f_lineno
    subject = target if target is not None else forward
    if subject is None and "backward" not in told and "inputs" not in told and not told:
        raise LayerDeclarationError(
            "`layer` needs a forward or inputs; received nothing; write `layer(forward=f, backward=b)` or "
            '`@layer(inputs={"x": "N,D"})`'
        )
    if subject is None:
        return _Decorator(told, line)
    if not callable(subject):
        raise LayerDeclarationError(
            f"`layer` takes a forward that can be called; received {_kind(subject)}; "
            "write `layer(forward=f, backward=b)`"
        )
    declaration = Declaration(subject, line=line, **told)
    frame.f_globals.setdefault(REGISTER, []).append(declaration)
    return declaration


class _Decorator:
    """What `layer(inputs=...)` without a forward returns: to be put above a function or a class."""

    def __init__(self, told: Mapping[str, Any], line: int) -> None:
        self.told = told
        self.line = line

    def __call__(self, target: Target) -> Target:
        if not callable(target):
            raise LayerDeclarationError(
                f"`@layer(...)` goes above a function or a class; received {_kind(target)}; "
                "write `layer(forward=f, backward=b)` to declare a layer without decorating"
            )
        declaration = Declaration(target, line=self.line, is_decorator=True, **self.told)
        try:
            setattr(target, ATTRIBUTE, declaration)
        except (AttributeError, TypeError):
            _globals_of(target).setdefault(REGISTER, []).append(declaration)
        return target


def declaration_of(value: Any) -> Declaration | None:
    """The declaration that a value is or carries; None where there is none. A subclass carries none of its base's."""
    if isinstance(value, Declaration):
        return value
    try:
        found = vars(value).get(ATTRIBUTE)
    except TypeError:
        found = None
    return found if isinstance(found, Declaration) else None


def _globals_of(target: Any) -> dict[str, Any]:
    function = inspect.unwrap(target) if callable(target) else target
    found = getattr(function, "__globals__", None)
    return found if isinstance(found, dict) else sys._getframe(2).f_globals


def check_declaration(told: Mapping[str, Any]) -> None:
    """Refuse what cannot be meant.

    Raises:
        LayerDeclarationError: states the rule, what was received, and the mend.
    """
    for key in ("backward", "reference"):
        value = told.get(key)
        if value is not None and not callable(value):
            raise LayerDeclarationError(
                f"`{key}=` takes a function; received {_kind(value)}; write `{key}=f` without calling it"
            )
    for key in ("name", "expect", "dtype"):
        value = told.get(key, "")
        if not isinstance(value, str):
            raise LayerDeclarationError(f'`{key}=` takes a text; received {_kind(value)}; write `{key}="..."`')
    if (expect := told.get("expect", "")) and expect not in EXPECTATIONS:
        choices = " or ".join(f'"{choice}"' for choice in EXPECTATIONS)
        raise LayerDeclarationError(f'`expect=` takes {choices}; received {expect!r}; write `expect="custom"`')
    inputs = told.get("inputs")
    if inputs is None or callable(inputs):
        return
    if not isinstance(inputs, Mapping):
        raise LayerDeclarationError(
            f"`inputs=` takes a dict by argument name, or a function of a random generator; received {_kind(inputs)}; "
            'write `inputs={"x": "N,D"}`'
        )
    for name, value in inputs.items():
        if not isinstance(name, str):
            raise LayerDeclarationError(
                f'`inputs=` names arguments by text; received the key {name!r}; write `inputs={{"{name}": ...}}`'
            )
        _check_shape(name, value)


def _check_shape(name: str, value: Any) -> None:
    if isinstance(value, str):
        parts = [part.strip() for part in value.strip("()[] ").split(",")]
        if not all(part.isidentifier() or part.isdigit() or part == "..." for part in parts if part):
            raise LayerDeclarationError(
                f"a shape is names and sizes with commas between; received {name}={value!r}; "
                'write `"N,D"` or `("N", 3)`'
            )
    elif isinstance(value, tuple) and all(isinstance(item, (int, str)) for item in value):
        for item in value:
            if isinstance(item, int) and item < 0:
                raise LayerDeclarationError(
                    f'a size is at least 0; received {name}={value!r}; name the dimension in place of {item}: `"N"`'
                )


def _kind(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) < 60 else text[:57] + '...'}"
