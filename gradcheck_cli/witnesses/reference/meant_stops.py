"""Which `stop_gradient` of a trace spells a straight-through estimator: `x + stop_gradient(y - x)` and its relatives.

There the stopped `-x` takes the value of `x` back and leaves its derivative, which is what the author says that the
derivative is. Taken for the identity, such a `stop_gradient` would undo that. Any other may stand for a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_SUMS = {"add": 1.0, "add_any": 1.0, "sub": -1.0}
_SAME = ("convert_element_type", "copy", "copy_p")
_MOST_TERMS = 64
"""A sum of more is not taken apart: nobody writes an estimator with so many."""


@dataclass(frozen=True)
class _Sum:
    """A value as a sum: coefficients by (variable, whether it is stopped), and the stops that were passed."""

    terms: Mapping[tuple[Any, bool], float] = field(default_factory=dict)
    stops: frozenset[int] = frozenset()

    def plus(self, other: _Sum, sign: float) -> _Sum:
        terms = dict(self.terms)
        for key, coefficient in other.terms.items():
            terms[key] = terms.get(key, 0.0) + sign * coefficient
        return _Sum(terms, self.stops | other.stops)

    def stopped(self, by: int) -> _Sum:
        terms: dict[tuple[Any, bool], float] = {}
        for (variable, _), coefficient in self.terms.items():
            terms[variable, True] = terms.get((variable, True), 0.0) + coefficient
        return _Sum(terms, self.stops | {by})

    @property
    def takes_a_value_back(self) -> bool:
        """Whether some variable is there with its derivative, and its value is taken away without."""
        return any(
            coefficient and not stopped and self.terms.get((variable, True), 0.0) == -coefficient
            for (variable, stopped), coefficient in self.terms.items()
        )


def meant_stops(jaxpr: Any) -> frozenset[int]:
    """The identities (`id`) of the `stop_gradient` equations that belong to such a sum; called programs included."""
    sums: dict[Any, _Sum] = {}
    found: frozenset[int] = frozenset()

    def read(operand: Any) -> _Sum:
        return _Sum() if hasattr(operand, "val") else sums.get(operand) or _Sum({(operand, False): 1.0})

    for equation in jaxpr.eqns:
        name = equation.primitive.name
        if name in _SUMS:
            made = read(equation.invars[0]).plus(read(equation.invars[1]), _SUMS[name])
        elif name == "neg":
            made = _Sum().plus(read(equation.invars[0]), -1.0)
        elif name in _SAME:
            made = read(equation.invars[0])
        elif name == "stop_gradient":
            made = read(equation.invars[0]).stopped(id(equation))
        else:
            for parameter in ("jaxpr", "call_jaxpr"):
                program = equation.params.get(parameter)
                found |= meant_stops(getattr(program, "jaxpr", program)) if program is not None else frozenset()
            continue
        if len(made.terms) <= _MOST_TERMS:
            sums[equation.outvars[0]] = made
            found |= made.stops if made.takes_a_value_back else frozenset()
    return found
