"""A forward as steps that blame can tell apart: the turns of a loop one by one, and of a condition the branch taken.

A loop of few turns stands for its turns, so that each has edges of its own. Which branch is taken, and how often a
loop turns that stops by itself, is read off the values of this case. A function of JAX's own with a rule for its
derivative stands for what is inside: `jax.nn.relu` is no one's path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.graph.steps import Flattening, Operand, Step, Steps, operand_of
from gradcheck_cli.graph.values import function_of, value_of
from gradcheck_cli.tracing.calls import Call, Place
from gradcheck_cli.tracing.trace import Trace, inner_jaxprs, primitive_names

BY_VALUE = frozenset({"cond", "while"})
"""What comes next depends on values."""

RULED = "custom_jvp_call"


def unrolled(trace: Trace, inputs: Sequence[NDArray[Any]], most: int, *, with_rules: bool = False) -> Steps:
    """The steps of a trace at these inputs; a loop that would make more than `most` of them in all stays one.

    Args:
        with_rules: functions of JAX's with a rule of their own stay one step.
    """
    flattening = _Unrolling(trace, most=most, with_rules=with_rules)
    if BY_VALUE & set(primitive_names(trace.jaxpr.jaxpr)):
        flattening.values = dict(_numbered(trace, inputs))
    return flattening.steps()


def _numbered(trace: Trace, inputs: Sequence[NDArray[Any]]) -> list[tuple[int, Any]]:
    """The inputs by number: they follow the trace's constants."""
    first = len(trace.jaxpr.jaxpr.constvars)
    return [(first + position, value) for position, value in enumerate(inputs)]


@dataclass
class _Unrolling(Flattening):
    most: int = 0
    with_rules: bool = False
    values: dict[int, Any] | None = field(default=None)
    """What is known of this case, where it is needed at all."""
    maker: dict[int, Step] = field(default_factory=dict)

    def _take(self, step: Step) -> None:
        super()._take(step)
        self.maker.update((result, step) for result in step.results)

    def _constant(self, value: Any) -> int:
        number = super()._constant(value)
        if self.values is not None:
            self.values[number] = self.constants[number]
        return number

    def _value(self, operand: Operand) -> Any:
        """Only what it is made of is run: JAX compiles each kind of step for it."""
        assert self.values is not None
        left = [operand.value]
        while left:
            number = left[-1]
            if number is None or number in self.values:
                left.pop()
                continue
            step = self.maker[number]
            missing = [one.value for one in step.operands if one.value is not None and one.value not in self.values]
            left += missing
            if not missing:
                results = function_of(step)(*[value_of(one, self.values) for one in step.operands])
                self.values.update(zip(step.results, results))
        return value_of(operand, self.values)

    def _opened(
        self,
        equation: Any,
        operands: Sequence[Operand],
        known: dict[Any, Operand],
        calls: tuple[Call, ...],
        place: Place | None,
    ) -> bool:
        around = _Around(known, calls, place)
        match equation.primitive.name:
            case "scan":
                return self._scan(equation, operands, around)
            case "while" if self.values is not None:
                return self._while(equation, operands, around)
            case "cond" if self.values is not None:
                index, *given = operands
                branches = equation.params["branches"]
                taken = branches[int(np.clip(int(self._value(index)), 0, len(branches) - 1))]
                self._leave(equation, self._body(taken, given, around), around)
                return True
            case name if name == RULED and not self.with_rules and not self._is_users(next(inner_jaxprs(equation))):
                self._leave(equation, self._body(equation.params["call_jaxpr"], operands, around), around)
                return True
        return super()._opened(equation, operands, known, calls, place)

    def _scan(self, equation: Any, operands: Sequence[Operand], around: _Around) -> bool:
        parameters = equation.params
        body, length = parameters["jaxpr"], int(parameters["length"])
        if len(self.found) + length * _size(body.jaxpr) > self.most:
            return False
        fixed, carried = parameters["num_consts"], parameters["num_carry"]
        constants, carry = list(operands[:fixed]), list(operands[fixed : fixed + carried])
        each = operands[fixed + carried :]
        stacked: list[list[Operand]] = []
        turns = range(length - 1, -1, -1) if parameters["reverse"] else range(length)
        for turn in turns:
            slices = self._made(_turn_of(turn), each, equation.invars[fixed + carried :], around)
            results = self._body(body, [*constants, *carry, *slices], around)
            carry = list(results[:carried])
            stacked.append(list(results[carried:]))
        if parameters["reverse"]:
            stacked.reverse()
        parts = [part for each in zip(*stacked) for part in each]
        like = [of for of in body.out_avals[carried:] for _ in range(length)]
        wholes = self._made(_stacked(length), parts, like, around)
        self._leave(equation, [*carry, *wholes], around)
        return True

    def _while(self, equation: Any, operands: Sequence[Operand], around: _Around) -> bool:
        parameters = equation.params
        asked, turned = parameters["cond_nconsts"], parameters["body_nconsts"]
        condition, body = parameters["cond_jaxpr"], parameters["body_jaxpr"]
        carry, start = list(operands[asked + turned :]), len(self.found)

        def goes_on() -> bool:
            given = [self._value(operand) for operand in (*operands[:asked], *carry)]
            return bool(jax.core.eval_jaxpr(condition.jaxpr, condition.consts, *given)[0])

        while goes_on():
            if len(self.found) + _size(body.jaxpr) > self.most:
                del self.found[start:]
                return False
            carry = list(self._body(body, [*operands[asked : asked + turned], *carry], around))
        self._leave(equation, carry, around)
        return True

    def _body(self, closed: Any, operands: Sequence[Operand], around: _Around) -> list[Operand]:
        """The steps of a program inside; what comes out of it."""
        jaxpr = closed.jaxpr
        inside: dict[Any, Operand] = dict(zip(jaxpr.invars, operands))
        for variable, constant in zip(jaxpr.constvars, closed.consts):
            inside[variable] = Operand(self._constant(constant))
        self._flatten(jaxpr, inside, around.calls, around.place, is_users=self._is_users(jaxpr))
        return [operand_of(variable, inside) for variable in jaxpr.outvars]

    def _made(
        self, function: Callable[..., list[Any]], operands: Sequence[Operand], like: Sequence[Any], around: _Around
    ) -> list[Operand]:
        """The steps of what a loop does between its turns."""
        avals = [getattr(one, "aval", one) for one in like]
        shapes = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in avals]
        return self._body(jax.make_jaxpr(function)(*shapes), operands, around)

    def _leave(self, equation: Any, results: Sequence[Operand], around: _Around) -> None:
        around.known.update(zip(equation.outvars, results))


@dataclass(frozen=True)
class _Around:
    """Where an equation stands."""

    known: dict[Any, Operand]
    calls: tuple[Call, ...]
    place: Place | None


def _turn_of(turn: int) -> Callable[..., list[Any]]:
    """What one turn of a loop takes of each of the arrays that it goes along."""
    return lambda *wholes: [jax.lax.index_in_dim(whole, turn, 0, False) for whole in wholes]


def _stacked(length: int) -> Callable[..., list[Any]]:
    """What all turns have made, stacked, one after the other."""
    return lambda *parts: [jnp.stack(parts[at : at + length]) for at in range(0, len(parts), length)]


def _size(jaxpr: Any) -> int:
    """How many steps a program makes, the turns of its loops one by one."""
    count = 0
    for equation in jaxpr.eqns:
        inner = sum(_size(part) for part in inner_jaxprs(equation))
        count += inner * int(equation.params["length"]) if equation.primitive.name == "scan" else max(inner, 1)
    return count
