"""A trace with each step done once: an unrolled loop reads the same window, and reshapes the same buffer, many times.

What a person waits for is the compiler, whose time grows with the steps. Nothing is rounded differently: only equal
steps on equal values become one, and reshapes of reshapes one reshape.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def shared(closed: Any) -> Any:
    """The same program as the `ClosedJaxpr` given, its inputs and outputs in their order, without repeated steps."""
    from jax.interpreters import partial_eval

    jaxpr = closed.jaxpr
    merging = _Merging()
    constants = [merging.constant(*pair) for pair in zip(jaxpr.constvars, closed.consts)]
    equations = [new for equation in jaxpr.eqns if (new := merging.step(equation)) is not None]
    outputs = [merging.now(variable) for variable in jaxpr.outvars]
    changed = jaxpr.replace(eqns=equations, outvars=outputs, debug_info=without_names(jaxpr))
    changed, _ = partial_eval.dce_jaxpr(changed, [True] * len(outputs), instantiate=True)
    values = dict(zip(jaxpr.constvars, constants))
    return closed.replace(jaxpr=changed, consts=[values[variable] for variable in changed.constvars])


def without_names(jaxpr: Any) -> Any:
    """The debug information of a program without the names of inputs and outputs, whose number may change."""
    forget = getattr(jaxpr.debug_info, "with_unknown_names", None)  # JAX before 0.7 does not compare the numbers
    return jaxpr.debug_info if forget is None else forget()


class _Merging:
    """Which variable now stands for another, and which step made it."""

    def __init__(self) -> None:
        self._stands: dict[Any, Any] = {}
        self._steps: dict[Any, list[Any]] = {}
        self._constants: dict[Any, Any] = {}
        self._reshaped: dict[Any, Any] = {}

    def now(self, variable: Any) -> Any:
        """The variable that stands for this one; literals stand for themselves."""
        return variable if hasattr(variable, "val") else self._stands.get(variable, variable)

    def constant(self, variable: Any, value: Any) -> Any:
        """The value; equal constants get one variable."""
        array = np.asarray(value)
        if array.dtype != object:
            self._stands[variable] = self._constants.setdefault(
                (array.shape, str(array.dtype), array.tobytes()), variable
            )
        return value

    def step(self, equation: Any) -> Any | None:
        """The equation on what now stands for its operands; None where one that is equal came before."""
        operands = [self.now(variable) for variable in equation.invars]
        if _is_plain_reshape(equation):
            operands = [self._reshaped.get(operands[0], operands[0])]
            if operands[0].aval.shape == equation.outvars[0].aval.shape:
                self._stands[equation.outvars[0]] = operands[0]
                return None
            self._reshaped[equation.outvars[0]] = operands[0]
        key = None if equation.effects else _key(equation, operands)
        if key is not None:
            earlier = self._steps.setdefault(key, equation.outvars)
            if earlier is not equation.outvars:
                self._stands.update(zip(equation.outvars, earlier))
                return None
        return equation.replace(invars=operands)


def _is_plain_reshape(equation: Any) -> bool:
    parameters = equation.params
    return (
        equation.primitive.name == "reshape"
        and len(equation.invars) == 1
        and not hasattr(equation.invars[0], "val")
        and parameters.get("dimensions") is None
        and parameters.get("sharding") is None
    )


def _key(equation: Any, operands: list[Any]) -> Any | None:
    """Equal for steps that do the same to the same values; None where that cannot be told."""
    named = tuple(
        ("literal", str(operand.aval), np.asarray(operand.val).tobytes()) if hasattr(operand, "val") else operand
        for operand in operands
    )
    results = tuple(str(variable.aval) for variable in equation.outvars)
    # JAX 0.6 moves constants to their device one list at a time (`device_put[devices=[None] srcs=[None] ...]`)
    parameters = {name: tuple(value) if isinstance(value, list) else value for name, value in equation.params.items()}
    key = (equation.primitive, tuple(sorted(parameters.items())), named, results)
    try:
        hash(key)
    except TypeError:
        return None
    return key
