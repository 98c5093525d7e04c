"""Functions of one array that the derivatives of usual layers are made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.graph.jacobians.seen import Array, Named, Seen


@dataclass(frozen=True)
class Factor:
    """An array that may be in an element's formula.

    Attributes:
        template: `I[{} > 0]`: how it reads for the array, or an element of it, in the braces; `{@y}` is the same
            element of another array.
        named: that array.
        values: of the function, in the array's shape.
    """

    template: str
    named: Named
    values: Array

    def text(self, name: str) -> str:
        """With this name, that of the array and an index, in the braces."""
        index = name.removeprefix(self.named.name)
        return re.sub(r"\{@(.*?)\}", lambda other: other[1] + index, self.template).replace("{}", name)

    @property
    def is_plain(self) -> bool:
        """The array itself, no function of it."""
        return self.template == "{}"


def _sigmoid(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


_OF_ARGUMENT: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("I[{} > 0]", lambda a: a > 0),
    ("I[{} < 0]", lambda a: a < 0),
    ("sign({})", np.sign),
)
_OF_OUTPUT: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("{}", lambda z: z),
    ("(1 - {}²)", lambda z: 1 - z**2),
    ("{} (1 - {})", lambda z: z * (1 - z)),
    ("1/{}", lambda z: 1 / z),
    ("{}²", lambda z: z**2),
    ("I[{} > 0]", lambda z: z > 0),
)
_OF_ANY: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("{}", lambda a: a),
    ("1/{}", lambda a: 1 / a),
    ("{}²", lambda a: a**2),
    ("{}³", lambda a: a**3),
    ("1/{}²", lambda a: 1 / a**2),
    ("cos({})", np.cos),
    ("sin({})", np.sin),
    ("exp({})", np.exp),
    ("exp(-{})", lambda a: np.exp(-a)),
    ("{} exp(-{}²)", lambda a: a * np.exp(-(a**2))),
    ("log({})", np.log),
    ("√{}", np.sqrt),
    ("tanh({})", np.tanh),
    ("σ({})", _sigmoid),
    ("σ({}) (1 - σ({}))", lambda a: _sigmoid(a) * (1 - _sigmoid(a))),
    ("(1 - tanh({})²)", lambda a: 1 - np.tanh(a) ** 2),
    ("σ({}) (1 + {} (1 - σ({})))", lambda a: _sigmoid(a) * (1 + a * (1 - _sigmoid(a)))),
    ("1/(1 + {}²)", lambda a: 1 / (1 + a**2)),
    ("1/(1 + |{}|)²", lambda a: 1 / (1 + np.abs(a)) ** 2),
    ("max({}, 0)", lambda a: np.maximum(a, 0)),
    ("I[{} > 0]", lambda a: a > 0),
    ("(1 - {})", lambda a: 1 - a),
)


_MOST_COMPARED = 6


def factors(seen: Seen) -> tuple[Factor, ...]:
    """From the plainest to the most far-fetched, each of finite values."""
    if "factors" not in seen.known:
        seen.known["factors"] = tuple(_factors(seen))
    found: tuple[Factor, ...] = seen.known["factors"]
    return found


def _factors(seen: Seen) -> Iterator[Factor]:
    for named in seen.arrays:
        if named.name != seen.argument.name:
            yield from _of(named, _OF_ANY[:1])
    yield from _of(seen.argument, _OF_ARGUMENT)
    yield from _of(seen.output, _OF_OUTPUT)
    for named in seen.arrays:
        yield from _of(named, _OF_ANY)
    yield from _differences(seen)


def _differences(seen: Seen) -> Iterator[Factor]:
    """`x - y`, of which a squared error is made."""
    own = [named for named in seen.arrays if named.name != seen.output.name][:_MOST_COMPARED]
    for position, first in enumerate(own):
        for second in own[position + 1 :]:
            if first.shape == second.shape and first.name != second.name and "}" not in second.name:
                yield Factor(f"({{}} - {{@{second.name}}})", first, first.value - second.value)


def gates(seen: Seen) -> Iterator[Factor]:
    """Derivatives of the usual activations by what goes into them, told from what comes out."""
    for template, function in _OF_OUTPUT[1:3] + _OF_OUTPUT[-1:] + _OF_OUTPUT[:1]:
        yield from _of(seen.output, ((template, function),))


def _of(named: Named, functions: tuple[tuple[str, Callable[[Any], Any]], ...]) -> Iterator[Factor]:
    with np.errstate(all="ignore"):
        for template, function in functions:
            values = np.asarray(function(named.value), np.float64)
            if np.isfinite(values).all():
                yield Factor(template, named, values)
