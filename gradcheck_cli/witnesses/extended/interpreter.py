"""A jaxpr evaluated step by step with NumPy, in the arithmetic that is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.witnesses.extended.arithmetic import Arithmetic, is_floating
from gradcheck_cli.witnesses.extended.elementwise import EXACT, PARAMETERS, ROUNDED
from gradcheck_cli.witnesses.extended.moving import MOVING
from gradcheck_cli.witnesses.extended.sums import CHOICES, PRODUCTS, SUMS
from gradcheck_cli.witnesses.extended.windows import WINDOWS

Array = NDArray[Any]

PASSED_ON = dict.fromkeys(("optimization_barrier", "device_put"), lambda *values, **_: values)
"""Those that give back all their operands: JAX 0.6 moves constants to their device in the program itself."""

RULES: Mapping[str, Any] = {**ROUNDED, **EXACT, **MOVING, **WINDOWS, **SUMS, **PRODUCTS, **CHOICES, **PASSED_ON}
ELEMENTWISE = frozenset({*ROUNDED, *EXACT})
NOISY = frozenset({*ROUNDED, *PRODUCTS, *SUMS})
CALLS = ("jaxpr", "call_jaxpr", "fun_jaxpr")
DOUBLE_EPSILON = 2.0**-52
LOOPS = 10_000
"""Steps of a `while` after which its evaluation is given up."""


@dataclass(frozen=True)
class Watched:
    """One step that was evaluated: its primitive's name, its value, and the equation."""

    step: str
    value: Any
    equation: Any


_watching: ContextVar[list[Watched] | None] = ContextVar("watching", default=None)


@contextmanager
def watched() -> Iterator[list[Watched]]:
    """Keep what every step evaluates to, those of inner programs too, in the list that this gives."""
    steps: list[Watched] = []
    token = _watching.set(steps)
    try:
        yield steps
    finally:
        _watching.reset(token)


class BeyondEvaluation(Exception):
    """A program that cannot be evaluated here: a step that NumPy does not have, on values that float64 cannot hold."""


def evaluate(jaxpr: Any, constants: Sequence[Any], arguments: Sequence[Any], arithmetic: Arithmetic) -> list[Array]:
    """The outputs of `jaxpr` (without its closure) at these arguments.

    Steps that NumPy does not have (`erf`, `cholesky`) are done by JAX in float64, with the accuracy of float64.

    Raises:
        BeyondEvaluation: where such a step meets values that float64 cannot hold, or a step cannot be done at all.
    """
    values: dict[Any, Any] = {}

    def read(variable: Any) -> Any:
        if hasattr(variable, "val"):
            return held(variable.val, variable.aval, arithmetic)
        return values[variable]

    for variable, value in zip((*jaxpr.constvars, *jaxpr.invars), (*constants, *arguments)):
        values[variable] = held(value, variable.aval, arithmetic)
    steps = _watching.get()
    for equation in jaxpr.eqns:
        found = step(equation, [read(operand) for operand in equation.invars], arithmetic)
        for variable, value in zip(equation.outvars, found):
            values[variable] = held(value, variable.aval, arithmetic)
            if steps is not None and equation.primitive.name in RULES:
                steps.append(Watched(equation.primitive.name, values[variable], equation))
    return [read(variable) for variable in jaxpr.outvars]


def held(value: Any, aval: Any, arithmetic: Arithmetic) -> Any:
    """`value` as this arithmetic holds it, where the trace says what it is; keys and tokens stay as they are."""
    dtype = getattr(aval, "dtype", None)
    if dtype is None or not isinstance(dtype, np.dtype):  # a random key, a token
        return value
    return arithmetic.held(value, dtype)


def step(equation: Any, operands: list[Any], arithmetic: Arithmetic) -> Sequence[Any]:
    """The results of one equation.

    Raises:
        BeyondEvaluation: where it cannot be done.
    """
    name, parameters = equation.primitive.name, equation.params
    if name == "convert_element_type":
        return [_converted(operands[0], parameters["new_dtype"], arithmetic)]
    if name in ("while", "scan", "cond"):
        looped: list[Any] = _LOOPS[name](operands, parameters, arithmetic)
        return looped
    rule = RULES.get(name)
    if rule is not None:
        if name in SUMS:  # what is added has been rounded: relative to the terms, not to what is left of them
            operands = [arithmetic.rounded(operand) for operand in operands]
        try:
            told = (
                {key: parameters[key] for key in PARAMETERS & parameters.keys()} if name in ELEMENTWISE else parameters
            )
            found = rule(*operands, **told)
        except (TypeError, ValueError, LookupError, AttributeError):
            return _in_double(equation, operands, arithmetic)
        results = list(found) if equation.primitive.multiple_results else [found]
        return [arithmetic.rounded(np.asarray(one)) for one in results] if name in NOISY else results
    for key in CALLS:
        inner = parameters.get(key)
        if inner is not None:
            return _called(inner, operands, arithmetic)
    return _in_double(equation, operands, arithmetic)


