"""One step of training: the plain rule w - lr * dw, or the user's own update, on copies of what it is given."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.graph.training.parameters import Array, Values
from gradcheck_cli.layers.leaves import is_floating
from gradcheck_cli.layers.networks.updates import Form, Update
from gradcheck_cli.layers.precision import epsilon
from gradcheck_cli.layers.users_code import Place, run
from gradcheck_cli.witnesses.upstream import widened

ROUNDINGS = 16.0
"""A step that is off the plain one by no more of them is plain."""


class Rule(Protocol):
    """Makes steps, one after the other; may keep what it remembers between them."""

    def step(self, values: Values, gradients: Mapping[str, Array]) -> dict[str, Array]:
        """The parameters after one step."""


@dataclass(frozen=True)
class Plain:
    """w - lr * dw, in the parameter's own dtype."""

    rate: float

    def step(self, values: Values, gradients: Mapping[str, Array]) -> dict[str, Array]:
        """The parameters after one step."""
        with np.errstate(all="ignore"):
            return {
                name: np.asarray(widened(value) - self.rate * gradients[name]).astype(value.dtype)
                for name, value in values.items()
            }


@dataclass
class Users:
    """The user's own update; each run has one of its own, for it may remember.

    Attributes:
        update: how it is called.
        configurations: of each parameter, where it hands them on.
    """

    update: Update
    rate: float
    place: Place
    configurations: dict[str, Any] = field(default_factory=dict)
    _object: Any = None

    def step(self, values: Values, gradients: Mapping[str, Array]) -> dict[str, Array]:
        """The parameters after one step.

        Raises:
            UserError: where the user's code fails, or gives something that is no parameter.
        """
        own = {name: np.asarray(gradients[name]).astype(value.dtype) for name, value in values.items()}
        if self.update.form in (Form.ALL, Form.OBJECT):
            return self._all(values, own)
        return {name: self._one(name, value, own[name]) for name, value in values.items()}

    def _one(self, name: str, value: Array, gradient: Array) -> Array:
        given, handed = value.copy(), gradient.copy()
        if self.update.form is Form.RATE:
            returned = self._call(self.update.target, (given, handed, self.rate))
            return self._parameter(name, value, given if returned is None else returned)
        if name not in self.configurations:
            self.configurations[name] = dict.fromkeys(self.update.rates, self.rate)
        returned = self._call(self.update.target, (given, handed, self.configurations[name]))
        if not isinstance(returned, tuple) or len(returned) != 2:
            raise self._error(f"returned {_kind(returned)}", "return the new w, and the config")
        self.configurations[name] = returned[1]
        return self._parameter(name, value, returned[0])

    def _all(self, values: Values, gradients: Mapping[str, Array]) -> dict[str, Array]:
        given = {name: value.copy() for name, value in values.items()}
        handed = {name: gradient.copy() for name, gradient in gradients.items()}
        if self.update.form is Form.ALL:
            returned = self._call(self.update.target, (given, handed, self.rate))
        else:
            if self._object is None:
                self._object = self._optimiser()
            returned = self._call(getattr(self._object, self.update.method), (given, handed))
        found = returned if isinstance(returned, Mapping) else given
        return {name: self._parameter(name, value, found.get(name)) for name, value in values.items()}

    def _optimiser(self) -> Any:
        target, rates = self.update.target, self.update.rates
        if isinstance(target, type):
            return self._call(target, (), {rates[0]: self.rate} if rates else {})
        own = copy.deepcopy(target)
        if rates:
            setattr(own, rates[0], self.rate)
        return own

    def _call(self, function: Any, positional: tuple[Any, ...], keywords: Mapping[str, Any] | None = None) -> Any:
        return run(
            function,
            positional,
            keywords or {},
            what=self.update.name,
            place=self.place,
            line=self.update.line,
            inputs={},
        )

    def _parameter(self, name: str, before: Array, value: Any) -> Array:
        array = np.asarray(value) if value is not None else None
        if array is None or array.shape != before.shape or not is_floating(array):
            raise self._error(
                f"gave {_kind(value)} for `{name}`, which has the shape {before.shape}",
                "return the new w, of w's shape",
            )
        return np.array(array.astype(before.dtype))

    def _error(self, what: str, mend: str) -> UserError:
        return UserError(f"`{self.update.name}` {what}", path=self.place.path, line=self.update.line, mend=mend)


def _kind(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return f"{type(value).__name__}" + (f" of shape {tuple(shape)}" if isinstance(shape, tuple) else "")


@dataclass(frozen=True)
class Departure:
    """A step that is not the plain one.

    Attributes:
        step: which, counted from 1.
        factor: the step is this times the plain one; None where it is no multiple of it.
        error: the largest difference, relative to the plain step's largest element.
    """

    step: int
    parameter: str
    factor: float | None
    error: float


def departure(
    step: int, rate: float, before: Values, after: Values, gradients: Mapping[str, Array]
) -> Departure | None:
    """The first parameter whose step is not w - lr * dw; None where all are, but for rounding."""
    for name, value in before.items():
        wide, new = widened(value), widened(after[name])
        plain = -rate * np.asarray(gradients[name])
        allowed = (
            ROUNDINGS * epsilon(value.dtype) * (np.max(np.abs(wide), initial=0.0) + np.max(np.abs(plain), initial=0.0))
        )
        with np.errstate(all="ignore"):
            made = new - wide
            off = float(np.max(np.abs(made - plain), initial=0.0))
        if off <= allowed or not np.isfinite(off):
            continue
        size = float(np.max(np.abs(plain), initial=0.0))
        square = float(np.sum(plain * plain))
        factor = float(np.sum(made * plain)) / square if square else None
        if factor is not None and np.max(np.abs(made - factor * plain), initial=0.0) > allowed:
            factor = None
        return Departure(step, name, factor, off / size if size else off)
    return None
