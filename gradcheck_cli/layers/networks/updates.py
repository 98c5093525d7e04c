"""The function or object by which a module updates its parameters: which it is, and how it is called."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.conventions import syntax
from gradcheck_cli.layers.module import Module

USUAL = ("sgd", "sgd_momentum", "adam", "update")
"""Names that are found by themselves, the first one that the module has."""

_RATE = re.compile(r"^(?:lr|learning_?rate|eta|alpha|step_?size|rate)$")
_CONFIG = re.compile(r"^(?:config|cfg|conf|state|opt_state|optim_config)$")
_MANY = re.compile(r"^(?:params|parameters|weights|theta|thetas|model_params|ws)$")
_USUAL_RATE = "learning_rate"


class Form(StrEnum):
    """How an update is called."""

    CONFIG = "f(w, dw, config) -> w, config"
    RATE = "f(w, dw, lr) -> w"
    ALL = "f(params, grads, lr) -> params"
    OBJECT = "optimiser.step(params, grads)"


@dataclass(frozen=True)
class Update:
    """What the user wrote to make a step.

    Attributes:
        rates: what the configuration calls the learning rate; or the name of the argument that takes it.
        method: of an optimiser object, the name of its step; "" for a function.
        target: the function, class or object.
    """

    name: str
    form: Form
    line: int
    target: Any
    rates: tuple[str, ...] = ()
    method: str = ""


def find_update(module: Module, named: str | None) -> Update | None:
    """The update that `named` names in the module, or one of a usual name; None where there is none.

    Raises:
        UserError: where `named` is not there, or is called in no way that is known.
    """
    if named is None:
        return next((found for name in USUAL if (found := _read(name, vars(module.namespace).get(name)))), None)
    target: Any = module.namespace
    for part in named.split("."):
        target = getattr(target, part, None)
    if target is None:
        known = [name for name, value in vars(module.namespace).items() if _read(name, value) is not None]
        raise UserError(
            f"`{module.path.name}` has no update function `{named}`",
            path=module.path,
            line=1,
            mend=f"it has {', '.join(known)}" if known else "leave `--update` out: the plain rule is w - lr * dw",
        )
    found = _read(named, target)
    if found is None:
        raise UserError(
            f"`{named}` is no update that can be called",
            path=module.path,
            line=_line(target),
            mend="write it as " + ", or ".join(f"`{form}`" for form in Form),
        )
    return found


def _read(name: str, target: Any) -> Update | None:
    if target is None:
        return None
    for method in ("step", "update"):
        if not inspect.isroutine(target) and callable(found := getattr(target, method, None)):
            return _of_object(name, target, method, found)
    if not callable(target) or isinstance(target, type):
        return None
    parameters = _positional(target)
    if parameters is None or not 2 <= len(parameters) <= 4:
        return None
    third = parameters[2] if len(parameters) > 2 else ""
    if _CONFIG.match(third):
        return Update(name, Form.CONFIG, _line(target), target, _rates(target))
    if _RATE.match(third):
        form = Form.ALL if _MANY.match(parameters[0]) else Form.RATE
        return Update(name, form, _line(target), target, (third,))
    return None


def _of_object(name: str, target: Any, method: str, found: Callable[..., Any]) -> Update | None:
    taken = _positional(found)
    if taken is None or len([item for item in taken if item != "self"]) != 2:
        return None
    rates: tuple[str, ...] = ()
    if isinstance(target, type):
        given = [item for item in _positional(target) or () if _RATE.match(item)]
        rates = tuple(given[:1])
    else:
        rates = tuple(item for item in vars(target) if _RATE.match(item))[:1] if hasattr(target, "__dict__") else ()
    return Update(name, Form.OBJECT, _line(target), target, rates, method)


def _positional(function: Any) -> list[str] | None:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return [item.name for item in parameters if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)]


def _rates(function: Any) -> tuple[str, ...]:
    """What the function's text calls the learning rate in its configuration."""
    definition = syntax.definition(function)
    nodes = ast.walk(definition) if definition is not None else ()
    keys = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return tuple(dict.fromkeys(key for key in keys if _RATE.match(key))) or (_USUAL_RATE,)


def _line(target: Any) -> int:
    try:
        return inspect.getsourcelines(target if inspect.isroutine(target) or inspect.isclass(target) else type(target))[
            1
        ]
    except (OSError, TypeError):
        return 1
