"""How large the terms are that the values of a program are made of: what rounding inside it is relative to.

Beside each value goes the sum of the absolute values of its terms: sums and differences add theirs, products multiply
theirs, and a function that is not linear starts anew with the size of its result. With ε times it the error of any
code that computes the value with the same terms in some order is bounded to first order (Higham, Accuracy and Stability
of Numerical Algorithms, §3.3), while the value itself may cancel to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.witnesses.extended.arithmetic import Arithmetic
from gradcheck_cli.witnesses.extended.interpreter import CALLS, RULES, held, step
from gradcheck_cli.witnesses.extended.moving import MOVING
from gradcheck_cli.witnesses.extended.sums import SUMS

Array = NDArray[Any]
Pair = tuple[Any, Any]
"""A value and the size of its terms."""

_ADDED = frozenset({"add", "sub", "add_any"})
_KEPT = frozenset({"neg", "convert_element_type", "copy", "copy_p", "abs", "real", "imag", "conj", "reduce_precision"})


def magnitudes(jaxpr: Any, constants: Sequence[Any], arguments: Sequence[Any], arithmetic: Arithmetic) -> list[Pair]:
    """The outputs, each with the size of its terms.

    Raises:
        BeyondEvaluation: where a step cannot be done.
    """
    return _evaluated(jaxpr, [(value, np.abs(value)) for value in (*constants, *arguments)], arithmetic)


def _evaluated(jaxpr: Any, given: Sequence[Pair], arithmetic: Arithmetic) -> list[Pair]:
    known: dict[Any, Pair] = {}

    def read(variable: Any) -> Pair:
        if not hasattr(variable, "val"):
            return known[variable]
        value = held(variable.val, variable.aval, arithmetic)
        return value, np.abs(value)

    for variable, (value, size) in zip((*jaxpr.constvars, *jaxpr.invars), given):
        known[variable] = held(value, variable.aval, arithmetic), held(size, variable.aval, arithmetic)
    for equation in jaxpr.eqns:
        operands = [read(operand) for operand in equation.invars]
        for variable, (value, size) in zip(equation.outvars, _step(equation, operands, arithmetic)):
            known[variable] = held(value, variable.aval, arithmetic), size
    return [read(variable) for variable in jaxpr.outvars]


def _step(equation: Any, operands: Sequence[Pair], arithmetic: Arithmetic) -> list[Pair]:
    name = equation.primitive.name
    inner = next((equation.params[key] for key in CALLS if equation.params.get(key) is not None), None)
    if inner is not None and name not in RULES and name not in ("while", "scan", "cond"):
        constants = [(value, np.abs(value)) for value in getattr(inner, "consts", ())]
        return _evaluated(getattr(inner, "jaxpr", inner), [*constants, *operands], arithmetic)
    values = step(equation, [value for value, _ in operands], arithmetic)
    floating = [np.asarray(value).dtype.kind in "fc" for value, _ in operands]
    sizes = [size if is_float else value for (value, size), is_float in zip(operands, floating)]
    if name in _ADDED:
        found: Any = [sizes[0] + sizes[1]]
    elif name == "mul":
        found = [sizes[0] * sizes[1]]
    elif name == "div":
        found = [sizes[0] / np.abs(operands[1][0])]
    elif name in _KEPT:
        found = [sizes[0]]
    elif name == "select_n":
        found = step(equation, [operands[0][0], *sizes[1:]], arithmetic)
    elif name in SUMS or name in MOVING or name in ("gather", "scatter", "scatter-add", "scatter_add"):
        found = step(equation, sizes, arithmetic)
    else:
        found = [np.abs(value) for value in values]
    return list(zip(values, found))
