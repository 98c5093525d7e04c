"""Values forward and gradients backward, step by step.

A small graph is one compiled program. In a large one each kind of step is compiled once, however often it comes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun
from numpy.typing import NDArray

from gradcheck_cli.graph.operations import is_elementwise
from gradcheck_cli.graph.steps import Operand, Step, Steps
from gradcheck_cli.witnesses.reference.compiling import compile_program

Array = NDArray[Any]

WHOLE = 400
"""Steps up to which a graph is one program: compiling takes some 3 ms a step then."""


@dataclass
class Values:
    """What is known of a graph at one set of inputs.

    Attributes:
        values: by number.
        gradients: by number, of the scalar Σ upstream · output; no entry where no gradient flows.
        downstream: by step and operand, what goes back there.
        local: by step and operand, of steps that work element by element: the derivative.
        blocked: steps that JAX cannot differentiate, and what it says.
    """

    values: dict[int, Any]
    gradients: dict[int, Any] = field(default_factory=dict)
    downstream: dict[tuple[int, int], Any] = field(default_factory=dict)
    local: dict[tuple[int, int], Any] = field(default_factory=dict)
    blocked: dict[int, str] = field(default_factory=dict)


def evaluate(steps: Steps, inputs: Sequence[Array], upstream: Sequence[Array], *, device: str = "cpu") -> Values:
    """All values at these inputs, and all gradients for these upstream gradients of the outputs."""
    blocked: dict[int, str] = {}
    if len(steps.steps) <= WHOLE:
        given = (list(inputs), list(upstream))

        def whole(inputs: Any, upstream: Any) -> Any:
            return _parts(_evaluated(steps, inputs, upstream, _step_alone, blocked))

        parts = compile_program(whole, given, device)(*given)
    else:
        parts = _parts(_evaluated(steps, inputs, upstream, _Compiled(), blocked))
    values, gradients, downstream, local = ({key: np.asarray(value) for key, value in part.items()} for part in parts)
    return Values(values, gradients, downstream, local, blocked)


def _parts(found: Values) -> tuple[dict[Any, Any], ...]:
    return found.values, found.gradients, found.downstream, found.local


OfStep = Callable[[Step, tuple[int, ...] | None], Callable[..., Any]]
"""A step as a function of its operands; with numbers of operands, what it hands back to those of each of several
upstream gradients."""


def _evaluated(
    steps: Steps, inputs: Sequence[Any], upstream: Sequence[Any], of_step: OfStep, blocked: dict[int, str]
) -> Values:
    found = Values(dict(steps.constants), blocked=blocked)
    found.values.update(zip(steps.inputs, inputs))
    for step in steps.steps:
        outputs = of_step(step, None)(*[value_of(operand, found.values) for operand in step.operands])
        found.values.update(zip(step.results, outputs))
    for operand, gradient in zip(steps.outputs, upstream):
        _add(found.gradients, operand, gradient)
    for position in range(len(steps.steps) - 1, -1, -1):
        step = steps.steps[position]
        if any(result in found.gradients for result in step.results):
            _back(step, position, found, of_step)
    return found


def _back(step: Step, position: int, found: Values, of_step: OfStep) -> None:
    wanted = tuple(k for k, operand in enumerate(step.operands) if _is_floating(operand, found.values))
    if not wanted:
        return
    operands = [value_of(operand, found.values) for operand in step.operands]
    results = [found.values[result] for result in step.results]
    cotangents = [found.gradients.get(number, jnp.zeros_like(one)) for number, one in zip(step.results, results)]
    above = [cotangents]
    if is_elementwise(step):
        above.append([jnp.ones_like(one) for one in results])
    try:
        downstream, *local = of_step(step, wanted)(operands, above)
        for k, gradient in zip(wanted, downstream):
            found.downstream[position, k] = gradient
            _add(found.gradients, step.operands[k], gradient)
        for k, gradient in zip(wanted, local[0] if local else ()):
            found.local[position, k] = gradient
    except Exception as error:  # JAX's own: a while loop, a primitive without a rule
        found.blocked[position] = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _add(gradients: dict[int, Any], operand: Operand, gradient: Any) -> None:
    if operand.value is not None:
        before = gradients.get(operand.value)
        gradients[operand.value] = gradient if before is None else before + gradient


def value_of(operand: Operand, values: Mapping[int, Any]) -> Any:
    """What goes into a step there: a constant, or a value by its number."""
    return operand.constant if operand.value is None else values[operand.value]


def _is_floating(operand: Operand, values: Mapping[int, Any]) -> bool:
    return operand.value is not None and jnp.issubdtype(values[operand.value].dtype, jnp.inexact)


class _Compiled:
    """Steps compiled one by one; those of one kind share a program."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def __call__(self, step: Step, wanted: tuple[int, ...] | None) -> Callable[..., Any]:
        equation = step.equation
        shapes = tuple((tuple(variable.aval.shape), str(variable.aval.dtype)) for variable in equation.invars)
        # numbers of the program's own are a part of it
        numbers = tuple(np.asarray(one.val).tobytes() if hasattr(one, "val") else None for one in equation.invars)
        params = tuple(sorted(equation.params.items(), key=lambda item: item[0]))
        key = (wanted, equation.primitive, params, shapes, numbers)
        try:
            if key not in self._known:
                self._known[key] = jax.jit(_step_alone(step, wanted))
            return self._known[key]  # type: ignore[no-any-return]
        except TypeError:  # a parameter that cannot be hashed
            return jax.jit(_step_alone(step, wanted))


def _step_alone(step: Step, wanted: tuple[int, ...] | None) -> Callable[..., Any]:
    function = function_of(step)
    if wanted is None:
        return function

    def back(operands: Sequence[Any], several: Sequence[Sequence[Any]]) -> Any:
        pull_back = pull_back_of(function, operands, wanted)
        return [
            pull_back([one for one in cotangents if jnp.issubdtype(one.dtype, jnp.inexact)]) for cotangents in several
        ]

    return back


def pull_back_of(function: Callable[..., Any], operands: Sequence[Any], wanted: Sequence[int]) -> Callable[..., Any]:
    """What a step hands back to the wanted operands, for upstream gradients of its floating outputs."""

    def of_wanted(*given: Any) -> Any:
        full = list(operands)
        for k, value in zip(wanted, given):
            full[k] = value
        return [output for output in function(*full) if jnp.issubdtype(output.dtype, jnp.inexact)]

    pull_back: Callable[..., Any] = jax.vjp(of_wanted, *[jnp.asarray(operands[k]) for k in wanted])[1]
    return pull_back


def function_of(step: Step) -> Callable[..., Any]:
    """The step alone, as a function of all its operands."""
    # a constant, or a value that is used twice: each operand gets a variable of its own
    variables = [None if hasattr(old, "val") else copy.copy(old) for old in step.equation.invars]
    given = [variable for variable in variables if variable is not None]
    alone = step.equation.replace(invars=[mine or old for mine, old in zip(variables, step.equation.invars)])
    jaxpr = step.jaxpr.replace(constvars=[], invars=given, outvars=list(alone.outvars), eqns=[alone])
    run = jaxpr_as_fun(ClosedJaxpr(jaxpr, []))
    return lambda *operands: run(*[value for value, mine in zip(operands, variables) if mine is not None])
