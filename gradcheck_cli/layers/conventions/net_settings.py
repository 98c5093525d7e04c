"""A net's settings as it is checked: small, in double precision, and with every term of its loss switched on."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck_cli.layers.conventions import naming
from gradcheck_cli.layers.conventions.constructor import SMALL_WIDTHS, constructor_role
from gradcheck_cli.layers.conventions.signatures import Parameter
from gradcheck_cli.layers.layer import Role

_PENALTY = re.compile(r"(?:l2_?)?reg(?:ulari[sz]ation)?(?:_\w+)?|lam|lambda?_?\w*|weight_decay|l2(?:_\w+)?")
"""The strength of a regularisation term."""

_LARGE = 12
"""A width above this is not taken from a default: small arrays show the same mistakes, faster and readably."""

_COUNT = re.compile(r"iter|epoch|step|batch|print|log|max|min|seed|patience", re.I)
"""Large numbers that make no array large."""

_SMALL_IMAGE = 8


def checked(parameters: tuple[Parameter, ...], init: ast.AST | None, owner: ast.AST) -> tuple[Parameter, ...]:
    """The constructor's parameters, with other defaults where the net would be large or a term of its loss zero.

    One that has lost its default gets a size, or a usual value.
    """
    return tuple(_penalised(_small(item, init, owner)) for item in parameters)


def called(parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """The loss's parameters: labels are given, whatever stands for none, and the penalty is not zero."""
    none = {item.name for item in parameters if item.has_default and item.default is None and is_label(item.name)}
    return tuple(_penalised(_without_default(item) if item.name in none else item) for item in parameters)


def is_label(name: str) -> bool:
    """Whether a net's loss calls the right answers so: `y`, `y_batch`, `captions`."""
    return naming.is_label(re.sub(r"_(batch|train|dev)$", "", name)) or name == "captions"


def _penalised(parameter: Parameter) -> Parameter:
    """Without the default of a regularisation that is off, or too weak to be seen."""
    weak = isinstance(parameter.default, (int, float)) and 0 <= parameter.default < 1e-2
    return _without_default(parameter) if weak and _PENALTY.fullmatch(parameter.name) else parameter


def _small(parameter: Parameter, init: ast.AST | None, owner: ast.AST) -> Parameter:
    default: Any = parameter.default
    if is_single(parameter):
        return replace(parameter, default="float64")
    if type(default) is int and default > _LARGE and not _COUNT.search(parameter.name):
        free = _without_default(parameter)
        return free if constructor_role(free, init, owner, "") is Role.SIZE else parameter
    if isinstance(default, (tuple, list)) and any(type(size) is int and size > _LARGE for size in default):
        if isinstance(default, list):
            return replace(parameter, default=[*SMALL_WIDTHS, 6, 7, 3][: len(default)])
        return replace(parameter, default=tuple(min(size, _SMALL_IMAGE) for size in default))
    return parameter


def is_single(parameter: Parameter) -> bool:
    """`dtype=np.float32`, `data_type="float32"`."""
    default = parameter.default
    return "type" in parameter.name and getattr(default, "__name__", str(default)) == "float32"


def double(parameter: Parameter) -> Parameter:
    """The same in double precision: single shows the same mistakes, and its own rounding besides."""
    return replace(parameter, default=np.float64 if isinstance(parameter.default, type) else "float64")


def _without_default(parameter: Parameter) -> Parameter:
    return replace(parameter, has_default=False, default=None)
