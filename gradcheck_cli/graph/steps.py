"""A trace as a flat list of steps: jitted parts are looked into; a loop, or a function with its own rule, is one."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck_cli.tracing.calls import Call, Place, calls_of, place_of
from gradcheck_cli.tracing.trace import Trace, inner_jaxprs

LOOKED_INTO = frozenset({"jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint"})
"""Primitives that only call another jaxpr."""

WITH_RULES = frozenset({"custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"})
"""Functions with a derivative of their own: what is inside is not what is differentiated."""

JAXS_OWN = 1_000_000
"""Calls of functions that JAX has jitted are numbered from here on."""


@dataclass(frozen=True)
class Operand:
    """What a step is given: a value by number, or a constant of the program's text."""

    value: int | None = None
    constant: Any = None


@dataclass(frozen=True)
class Step:
    """One equation, whatever jaxpr it was in.

    Attributes:
        jaxpr: the program that the equation stands in.
        operands, results: numbers of values.
        calls: what it was made in: the user's functions, and JAX's jitted ones, the outermost first.
    """

    equation: Any
    jaxpr: Any
    operands: tuple[Operand, ...]
    results: tuple[int, ...]
    calls: tuple[Call, ...]
    place: Place | None


@dataclass
class Steps:
    """All steps of a trace.

    Attributes:
        constants: values that the trace holds, by number.
        names: what the user calls a value, by number.
    """

    steps: list[Step]
    inputs: tuple[int, ...]
    outputs: tuple[Operand, ...]
    constants: dict[int, Any]
    names: dict[int, str]

    @property
    def key(self) -> Hashable:
        """The same for steps that compute the same of inputs and constants; one of its own where that is not told."""
        steps = tuple(
            (
                step.equation.primitive,
                tuple(sorted(step.equation.params.items(), key=lambda item: item[0])),
                tuple(_key(operand) for operand in step.operands),
                step.results,
            )
            for step in self.steps
        )
        key = steps, self.inputs, tuple(map(_key, self.outputs)), tuple(self.constants)
        try:
            hash(key)
        except TypeError:  # a parameter that cannot be hashed
            return object()
        return key


def _key(operand: Operand) -> Hashable:
    constant = np.asarray(operand.constant)
    return operand.value if operand.value is not None else (constant.dtype.str, constant.shape, constant.tobytes())


def steps_of(trace: Trace) -> Steps:
    """The steps of a trace; `Trace.names` and calls are there where the calls were followed."""
    return Flattening(trace).steps()


@dataclass
class Flattening:
    """Writes a trace's steps in one list; a subclass looks into more of them."""

    trace: Trace
    found: list[Step] = field(default_factory=list)
    constants: dict[int, Any] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    count: int = 0
    calls: int = JAXS_OWN

    def steps(self) -> Steps:
        """All of them."""
        closed = self.trace.jaxpr
        known: dict[Any, Operand] = {}
        for variable, constant in zip(closed.jaxpr.constvars, closed.consts):
            known[variable] = Operand(self._constant(constant))
        inputs = tuple(self._new(variable, known) for variable in closed.jaxpr.invars)
        self._flatten(closed.jaxpr, known, (), None, is_users=True)
        outputs = tuple(operand_of(variable, known) for variable in closed.jaxpr.outvars)
        return Steps(self.found, inputs, outputs, self.constants, self.names)

    def _flatten(
        self,
        jaxpr: Any,
        known: dict[Any, Operand],
        around: tuple[Call, ...],
        place: Place | None,
        *,
        is_users: bool,
    ) -> None:
        for equation in jaxpr.eqns:
            primitive = equation.primitive.name
            operands = tuple(operand_of(variable, known) for variable in equation.invars)
            calls = around + calls_of(equation)
            # JAX keeps what it has jitted: inside `jnp.where` the lines are those of its first call, wherever that was
            here = (place_of(equation, self.trace.files) if is_users else None) or place
            if self._opened(equation, operands, known, calls, here):
                continue
            if primitive in ("name", "optimization_barrier", "copy", "copy_p"):
                known.update(zip(equation.outvars, operands))
                continue
            results = tuple(self._new(variable, known) for variable in equation.outvars)
            self._take(Step(equation, jaxpr, operands, results, calls, here))

    def _take(self, step: Step) -> None:
        self.found.append(step)

    def _opened(
        self,
        equation: Any,
        operands: Sequence[Operand],
        known: dict[Any, Operand],
        calls: tuple[Call, ...],
        place: Place | None,
    ) -> bool:
        """Whether the equation was looked into: then the steps inside stand for it."""
        inner = next(inner_jaxprs(equation), None) if equation.primitive.name in LOOKED_INTO else None
        if inner is None:
            return False
        self._inside(equation, inner, operands, known, calls, place)
        return True

    def _inside(
        self,
        equation: Any,
        inner: Any,
        operands: Sequence[Operand],
        known: dict[Any, Operand],
        calls: tuple[Call, ...],
        place: Place | None,
    ) -> None:
        name = str(equation.params.get("name") or equation.primitive.name).strip("_<>")
        self.calls += 1
        inside: dict[Any, Operand] = dict(zip(inner.invars, operands))
        closed = next((value for value in equation.params.values() if hasattr(value, "consts")), None)
        for variable, constant in zip(inner.constvars, closed.consts if closed is not None else ()):
            inside[variable] = Operand(self._constant(constant))
        # one step is no call worth a name of its own: `jnp.where` is jitted, and selects
        around = calls if len(inner.eqns) < 2 else (*calls, Call(name, self.calls))
        self._flatten(inner, inside, around, place, is_users=self._is_users(inner))
        known.update(zip(equation.outvars, (operand_of(variable, inside) for variable in inner.outvars)))

    def _is_users(self, jaxpr: Any) -> bool:
        """Whether a jitted function stands in one of the user's files."""
        where = str(getattr(jaxpr.debug_info, "func_src_info", ""))
        return any(path in where for path in self.trace.files)

    def _new(self, variable: Any, known: dict[Any, Operand]) -> int:
        number = self.count
        self.count += 1
        known[variable] = Operand(number)
        if variable in self.trace.names:
            self.names[number] = self.trace.names[variable]
        return number

    def _constant(self, value: Any) -> int:
        number = self.count
        self.count += 1
        self.constants[number] = np.asarray(value)
        return number


def operand_of(variable: Any, known: Mapping[Any, Operand]) -> Operand:
    """What a variable of a jaxpr stands for."""
    if hasattr(variable, "val"):
        return Operand(constant=np.asarray(variable.val))
    return known[variable]


def function_name(equation: Any) -> str:
    """Of a step with a rule of its own, the function's: `relu`."""
    inner = next(inner_jaxprs(equation), None)
    if inner is not None:
        for step in inner.eqns:
            if step.primitive.name in LOOKED_INTO and step.params.get("name"):
                return str(step.params["name"])
    name = str(equation.params.get("name") or "")
    return name or equation.primitive.name