def _told(name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    if name not in ELEMENTWISE:
        return parameters
    return {key: value for key, value in parameters.items() if key in PARAMETERS}


def _called(inner: Any, operands: Sequence[Any], arithmetic: Arithmetic) -> list[Array]:
    jaxpr = getattr(inner, "jaxpr", inner)
    return evaluate(jaxpr, getattr(inner, "consts", ()), operands, arithmetic)


def _converted(value: Array, dtype: Any, arithmetic: Arithmetic) -> Array:
    if not is_floating(dtype):
        with np.errstate(all="ignore"):
            return value.astype(dtype)
    if arithmetic.casts_to(dtype) and value.dtype.kind in "fc":
        return arithmetic.held(value.astype(dtype), dtype)
    if np.dtype(dtype).kind != "c" and value.dtype.kind == "c":
        value = value.real
    return arithmetic.held(value, dtype)


def _in_double(equation: Any, operands: Sequence[Any], arithmetic: Arithmetic) -> list[Any]:
    """By JAX, in the trace's own dtypes; with the noise of a rounding in float64."""
    narrowed = []
    for operand, variable in zip(operands, equation.invars):
        dtype = getattr(variable.aval, "dtype", None)
        if not isinstance(dtype, np.dtype) or not is_floating(dtype):
            narrowed.append(operand)
            continue
        with np.errstate(all="ignore"):
            double = operand.astype(dtype)
        if np.any(np.isfinite(operand) & ~np.isfinite(double)) or np.any((operand != 0) & (double == 0)):
            raise BeyondEvaluation(equation.primitive.name)
        narrowed.append(double)
    try:
        import jax.numpy as jnp

        given = [jnp.asarray(one) if isinstance(one, np.ndarray) else one for one in narrowed]
        found = equation.primitive.bind(*given, **equation.params)
    except Exception as error:  # JAX's own: a primitive that only exists inside a program
        raise BeyondEvaluation(equation.primitive.name) from error
    results = list(found) if equation.primitive.multiple_results else [found]
    return [
        arithmetic.rounded(held(np.asarray(one), variable.aval, arithmetic), DOUBLE_EPSILON)
        if isinstance(getattr(variable.aval, "dtype", None), np.dtype)
        else one
        for one, variable in zip(results, equation.outvars)
    ]


def _while(operands: list[Any], parameters: Mapping[str, Any], arithmetic: Arithmetic) -> list[Any]:
    tests, bodies = parameters["cond_nconsts"], parameters["body_nconsts"]
    of_test, of_body, carry = operands[:tests], operands[tests : tests + bodies], operands[tests + bodies :]
    for _ in range(LOOPS):
        if not bool(_called(parameters["cond_jaxpr"], [*of_test, *carry], arithmetic)[0]):
            return carry
        carry = list(_called(parameters["body_jaxpr"], [*of_body, *carry], arithmetic))
    raise BeyondEvaluation("while")


def _scan(operands: list[Any], parameters: Mapping[str, Any], arithmetic: Arithmetic) -> list[Any]:
    fixed, carried, length = parameters["num_consts"], parameters["num_carry"], parameters["length"]
    constants, carry = operands[:fixed], operands[fixed : fixed + carried]
    sequences = operands[fixed + carried :]
    stacked: list[Any] = [None] * length
    for position in reversed(range(length)) if parameters["reverse"] else range(length):
        found = _called(parameters["jaxpr"], [*constants, *carry, *(one[position] for one in sequences)], arithmetic)
        carry, stacked[position] = found[:carried], found[carried:]
    if not length:
        raise BeyondEvaluation("scan")
    return [*carry, *(np.stack(parts) for parts in zip(*stacked))]


def _cond(operands: list[Any], parameters: Mapping[str, Any], arithmetic: Arithmetic) -> list[Any]:
    branches = parameters["branches"]
    return _called(branches[int(np.clip(int(operands[0]), 0, len(branches) - 1))], operands[1:], arithmetic)


_LOOPS: Mapping[str, Any] = {"while": _while, "scan": _scan, "cond": _cond}
