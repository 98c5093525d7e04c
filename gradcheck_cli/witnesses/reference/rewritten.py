"""A trace evaluated with other derivatives at some of its steps: the values stay, what flows back through does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradcheck_cli.witnesses.reference.shared_steps import without_names

Rule = Callable[[Any, "Sequence[Value]"], "list[Value] | None"]
"""`(equation, operands) -> results`; None where the rule leaves this equation as it is."""

_CALLS = {"jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "custom_jvp_call": "call_jaxpr"}
"""Equations that only call a program, and the parameter that holds it. Loops and branches are not looked into."""


@dataclass(frozen=True)
class Value:
    """A value inside the trace.

    Attributes:
        array: the value itself.
        varying: whether it depends on the leaves.
        shadow: of an integer or a truth value: the floating value that it was made of, None where there is none.
    """

    array: Any
    varying: bool = False
    shadow: Any = None


def evaluate(closed: Any, constants: Sequence[Any], leaves: Sequence[Any], rules: Mapping[str, Rule]) -> list[Any]:
    """The outputs of a `ClosedJaxpr` at the leaves; rules are by primitive name, `jit:NAME` for a jitted function.

    A rule is asked only where an operand depends on the leaves.
    """
    values = [Value(leaf, varying=True) for leaf in leaves]
    return [value.array for value in _run(closed.jaxpr, [Value(constant) for constant in constants], values, rules)]


def has_any(closed: Any, names: Sequence[str]) -> bool:
    """Whether a program has one of these steps, those of the programs that it calls included."""
    return _has_any(closed.jaxpr, frozenset(names))


def _has_any(jaxpr: Any, names: frozenset[str]) -> bool:
    return any(
        equation.primitive.name in names
        or _title(equation) in names
        or ((inner := _called(equation)) is not None and _has_any(inner[0], names))
        for equation in jaxpr.eqns
    )


def _run(jaxpr: Any, constants: list[Value], operands: list[Value], rules: Mapping[str, Rule]) -> list[Value]:
    known: dict[Any, Value] = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*constants, *operands)))

    def read(variable: Any) -> Value:
        return Value(variable.val) if hasattr(variable, "val") else known[variable]

    for equation in jaxpr.eqns:
        given = [read(variable) for variable in equation.invars]
        known.update(zip(equation.outvars, _step(jaxpr, equation, given, rules)))
    return [read(variable) for variable in jaxpr.outvars]


def _step(jaxpr: Any, equation: Any, given: list[Value], rules: Mapping[str, Rule]) -> list[Value]:
    varying = any(value.varying for value in given)
    if varying:
        rule = rules.get(_title(equation)) or rules.get(equation.primitive.name)
        if rule is not None and (found := rule(equation, given)) is not None:
            return found
        inner = _called(equation)
        if inner is not None and _has_any(inner[0], frozenset(rules)):
            return _run(inner[0], [Value(constant) for constant in inner[1]], given, rules)
    return [Value(result, varying) for result in _plain(jaxpr, equation, [value.array for value in given])]


def _plain(jaxpr: Any, equation: Any, arrays: Sequence[Any]) -> list[Any]:
    """The results of one equation as JAX has it."""
    from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

    by_variable = {variable: array for variable, array in zip(equation.invars, arrays) if not hasattr(variable, "val")}
    wanted = [variable for variable in equation.outvars if type(variable).__name__ != "DropVar"]
    alone = jaxpr.replace(
        constvars=[],
        invars=list(by_variable),
        outvars=wanted,
        eqns=[equation],
        debug_info=without_names(jaxpr),
    )
    found = dict(zip(wanted, jaxpr_as_fun(ClosedJaxpr(alone, []))(*by_variable.values())))
    return [found.get(variable) for variable in equation.outvars]


def _called(equation: Any) -> tuple[Any, Sequence[Any]] | None:
    """The program that an equation calls, and its constants."""
    parameter = _CALLS.get(equation.primitive.name)
    program = equation.params.get(parameter) if parameter else None
    return None if program is None else (program.jaxpr, program.consts)


def _title(equation: Any) -> str:
    return f"jit:{equation.params['name']}" if equation.primitive.name in ("jit", "pjit") else ""
